"""What a training says in the terminal: how long it takes, its curve, and when it memorises."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import music21_lstm as ml
from music21_lstm.cli.train import curve
from music21_lstm.model.corpora import chorales

WORKS = {"bwv66.6", "bwv269", "bwv271", "bwv57.8", "bwv153.1", "bwv267"}
SMALL = (
    "--units 48 --layers 1 --head-units 32 --dropout 0 --held-out 0 --epochs 1 --no-index".split()
)


def train(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "music21_lstm", "train", *map(str, arguments)],
        capture_output=True, text=True, check=False, encoding="utf-8",
    )  # fmt: skip


@pytest.fixture(scope="module")
def tuned(tmp_path_factory):
    """A small model of one chorale that is trained on with five others, quickly and for long."""
    where = tmp_path_factory.mktemp("music")
    for name, piece in chorales(WORKS):
        ml.write(piece, where / f"{Path(name).stem}.mid")
    # (bfloat16, where the processor has it, would take other turns.)
    options = ["--cache", where / "cache", "--precision", "float32"]
    begun = train(where / "bwv66.6.mid", "-o", where / "begun", *SMALL, *options)
    assert begun.returncode == 0, begun.stderr
    (where / "bwv66.6.mid").unlink()
    fast = "--epochs 60 --learning-rate 0.02 --dropout 0 --transpose 0 --batch-size 2".split()
    run = train(where, "--from", where / "begun", "-o", where / "tuned", *fast, *options)
    assert run.returncode == 0, run.stderr
    return run, where / "tuned"


def test_it_is_said_where_it_began_how_long_it_takes_and_what_is_held_out(tuned):
    run, folder = tuned
    lines = run.stderr.splitlines()
    assert lines[0].startswith("before: held out ")
    assert lines[1].startswith("up to 60 epochs of about ")
    assert lines[1].endswith(" in all")
    assert lines[2].startswith("epoch 1/60: ")
    assert lines[-2].startswith("held out: bwv")
    assert lines[-2].endswith(f"the curve is in {folder}/loss.png")


def test_every_line_is_one_of_training_s_own(tuned):
    """TensorFlow says nothing of its own."""
    starts = ("before: ", "up to 60 ", "epoch ", "  held out so far: ", "the model has begun")
    lines = tuned[0].stderr.splitlines()[:-3]
    assert [line for line in lines if not line.startswith(starts)] == []


def test_a_small_model_of_few_pieces_memorises_is_told_so_and_stops(tuned):
    run, folder = tuned
    lines = run.stderr.splitlines()
    warned = [line for line in lines if "has begun to memorise" in line]
    assert len(warned) == 1
    done = sum(line.startswith("epoch ") for line in lines)
    assert done < 60
    so_far = lines[: lines.index(warned[0])]
    losses = [float(line.split()[5]) for line in so_far if line.startswith("epoch ")]
    assert f"epoch {1 + losses.index(min(losses))} is kept" in warned[0]
    assert ml.load(folder).checkpoint.metadata["epoch"] == done - 3
    assert f"stopped after epoch {done} of 60: it no longer got better" in lines


def test_the_curve_in_the_terminal_goes_down_and_up_as_the_losses_do(tuned):
    shown = [line for line in tuned[0].stderr.splitlines() if "held out so far" in line]
    bars = shown[-1].removeprefix("  held out so far: ").split(" ")[0]
    assert bars[0] == "█"
    assert min(bars) == "▁" == bars[-4]


def test_a_terminal_that_has_no_blocks_is_shown_others(monkeypatch):
    class Plain:
        encoding = "ascii"

    monkeypatch.setattr(sys, "stderr", Plain())
    assert curve([3.0, 2.0, 1.0, 1.5]) == "#=_- (best: 1.0000)"
    assert curve([1.0]) == "_ (best: 1.0000)"


def test_a_training_that_goes_on_in_another_process_ends_with_the_same_bytes(tmp_path):
    [(_, chorale)] = chorales({"bwv66.6"})
    ml.write(chorale, tmp_path / "chorale.mid")
    small = "--units 8 --layers 1 --head-units 8 --dropout 0.2 --held-out 0 --epochs 3".split()

    def weights(name, *more):
        run = train(
            tmp_path / "chorale.mid", "-o", tmp_path / name, *small, "--no-index", "--cache",
            tmp_path / "cache", *more,
        )  # fmt: skip
        assert run.returncode == 0, run.stderr
        return (tmp_path / name / "weights.safetensors").read_bytes()

    stopped = weights("stopped", "--max-minutes", "0.0001")
    whole = weights("whole")
    assert stopped != whole == weights("stopped", "--resume")
