"""Run the benchmarks that are named, or all."""

import importlib
import sys

ALL = (
    "streams",
    "midi",
    "generation",
    "startup",
    "million",
    "musicxml",
    "drift",
    "memory",
    "roundtrip",
)

for name in sys.argv[1:] or ALL:
    print(f"--- {name}: {importlib.import_module(f'benchmarks.{name}').__doc__.splitlines()[0]}")
    importlib.import_module(f"benchmarks.{name}").main()
    print(flush=True)
