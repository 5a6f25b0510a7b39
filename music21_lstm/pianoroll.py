"""A picture of a performance: time across, pitch up, velocity as colour."""

from __future__ import annotations

import os
from collections.abc import Sequence

from music21_lstm.encoding.events import ControlChange
from music21_lstm.encoding.performance import Performance
from music21_lstm.files import whole_file

__all__ = ["pedal_of", "plot_piano_roll"]

_SUSTAIN = 64


def plot_piano_roll(
    performance: Performance, path: str | os.PathLike[str], *, title: str = ""
) -> None:
    """Write a piano roll of *performance* to the PNG *path*: seconds, pitches, velocities, pedal."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.collections import LineCollection
    from matplotlib.figure import Figure

    times = performance.times
    end = max(times, default=0.0)
    notes = performance.notes
    lines = [
        [(times[n.on], n.pitch), (times[n.off] if n.off is not None else end, n.pitch)]
        for n in notes
    ]
    # A Figure of its own, without pyplot: nothing of the user's session is touched.
    figure = Figure(figsize=(min(40.0, max(8.0, end / 4)), 5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    roll = LineCollection(
        lines, array=[n.velocity for n in notes], cmap="viridis", linewidths=3, capstyle="butt"
    )
    roll.set_clim(0, 127)
    axes.add_collection(roll)
    lowest = min((n.pitch for n in notes), default=21)
    highest = max((n.pitch for n in notes), default=108)
    for start, stop in pedal_of(performance, times):
        axes.plot([start, stop], [lowest - 3, lowest - 3], color="0.5", linewidth=3)
    axes.set(
        xlim=(0, max(end, 0.1)),
        ylim=(lowest - 5, highest + 2),
        xlabel="seconds",
        ylabel="MIDI pitch",
    )
    axes.set_title(title, parse_math=False)
    figure.colorbar(roll, ax=axes, label="velocity")
    with whole_file(path) as temporary:
        figure.savefig(temporary, format="png", dpi=120)


def pedal_of(performance: Performance, times: Sequence[float]) -> list[tuple[float, float]]:
    """The stretches, in seconds, in which the sustain pedal is down on some channel.

    >>> down, up = ControlChange(0, 0, 64, 127), ControlChange(480, 0, 64, 0)
    >>> pedal_of(Performance(480, [down, up]), [0.0, 0.5])
    [(0.0, 0.5)]
    """
    found: list[tuple[float, float]] = []
    held: dict[int, float] = {}
    for time, event in zip(times, performance.events, strict=True):
        if not isinstance(event, ControlChange) or event.control != _SUSTAIN:
            continue
        if event.value >= 64:
            held.setdefault(event.channel, time)
        elif event.channel in held:
            found.append((held.pop(event.channel), time))
    found += [(start, times[-1]) for start in held.values()]
    return sorted(found)
