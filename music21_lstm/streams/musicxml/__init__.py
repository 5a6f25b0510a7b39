"""MusicXML 4.0 of engraved scores, in time linear in the notes.

music21's own exporter copies every chord, looks all spanners through for every element, and numbers
the voices of a piano's left hand anew in each bar. Here the score is walked over once, and what
makes up nearly all of a page (plain notes, rests, ties, beams, tuplets, articulations) is written
directly; each rarer object is handed, alone, to music21's exporter. A Score that is not laid out as
engraving lays it out goes to music21 as a whole.
"""

from music21_lstm.streams.musicxml.document import engraved_bytes, musicxml_bytes, mxl_bytes

__all__ = ["engraved_bytes", "musicxml_bytes", "mxl_bytes"]
