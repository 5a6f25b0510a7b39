"""The README's examples, as written, in an empty folder."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
PYTHON = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
CONSOLE = re.findall(r"```console\n(.*?)```", README, flags=re.DOTALL)


def run(command, folder):
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, env=environment
    )


@pytest.mark.parametrize("code", PYTHON, ids=range(len(PYTHON)))
def test_each_python_example_runs_as_written(code, tmp_path):
    result = run([sys.executable, "-c", code], tmp_path)
    assert result.returncode == 0, result.stderr


def test_the_console_examples_run_one_after_another(tmp_path):
    lines = [line for block in CONSOLE for line in block.splitlines() if line.startswith("$ ")]
    assert len(lines) > 10
    for line in lines:
        program, *arguments = shlex.split(line.removeprefix("$ "))
        assert program == "music21-lstm"
        result = run([sys.executable, "-m", "music21_lstm", *arguments], tmp_path)
        assert result.returncode == 0, f"{line}\n{result.stderr}"
    made = {path.name for path in tmp_path.iterdir()}
    assert {"new.musicxml", "new.mp3", "new.flac", "roll.png", "song.mid", "my-model"} <= made
    assert {"some-3.mid", "filled.musicxml", "surprise.musicxml", "tuned"} <= made


def test_the_examples_are_found():
    assert len(PYTHON) == 4
