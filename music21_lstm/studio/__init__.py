"""The page on this machine with a form: improvise, listen, choose bars, have them written anew.

It answers to this machine alone, and one piece is made at a time; the others wait.
"""

from music21_lstm.studio.serving import serve

__all__ = ["serve"]
