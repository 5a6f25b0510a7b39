"""The package as others get it: its layers, its imports, its wheel."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

import music21_lstm

ROOT = Path(__file__).parent.parent


def python(code, **options):
    """Run *code* in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, **options
    ).stdout.strip()


def test_importing_does_nothing_heavy_and_prints_nothing():
    code = (
        "import sys, music21_lstm\n"
        "heavy = {'tensorflow', 'keras', 'fluidsynth', 'soundfile', 'safetensors', 'pygame'}\n"
        "assert not heavy & {m.split('.')[0] for m in sys.modules}, sys.modules.keys() & heavy"
    )
    assert python(code) == ""


def test_the_command_line_asks_for_help_without_music21():
    out = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "music21_lstm", "--help"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "Usage" in out.stdout
    assert "| music21\n" not in out.stderr
    assert "numpy" not in out.stderr


def test_encoding_needs_neither_music21_nor_tensorflow():
    code = (
        "import sys; sys.argv = ['music21-lstm']\n"
        "import music21_lstm.encoding.midi, music21_lstm.encoding.notetext\n"
        "assert not {'music21', 'tensorflow', 'numpy'} & set(sys.modules)"
    )
    python(code)


def test_every_public_name_is_there():
    for name in music21_lstm.__all__:
        assert getattr(music21_lstm, name) is not None
    assert set(music21_lstm.__all__) <= set(dir(music21_lstm))
    with pytest.raises(AttributeError, match="no attribute 'sonata'"):
        _ = music21_lstm.sonata


def test_the_version_has_one_source():
    assert importlib.metadata.version("music21-lstm") == music21_lstm.__version__


def lint_imports(folder):
    """Run import-linter on a checkout."""
    program = shutil.which("lint-imports", path=str(Path(sys.executable).parent))
    assert program, "import-linter is not installed; make test installs it"
    return subprocess.run(
        [program, "--no-cache"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(folder)},
    )


def test_imports_point_down_only():
    result = lint_imports(ROOT)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("encoding/notetext.py", "from music21_lstm.streams import decode"),
        ("generation/cell.py", "from music21_lstm.model import network"),
        ("notation/score.py", "from music21_lstm.audio import render"),
        ("generation/fill.py", "from music21_lstm.evaluation import evaluating"),
        ("evaluation/scores.py", "from music21_lstm import training"),
    ],
)
def test_the_contract_of_the_layers_can_fail(tmp_path, module, line):
    shutil.copytree(ROOT / "music21_lstm", tmp_path / "music21_lstm")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    target = tmp_path / "music21_lstm" / module
    target.write_text(target.read_text() + f"\n{line}\n")
    assert lint_imports(tmp_path).returncode == 1


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--outdir", str(folder), str(ROOT)],
        check=True, capture_output=True,
    )  # fmt: skip
    (found,) = folder.glob("*.whl")
    return found


def test_the_wheel_holds_presets_soundfont_and_notices(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    for wanted in (
        "music21_lstm/py.typed",
        "music21_lstm/checkpoints/chorale/weights.safetensors",
        "music21_lstm/checkpoints/chorale/MODEL_CARD.md",
        "music21_lstm/checkpoints/chorale/originality.safetensors",
        "music21_lstm/model/lists/piano.tsv",
        "music21_lstm/model/lists/jazz.tsv",
        "music21_lstm/soundfonts/music21-lstm.sf3",
    ):
        assert wanted in names
    assert any("LICENSES" in name for name in names)
    assert not any(name.startswith(("tests", "benchmarks", "examples")) for name in names)
    assert wheel.stat().st_size < 100e6


def test_the_wheel_generates_and_renders_in_a_fresh_environment_outside_the_checkout(
    wheel, tmp_path
):
    venv.create(tmp_path / "fresh", with_pip=True)
    binaries = tmp_path / "fresh" / ("Scripts" if os.name == "nt" else "bin")
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "MUSIC21"))}

    def call(*command):
        return subprocess.run(
            [str(binaries / command[0]), *command[1:]],
            cwd=tmp_path, check=True, capture_output=True, text=True, env=clean,
        ).stdout  # fmt: skip

    call("python", "-m", "pip", "install", "--quiet", str(wheel))
    where = call("python", "-c", "import music21_lstm; print(music21_lstm.__file__)")
    assert where.startswith(str(tmp_path))
    packages = call("python", "-m", "pip", "list")
    assert "tensorflow" not in packages
    call("music21-lstm", *"generate --measures 2 --seed 1 -o a.mid -o a.musicxml -o a.mp3".split())
    assert (tmp_path / "a.mp3").stat().st_size > 20_000
    assert "score-partwise" in (tmp_path / "a.musicxml").read_text()
    library = binaries.parent / ("Lib" if os.name == "nt" else "lib")
    megabytes = sum(p.stat().st_size for p in library.rglob("*") if p.is_file()) / 1e6
    assert megabytes < 450
