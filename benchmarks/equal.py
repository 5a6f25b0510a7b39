"""How long `piano` and the Performance-RNN-style baseline would train here: equal DATA.

``python -m benchmarks equal DATA``: updates of both in turns, on the pieces that both were trained
on, in one process with TensorFlow held to one thread, batches made and all; the clock is CPU seconds.
Times the updates that each had, it says what each would take on this machine. (An epoch of ``piano``
is counted without being trained.)
"""

from __future__ import annotations

import csv
import itertools
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")

from benchmarks.baselines.network import Settings as BaselineSettings
from benchmarks.baselines.performance_rnn import _Trainer as BaselineTrainer
from music21_lstm.encoding.performance import PLAYED_RESOLUTION
from music21_lstm.evaluation.baselines import BASELINE_FILE
from music21_lstm.model import checkpoint, presets
from music21_lstm.model.corpora import corpus_pieces, held_out
from music21_lstm.model.settings import EventsSettings
from music21_lstm.model.trainer import Trainer
from music21_lstm.threads import one_thread

BASELINE = Path(__file__).parent / "baselines" / "performance-rnn"
ROUNDS, UPDATES, FIRST = 5, 25, 5


class _Ours:
    """Updates of ``piano``, with its own settings."""

    def __init__(self, pieces: list[Any], settings: EventsSettings) -> None:
        self.trainer = Trainer(pieces, settings)
        self._batches = iter(self.trainer.fed(1))
        self._state = self.trainer.network.silence(settings.batch_size)

    def updates(self, count: int) -> None:
        for batch in itertools.islice(self._batches, count):
            *_, self._state = self.trainer.step(batch, self._state)


class _Baseline:
    """Updates of the baseline, as its own training makes them."""

    def __init__(self, pieces: list[Any], settings: BaselineSettings) -> None:
        self._trainer = BaselineTrainer(settings, pieces, [])

    def updates(self, count: int) -> None:
        trainer = self._trainer
        for batch in itertools.islice(trainer._batches, count):
            *_, trainer._memory = trainer._step(
                batch.tokens, batch.counts, batch.fresh, trainer._memory
            )


def main() -> None:
    data = next((Path(word) for word in sys.argv[1:] if Path(word).is_dir()), None)
    if data is None:
        print("name the folder of the data: python -m benchmarks equal FOLDER")
        return
    folder = presets.path("piano")
    metadata = json.loads((folder / "metadata.json").read_bytes())
    epochs = len(list(csv.reader((folder / "history.csv").open()))) - 1
    facts = json.loads((BASELINE / BASELINE_FILE).read_bytes())
    found = corpus_pieces("piano", data=data, resolution=PLAYED_RESOLUTION, workers=2)
    pieces = [piece for piece in found if piece.sha256 not in held_out("piano")]
    told = {k: v for k, v in metadata["settings"].items() if k not in ("model", "max_minutes")}
    ours_settings = EventsSettings(model=checkpoint.load(folder).config, **told)
    kinds = {"piano": _Ours(pieces, ours_settings)}
    kinds["performance-rnn"] = _Baseline(pieces, BaselineSettings(**facts["settings"]))
    had = {
        "piano": epochs * sum(1 for _ in _batches(kinds["piano"].trainer)),
        "performance-rnn": facts["measured"]["steps"],
    }
    spent = dict.fromkeys(kinds, 0.0)
    with one_thread():
        for kind in kinds.values():
            kind.updates(FIRST)
        for _ in range(ROUNDS):
            for name, kind in kinds.items():
                start = time.process_time()
                kind.updates(UPDATES)
                spent[name] += time.process_time() - start
    print(f"{len(pieces)} pieces; {ROUNDS} rounds of {UPDATES} updates in turns")
    for name, seconds in spent.items():
        each = seconds / ROUNDS / UPDATES
        minutes = each * had[name] / 60
        print(
            f"{name:16} {1000 * each:6.1f} CPU ms an update, {had[name]} updates: {minutes:.0f} min"
        )


def _batches(trainer: Trainer) -> Any:
    return trainer._train.epoch(1)


if __name__ == "__main__":
    main()
