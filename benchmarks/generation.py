"""Events a second: both recipes in NumPy against the post's ``model.predict`` loop, all 128 wide."""

import time
from itertools import islice
from pathlib import Path

import numpy as np

from music21_lstm.encoding.midi import read_midi
from music21_lstm.generation import Generator
from music21_lstm.model.checkpoint import Checkpoint
from music21_lstm.model.config import EventsConfig, PostConfig
from music21_lstm.model.dataset import vocabulary_of
from music21_lstm.model.network import arrays_of, build, require_tensorflow

DATA = Path(__file__).parent.parent / "tests" / "data"
ROUNDS = 3


def predict_loop(config: PostConfig, arrays: dict, count: int) -> float:
    """The post's generator: a one-hot window and ``model.predict`` for every event."""
    _, keras = require_tensorflow()
    words = len(config.vocabulary)
    model = keras.Sequential(
        [
            keras.Input((config.window, words)),
            keras.layers.LSTM(config.units),
            keras.layers.Dense(words),
            keras.layers.Activation("softmax"),
        ]
    )
    for variable, values in zip(model.trainable_variables, arrays.values(), strict=True):
        variable.assign(values)
    random = np.random.default_rng(0)
    heard = random.integers(words, size=config.window).tolist()
    start = 0.0
    for index in range(count + 5):
        if index == 5:  # the first calls compile
            start = time.perf_counter()
        window = np.zeros((1, config.window, words), np.float32)
        window[0, np.arange(config.window), heard[-config.window :]] = 1
        chances = model.predict(window, verbose=0)[0].astype(np.float64)
        heard.append(int(random.choice(words, p=chances / chances.sum())))
    return count / (time.perf_counter() - start)


def ours(config: EventsConfig | PostConfig, arrays: dict, count: int) -> float:
    """This package's generator, grammar and sampling included."""
    events = Generator(Checkpoint(config, arrays)).stream(seed=0)
    list(islice(events, 64))
    start = time.perf_counter()
    made = sum(1 for _ in islice(events, count))
    return made / (time.perf_counter() - start)


def main() -> None:
    song = read_midi(DATA / "fur-elise.mid")
    vocabulary = vocabulary_of([("song", song)])
    post = PostConfig(vocabulary, song.resolution)
    factored = EventsConfig(units=128, layers=1, head_units=128)
    arrays = {config.RECIPE: arrays_of(build(config, 0)) for config in (post, factored)}
    print(f"vocabulary of the post's recipe: {len(vocabulary)} tokens; events a second:")
    for _ in range(ROUNDS):
        peer = predict_loop(post, arrays["post"], 60)
        of_post, of_events = (ours(c, arrays[c.RECIPE], 6_400) for c in (post, factored))
        print(
            f"  model.predict {peer:6.1f}   post {of_post:7.0f} ({of_post / peer:4.0f} times, limit 40)"
            f"   events {of_events:7.0f} ({of_events / peer:4.0f} times, limit 200)"
        )


if __name__ == "__main__":
    main()
