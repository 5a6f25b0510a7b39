"""Run the benchmarks that are named, or all."""

import importlib
import sys
from pathlib import Path

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
    "comping",
    "equal",
)

first = sys.argv[1] if len(sys.argv) > 1 else None
if first is not None and first not in ALL and not Path(first).exists():
    sys.exit(f"{first}: no benchmark and no file; the benchmarks are {', '.join(ALL)}")

# What is no benchmark's name is an argument of one: a folder, a file.
for name in [word for word in sys.argv[1:] if word in ALL] or ALL:
    print(f"--- {name}: {importlib.import_module(f'benchmarks.{name}').__doc__.splitlines()[0]}")
    importlib.import_module(f"benchmarks.{name}").main()
    print(flush=True)
