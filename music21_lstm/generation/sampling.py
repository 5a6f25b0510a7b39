"""How a distribution is shaped before one of its classes is drawn: pure functions on logits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from music21_lstm.errors import GenerationError

__all__ = ["FieldSampling", "PerField", "Sampling", "draw", "draws", "shaped"]

Floats = NDArray[np.float32]
_NEVER = np.float32(-np.inf)

PerField = float | Mapping[str, float]
"""One number for all fields of an event, or some fields' own by name: ``{"velocity": 0.5}``."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """How to choose from a distribution; the defaults take it as the model gives it.

    *temperature* divides the logits: below 1 plays safer, above 1 bolder, 0 always takes the likeliest
    (greedy). *top_k* keeps the k likeliest classes (0: all). *top_p* keeps the likeliest whose
    probabilities first add up to p (nucleus sampling; Holtzman et al. 2020). *min_p* keeps those at
    least p times as likely as the likeliest (Nguyen et al. 2024). They apply in this order, to the
    distribution at the given temperature.
    """

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0

    def __post_init__(self) -> None:
        for field in fields(self):
            if not isinstance(getattr(self, field.name), Real):
                raise GenerationError(
                    f"{field.name} is {getattr(self, field.name)!r}; it must be a number"
                )
        if not 0 <= self.temperature <= 100:
            raise GenerationError(f"temperature is {self.temperature}; it must be from 0 to 100")
        if self.top_k < 0 or int(self.top_k) != self.top_k:
            raise GenerationError(f"top_k is {self.top_k}; it must be a whole number, 0 for all")
        if not 0 < self.top_p <= 1:
            raise GenerationError(f"top_p is {self.top_p}; it must be above 0 and at most 1")
        if not 0 <= self.min_p <= 1:
            raise GenerationError(f"min_p is {self.min_p}; it must be from 0 to 1")

    @property
    def truncates(self) -> bool:
        """Whether any class is cut off."""
        return self.top_k > 0 or self.top_p < 1 or self.min_p > 0


@dataclass(frozen=True, slots=True)
class FieldSampling:
    """How to choose each field of an event: when it comes, which key, how loud, and the pedal.

    >>> FieldSampling.of(temperature={"velocity": 0.5}).velocity.temperature
    0.5
    """

    delta: Sampling = Sampling()
    key: Sampling = Sampling()
    velocity: Sampling = Sampling()
    pedal: Sampling = Sampling()

    @classmethod
    def of(
        cls, default: Sampling | FieldSampling = Sampling(), **settings: PerField
    ) -> FieldSampling:
        """From settings of :class:`Sampling`, each a number for all fields or a mapping by field.

        What they leave open is as *default* has it, one for all or field by field. Raises
        :class:`~music21_lstm.errors.GenerationError` for a field that there is not.
        """
        names = [field.name for field in fields(cls)]
        chosen: dict[str, dict[str, Any]] = {name: {} for name in names}
        for setting, value in settings.items():
            by_field = value if isinstance(value, Mapping) else dict.fromkeys(names, value)
            for name, number in by_field.items():
                if name not in chosen:
                    raise GenerationError(
                        f"{setting} for {name!r}: an event has no such field; "
                        f"its fields are {', '.join(names)}"
                    )
                chosen[name][setting] = number
        usual = {
            name: default if isinstance(default, Sampling) else getattr(default, name)
            for name in names
        }
        return cls(**{name: replace(usual[name], **own) for name, own in chosen.items()})

    @property
    def greedy(self) -> bool:
        """Whether the dice decide nothing about the notes: every seed plays the same."""
        return self.delta.temperature == self.key.temperature == self.velocity.temperature == 0

    @property
    def one(self) -> Sampling:
        """The sampling of a model that draws whole tokens.

        Raises :class:`~music21_lstm.errors.GenerationError` if the fields differ.
        """
        if {self.delta, self.velocity, self.pedal} != {self.key}:
            raise GenerationError(
                "this model draws whole tokens, not fields; give one number for all of them"
            )
        return self.key


def shaped(logits: Floats, sampling: Sampling) -> Floats:
    """Unnormalised probabilities of the classes, (…, n), cut off as *sampling* says.

    Logits of minus infinity are classes that are not allowed; they get 0.

    >>> weights = shaped(np.log(np.array([4.0, 3.0, 2.0, 1.0])), Sampling(top_k=2))
    >>> (weights / weights.sum()).round(2).tolist()
    [0.57, 0.43, 0.0, 0.0]
    """
    if sampling.temperature == 0:
        best = logits.argmax(axis=-1, keepdims=True)
        greedy: Floats = (np.arange(logits.shape[-1]) == best).astype(np.float32)
        return greedy
    return _cut(_weights(logits, logits.max(axis=-1, keepdims=True), sampling), sampling)


def _weights(logits: Floats, top: Floats | np.float32, sampling: Sampling) -> Floats:
    """Those at the temperature; *top* is the largest logit, whose weight is 1."""
    # The logits are brought below 0 first: divided by a small temperature they would overflow.
    weights: Floats = np.subtract(logits, top)
    if sampling.temperature != 1:
        np.divide(weights, max(sampling.temperature, 1e-6), weights)
    np.exp(weights, weights)
    return weights


def _cut(weights: Floats, sampling: Sampling) -> Floats:
    """*weights*, in place, without what *sampling* cuts off."""
    if sampling.top_k == 0 and sampling.top_p == 1:
        if sampling.min_p:
            # The likeliest has the weight 1: this alone needs no order.
            np.multiply(weights, np.greater_equal(weights, sampling.min_p), weights)
        return weights
    order = np.argsort(-weights, axis=-1, kind="stable")
    ranked = np.take_along_axis(weights, order, axis=-1)
    np.put_along_axis(weights, order, np.where(_kept(ranked, sampling), ranked, 0), axis=-1)
    return weights


def _kept(ranked: Floats, sampling: Sampling) -> NDArray[np.bool_]:
    """Which classes are kept, (…, n), of those in order of their weights."""
    keep = np.ones(ranked.shape, np.bool_)
    if sampling.top_k:
        keep[..., int(sampling.top_k) :] = False
    if sampling.top_p < 1:
        kept = ranked * keep
        # A class is kept while those before it do not reach p; the first always is.
        so_far = kept.cumsum(axis=-1) - kept
        keep &= so_far < sampling.top_p * kept.sum(axis=-1, keepdims=True)
    if sampling.min_p:
        keep &= ranked >= sampling.min_p * ranked[..., :1]
    keep[..., 0] = True
    return keep


def draws(logits: Floats, sampling: Sampling, dice: Sequence[np.random.Generator]) -> list[int]:
    """One class drawn from each row of *logits*, (streams, n), with the *dice* of each.

    What a row gives does not depend on the others. Raises
    :class:`~music21_lstm.errors.GenerationError` if no class of a row is allowed.
    """
    if len(dice) == 1:
        return [draw(logits[0], sampling, dice[0])]
    if np.isneginf(logits.max(axis=-1)).any():
        raise _nothing_allowed()
    if sampling.temperature == 0:
        best: list[int] = logits.argmax(axis=-1).tolist()
        return best
    steps = shaped(logits, sampling).astype(np.float64)
    np.add.accumulate(steps, 1, None, steps)
    thrown = np.array([each.random() for each in dice])[:, None] * steps[:, -1:]
    # Classes of no probability are passed over, also when the draw is exactly 0.
    chosen: list[int] = np.minimum((steps <= thrown).sum(axis=-1), logits.shape[-1] - 1).tolist()
    return chosen


def draw(logits: Floats, sampling: Sampling, random: np.random.Generator) -> int:
    """One class drawn from *logits*, (n,): what :func:`draws` draws of a row, in fewer operations."""
    best = int(logits.argmax())
    if logits[best] == _NEVER:
        raise _nothing_allowed()
    if sampling.temperature == 0:
        return best
    weights = _cut(_weights(logits, logits[best], sampling), sampling)
    steps = weights.astype(np.float64)
    np.add.accumulate(steps, 0, None, steps)
    chosen = int(steps.searchsorted(random.random() * steps[-1], "right"))
    return min(chosen, len(steps) - 1)


def _nothing_allowed() -> GenerationError:
    return GenerationError("no event is allowed here; the model and its grammar disagree")
