"""The command line: a shell over the library. It alone prints.

An expected failure is one line on standard error and exit code 1; a bug keeps its traceback.
"""

from __future__ import annotations

import sys

from music21_lstm.errors import Music21LstmError

__all__ = ["main"]


def main() -> None:
    """Run the command line ``music21-lstm``."""
    from music21_lstm.cli.commands import app

    try:
        app(prog_name="music21-lstm")
    except Music21LstmError as error:
        line = " ".join(str(error).split())
        sys.stderr.write(f"music21-lstm: {line}\n")
        sys.exit(1)
    except BrokenPipeError:
        # Whoever read our output has seen enough (as in `… | head`).
        sys.stderr.close()
        sys.exit(0)
