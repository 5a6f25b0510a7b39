"""The picture of a performance."""

from __future__ import annotations

from pathlib import Path

from matplotlib import image

from music21_lstm.encoding import Performance
from music21_lstm.encoding.midi import read_midi
from music21_lstm.pianoroll import plot_piano_roll

DATA = Path(__file__).parent / "data"


def test_the_roll_of_real_music_has_ink_where_notes_are(tmp_path):
    plot_piano_roll(read_midi(DATA / "fur-elise.mid"), tmp_path / "roll.png", title="Für Elise")
    plot_piano_roll(Performance(480), tmp_path / "empty.png")
    full, empty = (image.imread(tmp_path / name) for name in ("roll.png", "empty.png"))
    assert full.shape[1] > full.shape[0]
    assert (full[..., :3] < 0.9).any(axis=-1).sum() > 2 * (empty[..., :3] < 0.9).any(axis=-1).sum()
