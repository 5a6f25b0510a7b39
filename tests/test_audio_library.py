"""FluidSynth is found, named, and never in the way."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from music21_lstm.audio import library
from music21_lstm.audio.libfluidsynth import VARIABLE


def python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, VARIABLE: "", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_library_of_version_2_is_found():
    found = library()
    assert found.version.startswith("2.")
    assert found.path
    assert found.origin


def test_importing_audio_loads_neither_fluidsynth_nor_an_encoder():
    code = "import sys, music21_lstm.audio; print({'fluidsynth', 'soundfile'} & set(sys.modules))"
    assert python(code).stdout == "set()\n"


def test_loading_prints_nothing_even_where_pyfluidsynth_would():
    code = "import music21_lstm.audio as a; a.library()"
    done = python(code, CI="true")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_pygame_is_never_imported_and_find_library_is_put_back():
    code = (
        "import sys, ctypes.util; before = ctypes.util.find_library\n"
        "import music21_lstm.audio as a; a.library()\n"
        "print(before is ctypes.util.find_library, 'pygame' in sys.modules)"
    )
    assert python(code).stdout == "True False\n"


def test_the_environment_names_the_library():
    code = "import music21_lstm.audio as a; f = a.library(); print(f.path, f.origin)"
    path = library().path
    assert python(code, **{VARIABLE: path}).stdout == f"{path} {VARIABLE}\n"


@pytest.mark.parametrize("path", ["/nowhere/libfluidsynth.so", __file__])
def test_a_named_library_that_is_none_is_one_line_and_nothing_else_is_taken(path):
    code = "import music21_lstm.audio as a; a.library()"
    done = python(code, **{VARIABLE: path})
    last = done.stderr.splitlines()[-1]
    assert done.returncode == 1
    assert last.startswith("music21_lstm.errors.FluidSynthError:")
    assert path in last
    assert VARIABLE in last


def test_without_any_library_the_error_says_what_was_tried_and_how_to_install():
    code = (
        "import ctypes.util, importlib.metadata, pathlib\n"
        "def gone(name): raise importlib.metadata.PackageNotFoundError(name)\n"
        "importlib.metadata.files = gone\n"
        "ctypes.util.find_library = lambda name: None\n"
        "from music21_lstm.audio import libfluidsynth\n"
        "libfluidsynth._SYSTEM_PATHS = ()\n"
        "libfluidsynth.library()"
    )
    last = python(code).stderr.splitlines()[-1]
    assert last.startswith("music21_lstm.errors.FluidSynthError: no FluidSynth library (tried:")
    for word in ("pygame-ce", "the system has none", "apt", "dnf", "brew", "choco", VARIABLE):
        assert word in last


def test_a_pyfluidsynth_that_was_imported_before_is_used_as_it_is():
    path = library().path
    code = (
        "import ctypes.util\n"
        f"ctypes.util.find_library = lambda name: {path!r}\n"
        "import fluidsynth, music21_lstm.audio as a\n"
        "print(a.library().path, a.library().origin)"
    )
    # pyfluidsynth itself prints a line where CI is set.
    assert python(code).stdout.splitlines()[-1] == f"{path} loaded before"
