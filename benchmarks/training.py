"""Events a second of training: ours against the post's recipe as the post has it, at one width."""

import itertools
import time
from pathlib import Path

import numpy as np

from music21_lstm.encoding.midi import read_midi
from music21_lstm.model.config import EventsConfig, played_edges
from music21_lstm.model.dataset import pieces_for, vocabulary_of
from music21_lstm.model.network import require_tensorflow
from music21_lstm.model.settings import EventsSettings
from music21_lstm.model.trainer import Trainer

DATA = Path(__file__).parent.parent / "tests" / "data"
UNITS = 128
WINDOW, BATCH = 15, 24
ROUNDS, LIMIT = 3, 5.0


def posts(tokens: np.ndarray, words: int, steps: int) -> float:
    """Keras as in the post: one-hot windows of 15, LSTM, Dense, softmax, RMSprop, batches of 24."""
    _, keras = require_tensorflow()
    model = keras.Sequential(
        [
            keras.Input((WINDOW, words)),
            keras.layers.LSTM(UNITS),
            keras.layers.Dense(words),
            keras.layers.Activation("softmax"),
        ]
    )
    model.compile(loss="categorical_crossentropy", optimizer=keras.optimizers.RMSprop(0.01))
    windows = np.lib.stride_tricks.sliding_window_view(tokens, WINDOW + 1)[: BATCH * (steps + 5)]
    one_hot = np.eye(words, dtype=np.float32)
    batches = [one_hot[windows[i : i + BATCH]] for i in range(0, len(windows), BATCH)]
    start = 0.0
    for index, batch in enumerate(batches):
        if index == 5:  # the first step compiles
            start = time.perf_counter()
        model.train_on_batch(batch[:, :WINDOW], batch[:, WINDOW])
    return BATCH * (len(batches) - 5) / (time.perf_counter() - start)


def ours(trainer: Trainer, steps: int) -> float:
    """The recipe ``events``, batches made ready and all."""
    seen, start = 0.0, 0.0
    state = trainer.network.silence(trainer.settings.batch_size)
    for index, batch in enumerate(itertools.islice(trainer.fed(1), steps + 5)):
        if index == 5:
            start, seen = time.perf_counter(), 0.0
        *_, state = trainer.step(batch, state)
        seen += float(np.sum(batch["counts"]))
    return seen / (time.perf_counter() - start)


def main() -> None:
    songs = [(path.name, read_midi(path)) for path in sorted(DATA.glob("*.mid"))]
    vocabulary = vocabulary_of(songs[:1])
    numbers = {word: number for number, word in enumerate(vocabulary)}
    from music21_lstm.encoding.notetext import token_of

    tokens = np.array([numbers[token_of(event)] for event in songs[0][1].events])
    model = EventsConfig(
        time_base="played", resolution=50, delta_edges=played_edges(), bar_positions=0,
        units=UNITS, layers=1, ages=True, recall=True, steering=True, pedal=True,
    )  # fmt: skip
    settings = EventsSettings(model=model, batch_size=32, window=64, transpose=5, stretch=0.07)
    trainer = Trainer(pieces_for(songs * 20, model), settings)
    print(f"{len(vocabulary)} tokens of one song, {UNITS} units, one layer; events a second:")
    for _ in range(ROUNDS):
        peer, own = posts(tokens, len(vocabulary), 60), ours(trainer, 40)
        print(
            f"  the post's {peer:6.0f}   ours {own:6.0f} ({own / peer:.1f} times, limit {LIMIT:.0f})"
        )


if __name__ == "__main__":
    main()
