"""The evaluation from end to end: score, score the baselines, generate, compare."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from threadpoolctl import threadpool_limits

from music21_lstm.encoding.performance import Performance
from music21_lstm.errors import GenerationError, ModelError
from music21_lstm.evaluation.baselines import UnigramBaseline, with_unigram
from music21_lstm.evaluation.likeness import compare, generated
from music21_lstm.evaluation.report import Evaluation, explain
from music21_lstm.evaluation.scores import Baseline, BaselineScore
from music21_lstm.generation.generator import Generator
from music21_lstm.generation.scoring import grid_of
from music21_lstm.generation.variations import Variation
from music21_lstm.model.checkpoint import Checkpoint
from music21_lstm.model.unigram import Unigram

__all__ = ["check_lengths", "evaluate"]

Step = Callable[[str, int], None]
"""Told before each step what it is and how many pieces it has, and after some ``("", how many)``."""


def check_lengths(generate: int, seconds: float) -> None:
    """That so many pieces of so many seconds can be generated."""
    if generate < 0 or not 0 < seconds <= 86_400:
        raise GenerationError(
            f"{generate} pieces of {seconds} seconds cannot be generated; give 0 or more, each of "
            "more than 0 seconds and at most a day"
        )


def evaluate(
    generator: Generator,
    pieces: Sequence[tuple[str, Performance]],
    *,
    baselines: Sequence[Baseline] = (),
    train: Sequence[Performance] = (),
    generate: int = 0,
    seconds: float = 60.0,
    seed: int = 0,
    on_step: Step | None = None,
    **sampling: Any,
) -> Evaluation:
    """What a model makes of *pieces*, each with a name, and how like them its own music is.

    The unigram baseline counts the music to *train* on, or else is taken from the model's metadata;
    if that has none, there is none. *baselines* are scored beside it. *generate* pieces of
    *seconds* are made, shaped as *sampling* says, and compared with *pieces* (0: none).

    Raises :class:`~music21_lstm.errors.ModelError` if there are no pieces or one has no notes, and
    :class:`~music21_lstm.errors.GenerationError` if the model's music collapses again and again.
    """
    if not pieces:
        raise ModelError("no music to evaluate on; name files or folders")
    check_lengths(generate, seconds)
    tell: Step = on_step or (lambda _what, _count: None)
    made: list[Variation] = []
    if generate:  # first: a model that collapses is found out before hours of scoring
        tell("generating", generate)
        made = generated(
            generator.checkpoint, generate, seconds, seed, lambda n: tell("", n), **sampling
        )
    music = [performance for _, performance in pieces]
    # One stream's products are small: more threads than one make them slower.
    with threadpool_limits(limits=1, user_api="blas"):
        tell("scoring", len(pieces))
        explained = explain(generator.checkpoint, pieces, lambda: tell("", 1))
        scores: dict[str, BaselineScore] = {}
        for baseline in [*_unigram(generator.checkpoint, train), *baselines]:
            tell(f"baseline {baseline.name}", len(pieces))
            scores[_free(baseline.name, scores)] = baseline.score(music, lambda: tell("", 1))
    likeness = compare(music, made, generator.checkpoint.config, seconds) if made else None
    return Evaluation(generator.name, generator.checkpoint, explained, scores, likeness)


def _unigram(checkpoint: Checkpoint, train: Sequence[Performance]) -> list[Baseline]:
    counts = with_unigram(checkpoint, train).metadata.get("unigram")
    if counts is None:
        return []
    return [UnigramBaseline(Unigram(grid_of(checkpoint.config), counts))]


def _free(name: str, taken: dict[str, Any]) -> str:
    """*name*, with a number if it is taken: two folders may have one name."""
    number = 2
    found = name
    while found in taken:
        found, number = f"{name} {number}", number + 1
    return found
