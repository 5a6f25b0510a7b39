"""How the tables of ``music21_lstm/notation/beats`` are learnt, from music whose score is known.

``python -m benchmarks.beats DATA -o music21_lstm/notation/beats/learnt.npz`` takes about five minutes.
DATA holds the corpora's folders; only the works of piano-midi.de that are not held out are learnt
from, and of these none that the Vienna 4x22 corpus has.
"""
