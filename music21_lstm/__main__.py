"""``python -m music21_lstm`` is the command line."""

from music21_lstm.cli import main

if __name__ == "__main__":
    main()
