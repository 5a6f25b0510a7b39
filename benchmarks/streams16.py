"""Events a second of a preset against the bound of reading its weights, for one stream and for 16."""

import sys
import time

import numpy as np

import music21_lstm as ml
from music21_lstm.generation.variations import one_thread
from music21_lstm.model import presets

ROUNDS = 5
STREAMS = 16
LIMIT, TIMES = 0.60, 4.0


def bound(arrays: dict[str, np.ndarray], seconds: float = 1.0) -> float:
    """Events a second if all there were to do is one product a matrix that every event needs.

    Those are the LSTM's and the heads' kernels; embeddings are looked up, and what they add is
    multiplied out once. Vector times matrix, float32, one thread.
    """
    kernels = []
    for name, array in arrays.items():
        if name.endswith(("kernel", "recurrent")):
            kernels.append((np.ones(array.shape[0], np.float32), np.ascontiguousarray(array)))
    units = arrays["lstm_0/recurrent"].shape[0]
    inputs = arrays["lstm_0/kernel"].shape[0]
    # Of the first kernel only the sounding pitches' rows are read as they are, and few of them.
    kernels = [(x, k) for x, k in kernels if k.shape[0] != inputs or inputs == units]
    with one_thread():
        count, start = 0, time.perf_counter()
        while time.perf_counter() - start < seconds:
            for vector, kernel in kernels:
                vector @ kernel
            count += 1
        return count / (time.perf_counter() - start)


def ours(generator: ml.Generator, streams: int, events: int, seed: int) -> float:
    """Events a second of so many streams, grammar, sampling and all."""
    start = time.perf_counter()
    made = generator.perform(events=events, seed=seed, count=streams, watch=False, min_p=0.0)
    return sum(len(one) for one in made) / (time.perf_counter() - start)


def main() -> None:
    named = [word for word in sys.argv[1:] if word in presets.names()]
    for name in named or presets.names():
        generator = ml.load(name)
        arrays = dict(generator.checkpoint.arrays)
        size = sum(array.nbytes for array in arrays.values()) / 1e6
        print(f"{name}: {size:.1f} MB of float32")
        ours(generator, 1, 200, 0)
        rows = []
        for seed in range(ROUNDS):
            limit, one = bound(arrays), ours(generator, 1, 2000, seed)
            many = ours(generator, STREAMS, 500, seed)
            rows.append((one / limit, many / one))
            print(f"  bound {limit:6.0f}   one {one:6.0f} ({one / limit:.2f})   "
                  f"{STREAMS} streams {many:6.0f} ({many / one:.1f} times)")  # fmt: skip
        share, times = np.median(rows, axis=0)
        print(
            f"  median: {share:.2f} of the bound (limit {LIMIT}), {times:.1f} times (limit {TIMES})"
        )


if __name__ == "__main__":
    main()
