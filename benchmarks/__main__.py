"""Run the benchmarks that are named, or all."""

import importlib
import sys

ALL = (
    "streams",
    "midi",
    "generation",
    "streams16",
    "training",
    "collapse",
    "steering",
    "dwelling",
    "startup",
    "million",
    "musicxml",
    "engraving",
    "valid",
    "drift",
    "memory",
    "roundtrip",
    "overlap",
    "originality",
    "notation",
    "metres",
    "even",
    "keys",
    "pages",
    "sound",
    "hour",
)

# What is no benchmark's name is an argument of one: a folder, a file.
for name in [word for word in sys.argv[1:] if word in ALL] or ALL:
    print(f"--- {name}: {importlib.import_module(f'benchmarks.{name}').__doc__.splitlines()[0]}")
    importlib.import_module(f"benchmarks.{name}").main()
    print(flush=True)
