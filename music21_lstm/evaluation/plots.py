"""Pictures of an evaluation: the histogram of each feature, files and generated music together."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from music21_lstm.errors import FileError
from music21_lstm.evaluation.statistics import FEATURES
from music21_lstm.files import whole_file

__all__ = ["plot_histograms"]


def plot_histograms(
    histograms: Mapping[str, Mapping[str, Any]],
    folder: str | os.PathLike[str],
    areas: Mapping[str, float | None],
) -> list[Path]:
    """Write a PNG of each of *histograms* (those of a Likeness) into *folder*; their paths.

    *areas* are what stands in the titles: how much of the two is common.
    """
    target = Path(folder)
    try:
        target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(
            f"{folder}: is no folder for plots ({error.strerror}); name another with --plots"
        ) from None
    written = []
    for name, histogram in histograms.items():
        path = target / f"{name}.png"
        area = areas[name]
        common = "not learned" if area is None else f"{area:.0%} in common"
        _plot(name, histogram, f"{name.replace('_', ' ')}: {common}", path)
        written.append(path)
    return written


def _plot(name: str, histogram: Mapping[str, Any], title: str, path: Path) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    # A Figure of its own, without pyplot: nothing of the user's session is touched.
    figure = Figure(figsize=(8, 4), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for who, color in (("files", "tab:blue"), ("generated", "tab:orange")):
        counts, total = histogram[who], max(1, sum(histogram[who]))
        shares = [count / total for count in counts]
        axes.stairs(shares, histogram["edges"], fill=True, alpha=0.4, color=color, label=who)
    if FEATURES[name].logarithmic:
        axes.set_xscale("symlog", linthresh=histogram["edges"][1])
    axes.set(ylabel="share", xlim=(histogram["edges"][0], histogram["edges"][-1]))
    axes.set_title(title, parse_math=False)
    axes.legend()
    with whole_file(path) as temporary:
        figure.savefig(temporary, format="png", dpi=120)
