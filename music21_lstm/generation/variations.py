"""Playing n variations in lock step, and those that collapse again with the next seeds."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from music21_lstm.encoding.performance import Performance
from music21_lstm.errors import GenerationError
from music21_lstm.generation.ensemble import Ensemble, ensemble_of
from music21_lstm.generation.index import Index
from music21_lstm.generation.joining import (
    head_of,
    is_played,
    joined,
    mpqn_of,
    onsets_of,
    tail_of,
)
from music21_lstm.generation.length import Length
from music21_lstm.generation.originality import CopyWatch
from music21_lstm.generation.repetition import Repeats
from music21_lstm.generation.request import Request, first_seed, metre_of
from music21_lstm.generation.sampling import FieldSampling
from music21_lstm.generation.surprisal import note_nats
from music21_lstm.generation.take import Span, Take
from music21_lstm.generation.watch import Collapse, Watch
from music21_lstm.model.checkpoint import Checkpoint
from music21_lstm.model.steering import Steering
from music21_lstm.threads import one_thread

__all__ = ["Variation", "endless", "play", "ranked", "variations"]


@dataclass(frozen=True, slots=True)
class Variation:
    """One improvisation with what there is to know of it.

    *seed* alone gives the same *performance* again. *ended* says whether the model itself ended the
    music. *collapsed* are the takes of the seeds just before this one that were thrown away, and why.
    The first *primer* notes were given. *surprisal* is nats a note of what is new, given the primer;
    None as long as nobody asked. *character* is the key, density, velocity level and register that
    were drawn for it (:meth:`~music21_lstm.generation.request.Request.characters`), or None.
    """

    performance: Performance
    seed: int
    ended: bool
    collapsed: tuple[Collapse, ...] = ()
    surprisal: float | None = None
    primer: int = 0
    character: Steering | None = None


def variations(
    checkpoint: Checkpoint,
    heard: Performance | None,
    request: Request,
    count: int,
    measured: bool = False,
    index: Index | None = None,
) -> list[Variation]:
    """The first *count* improvisations, of the request's seed and those after it, that hold up.

    A seed whose take collapses is passed over. *index* is what ``max_copy`` is held against. Raises
    :class:`~music21_lstm.errors.GenerationError` if more seeds in a row collapse than the request
    allows retries.
    """
    if count.__class__ is not int or count < 1:
        raise GenerationError(f"count is {count!r}; it must be a whole number from 1 on")
    greedy = request.sampling(checkpoint.config).greedy
    kept: list[Variation] = []
    failed: list[Collapse] = []
    seed = first_seed(request.seed)
    while len(kept) < count:
        seeds = range(seed, seed + count - len(kept))
        begun, takes = _round(checkpoint, heard, request, seeds, index)
        head = begun.head
        for number, take, character in zip(seeds, takes, begun.characters, strict=True):
            if take.collapse is None:
                new = Performance(begun.ensemble.resolution, take.events)
                whole = joined(checkpoint.config, head, new)
                surprisal = _surprisal(checkpoint, whole, len(head.notes)) if measured else None
                given = len(head.notes)
                if heard is not None and not request.include_primer:
                    bars = not is_played(checkpoint.config)
                    whole, given = tail_of(whole, head, bars=bars), 0
                about = tuple(failed), surprisal, given, character
                kept.append(Variation(whole, number, take.ended, *about))
                failed = []
                continue
            failed.append(replace(take.collapse, seed=number))
            if len(failed) > request.retries or greedy:
                raise _collapsed(failed, greedy)
        seed = seeds.stop
    return kept


def _collapsed(failed: Sequence[Collapse], greedy: bool) -> GenerationError:
    told = "; ".join(str(collapse) for collapse in failed)
    cure = (
        "temperature 0 plays the same with every seed: raise it"
        if greedy
        else "try another seed, a temperature nearer to 1, repetition=0.5, or watch=False"
    )
    return GenerationError(f"the music collapsed ({told}); {cure}")


def _round(
    checkpoint: Checkpoint,
    heard: Performance | None,
    request: Request,
    seeds: Sequence[int],
    index: Index | None,
) -> tuple[_Begun, list[Take]]:
    """What the takes began with, and a take with each of *seeds*."""
    config = checkpoint.config
    length, sampling = request.length(config), request.sampling(config)
    with one_thread():
        begun = _Begun.of(checkpoint, heard, request, seeds, index)
        ensemble = begun.ensemble
        span = Span(_end_tick(ensemble, length, mpqn_of(config, heard)))
        takes = [begun.take(length, span, watched=request.watch) for _ in seeds]
        play(ensemble, takes, sampling)
    return begun, takes


def endless(
    checkpoint: Checkpoint, heard: Performance | None, request: Request, index: Index | None
) -> tuple[Ensemble, Take]:
    """One stream after what it has *heard*, and a take without an end or a watch."""
    begun = _Begun.of(checkpoint, heard, request, [first_seed(request.seed)], index)
    return begun.ensemble, begun.take()


_FREE = Span()


@dataclass(frozen=True, slots=True)
class _Begun:
    """Streams that have heard their primer: the *ensemble*, what is *head*, what takes begin with.

    *characters* are what was drawn for each.
    """

    ensemble: Ensemble
    head: Performance
    repeats: Repeats
    copies: CopyWatch | None
    characters: Sequence[Steering | None]

    @classmethod
    def of(
        cls,
        checkpoint: Checkpoint,
        heard: Performance | None,
        request: Request,
        seeds: Sequence[int],
        index: Index | None,
    ) -> _Begun:
        metre = metre_of(request.time_signature)
        dice = [np.random.default_rng(seed) for seed in seeds]
        characters = request.characters(checkpoint, heard, seeds)
        steers, guidance = [request.wish] * len(seeds), request.guided
        if any(characters):
            # (One that is drawn is what the model makes of it; only a wish is insisted on.)
            steers, guidance = [*characters], 1.0
        ensemble = ensemble_of(checkpoint, heard, metre, dice, steers, guidance)
        head = head_of(checkpoint.config, heard, metre, ensemble.resolution, ensemble.pedal)
        copies = None
        if request.max_copy is not None and index is not None:
            copies = CopyWatch(index, request.max_copy, ensemble.resolution, head)
        repeats = request.repeats(checkpoint.config, onsets_of(heard))
        return cls(ensemble, head, repeats, copies, characters)

    def take(
        self, length: Length | None = None, span: Span = _FREE, *, watched: bool = False
    ) -> Take:
        """A take of one stream; what it keeps up is its own from here on."""
        resolution = self.ensemble.resolution
        return Take(
            resolution,
            length,
            span,
            repeats=copy.deepcopy(self.repeats),
            watch=Watch(resolution) if watched else None,
            copies=self.copies and self.copies.copied(),
            pedal=self.ensemble.pedal,
        )


def play(ensemble: Ensemble, takes: Sequence[Take], sampling: FieldSampling) -> None:
    """Let the ensemble play, event by event, until all *takes* are over."""
    while True:
        asks = [take.ask() for take in takes]
        if asks.count(None) == len(asks):
            return
        for take, step in zip(takes, ensemble.next_events(sampling, asks), strict=True):
            if not take.over:
                take.hear(step)


def _end_tick(ensemble: Ensemble, length: Length, mpqn: int) -> int | None:
    """The tick of the grid at which all must be over, counted from the primer's end."""
    if length.unit == "measures":
        left = -ensemble.position % ensemble.bar
        return left + max(1, round(length.amount * ensemble.bar))
    if length.unit == "seconds":
        return max(1, round(length.amount * 1e6 / mpqn * ensemble.resolution))
    return None


def _surprisal(checkpoint: Checkpoint, whole: Performance, heard: int) -> float | None:
    """Nats a note of *whole* after the first *heard* notes; None if there are no others."""
    if len(whole.notes) == heard:
        return None
    with one_thread():
        nats = note_nats(checkpoint, whole)[0][heard:]
    return sum(nats) / len(nats)


def ranked(found: Sequence[Variation]) -> list[Variation]:
    """*found* with those first whose surprisal is nearest to the median; of two, as they came.

    One in which no note starts comes last.
    """
    known = [each.surprisal for each in found if each.surprisal is not None]
    middle = float(np.median(known)) if known else 0.0
    return sorted(
        found,
        key=lambda v: float("inf") if v.surprisal is None else abs(v.surprisal - middle),
    )
