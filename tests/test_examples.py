"""The scripts under examples/ run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from music21 import converter

from music21_lstm.encoding.midi import read_midi
from music21_lstm.encoding.notetext import performance_of

EXAMPLES = Path(__file__).parent.parent / "examples"


def test_the_demo_makes_text_midi_score_and_sound_and_says_where(tmp_path):
    out = subprocess.run(
        [sys.executable, str(EXAMPLES / "demo.py"), "made", "3"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for suffix in ("notetext", "mid", "musicxml", "mp3"):
        assert f"made/chorale.{suffix}" in out
    performance = read_midi(tmp_path / "made" / "chorale.mid")
    assert performance == performance_of((tmp_path / "made" / "chorale.notetext").read_text())
    assert len(performance.notes) > 150
    score = converter.parse(tmp_path / "made" / "chorale.musicxml", forceSource=True)
    assert "BWV 66.6" in score.metadata.bestTitle
