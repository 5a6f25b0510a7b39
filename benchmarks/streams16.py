"""Events a second of a preset against the bound of reading its weights, for one stream and for 16.

An event is a note on or a note off: pedal changes come with them and are not counted. One stream and
its bound are measured in CPU seconds of this process, in turns, so that other work on the machine does
not count; 16 streams in seconds by the clock as well.
"""

import sys
import time
from collections.abc import Callable

import numpy as np

import music21_lstm as ml
from music21_lstm.encoding import NoteOff, NoteOn
from music21_lstm.model import presets
from music21_lstm.threads import one_thread

ROUNDS = 5
STREAMS = 16
LIMIT, TIMES = 0.60, 4.0

Arrays = dict[str, np.ndarray]


def kernels(arrays: Arrays) -> Arrays:
    """The matrices that the network multiplies with: all of them, once an event."""
    return {name: a for name, a in arrays.items() if name.endswith(("kernel", "recurrent"))}


def needed(arrays: Arrays) -> Arrays:
    """Those without the first layer's kernel, whose products with the embeddings can be looked up.

    The heads' are in it whole, although of theirs, too, a part is looked up, and although velocity
    is said of note ons alone, and the pedal where time passes.
    """
    return {name: a for name, a in kernels(arrays).items() if name != "lstm_0/kernel"}


def bound(arrays: Arrays, streams: int | None = None, seconds: float = 0.5) -> float:
    """Events a CPU second if all there were to do is one product with each matrix.

    Vector times matrix, float32, one thread: of NumPy's ways to write it the fastest here. With
    *streams*, of so many vectors at once.
    """
    rows = () if streams is None else (streams,)
    products = [
        (
            np.ones((*rows, len(array)), np.float32),
            np.ascontiguousarray(array),
            np.empty((*rows, len(array.T)), np.float32),
        )
        for array in arrays.values()
    ]
    with one_thread():
        count, start = 0, time.process_time()
        while time.process_time() - start < seconds:
            for vector, kernel, out in products:
                np.dot(vector, kernel, out)
            count += 1
        return count * (streams or 1) / (time.process_time() - start)


def ours(generator: ml.Generator, streams: int, events: int, seed: int) -> tuple[float, float]:
    """Events a CPU second, and a second by the clock, of so many streams, grammar and sampling and all.

    The sampling is the preset's default. The watch is off: a take that is thrown away would count.
    """
    clocks: list[Callable[[], float]] = [time.process_time, time.perf_counter]
    starts = [clock() for clock in clocks]
    made = generator.perform(events=events, seed=seed, count=streams, watch=False)
    spent = [clock() - start for clock, start in zip(clocks, starts, strict=True)]
    count = sum(isinstance(event, NoteOn | NoteOff) for one in made for event in one.events)
    return count / spent[0], count / spent[1]


def main() -> None:
    named = [word for word in sys.argv[1:] if word in presets.names()]
    for name in named or presets.names():
        generator = ml.load(name)
        arrays = dict(generator.checkpoint.arrays)
        groups = {"all": kernels(arrays), "needed": needed(arrays)}
        sizes = [sum(a.nbytes for a in group.values()) / 1e6 for group in groups.values()]
        print(
            f"{name}: kernels {sizes[0]:.1f} MB of float32, needed for each event {sizes[1]:.1f} MB"
        )
        for count in (1, STREAMS):
            ours(generator, count, 100, 0)
        share = bound(groups["needed"], STREAMS) / bound(groups["needed"])
        print(f"  np.dot of {STREAMS} vectors at once: {share:.1f} times the bound, on one core")
        rows = []
        for seed in range(ROUNDS):
            every, some = (bound(group) for group in groups.values())
            one, one_clock = ours(generator, 1, 2000, seed)
            many, many_clock = ours(generator, STREAMS, 400, seed)
            rows.append((one / every, one / some, many_clock / one_clock, many / one))
            print(
                f"  bound {every:6.0f}, of the needed {some:6.0f}   one {one:6.0f} "
                f"({one / every:.2f}, {one / some:.2f})   {STREAMS} streams: "
                f"{many_clock / one_clock:.1f} times by the clock, {many / one:.1f} by CPU time"
            )
        every, some, clock, cpu = np.median(rows, axis=0)
        print(
            f"  median: {every:.2f} of the bound, {some:.2f} of the needed's (limit {LIMIT}); "
            f"{STREAMS} streams {clock:.1f} times by the clock (limit {TIMES}), {cpu:.1f} by CPU time"
        )


if __name__ == "__main__":
    main()
