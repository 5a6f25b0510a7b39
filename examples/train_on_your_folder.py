"""Train on your own folder: the preset goes on learning, from MIDI, notetext and MusicXML files.

A fifth of the files is held out; what a note of these costs the model tells how much it has learned.
Then both play from the same seed: the preset, and the model that is now yours. It needs the extra
``train`` (TensorFlow), and with a few dozen pieces some minutes.

    python examples/train_on_your_folder.py ~/my-music made
    music21-lstm generate --checkpoint made/model --seed 3 -o more.musicxml
"""

import argparse
from pathlib import Path

import music21_lstm as ml


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("music", type=Path, help="your folder; folders in it are searched, too")
    parser.add_argument("folder", type=Path, help="where to write")
    parser.add_argument(
        "--preset", default="chorale", help="what to begin with: chorale, piano, jazz"
    )
    parser.add_argument("--epochs", type=int, default=8, help="how often all is seen")
    parser.add_argument("--measures", type=int, default=8, help="how much is played at the end")
    parser.add_argument("--seed", type=int, default=3)
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)

    losses = []

    def after_epoch(history):
        losses.append(history[-1].loss)
        print(f"epoch {len(losses)}: {losses[-1]:.2f} nats a held-out note", flush=True)

    ml.train(
        [given.music],
        given.folder / "model",
        start=given.preset,
        epochs=given.epochs,
        seed=given.seed,
        on_epoch=after_epoch,
        on_skip=lambda line: print("skipped", line),
    )

    for name in (given.preset, given.folder / "model"):
        music = ml.load(name).generate(measures=given.measures, seed=given.seed)
        print(music.write("mp3", given.folder / f"{Path(name).name}.mp3"))


if __name__ == "__main__":
    # What reads the files does so in processes of its own, which import this script again.
    main()
