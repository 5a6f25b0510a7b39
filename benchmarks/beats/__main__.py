"""Learn the tables and write them."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from benchmarks.beats.counts import lag_weights, step_tables
from benchmarks.beats.network import priors, train
from benchmarks.beats.pieces import pieces


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.beats", description=__doc__)
    parser.add_argument("data", type=Path, help="the folder with piano-midi-de/midis")
    parser.add_argument("-o", "--output", type=Path, required=True, help="the .npz file to write")
    given = parser.parse_args()
    known = list(pieces(given.data))
    print(f"{len(known)} pieces")
    arrays = step_tables(known) | priors(known)
    arrays["lags"] = lag_weights(known).astype(np.float32)
    arrays |= {f"net.{name}": weights for name, weights in train(known).items()}
    np.savez_compressed(given.output, **arrays)


if __name__ == "__main__":
    main()
