"""Many sound files at a time: in parallel, without those that are done, going on after a bad one."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from music21_lstm.cli.output import STANDARD, Printer, progress, read_source, title_of, track_of
from music21_lstm.errors import AudioError, FileError, Music21LstmError

__all__ = ["Job", "Reading", "render_all", "render_one"]


@dataclass(frozen=True, slots=True)
class Reading:
    """How a source is read to be heard."""

    track: str | None = None
    percussion: bool = True
    performed: bool = True


@dataclass(frozen=True, slots=True)
class Job:
    """One *source* for one *target*; *options* go to the renderer, *tags* into the file."""

    source: str
    target: str
    reading: Reading
    options: dict[str, Any]
    tags: dict[str, str]
    stems: bool = False


class _Outcome(NamedTuple):
    job: Job
    facts: list[dict[str, Any]]
    error: str | None


def render_one(job: Job, target: Any = None, *, recipe: str = "") -> tuple[list[Any], Any]:
    """Render one job, into an open *target* if given; the results, and what was heard."""
    from music21_lstm.audio import Tags, render, render_stems

    music = _ensemble(job)
    source = {"title": music.title, "composer": music.composer, "comment": music.comment}
    named = {"title": title_of(job.source) or "", **{k: v for k, v in source.items() if v}}
    tags = Tags(**{**named, **job.tags}, recipe=recipe)
    if job.stems:
        return render_stems(music, job.target, tags=tags, **job.options), music
    return [render(music, target or job.target, tags=tags, **job.options)], music


def _ensemble(job: Job) -> Any:
    """What is heard of a source. A MIDI file needs no music21, which takes its time to load."""
    from dataclasses import replace

    from music21_lstm.audio import ensemble_of_midi
    from music21_lstm.encoding.midi import is_midi

    data, reading = read_source(job.source), job.reading
    if isinstance(data, bytes):
        played = is_midi(data)
    else:
        played = str(data).lower().endswith((".mid", ".midi", ".smf", ".kar"))
    track = track_of(reading.track)
    if played:
        music = ensemble_of_midi(data, track=track)  # type: ignore[arg-type]
    else:
        from music21_lstm.streams.interpretation import ensemble_from

        music = ensemble_from(data, performed=reading.performed)
    if reading.percussion:
        return music
    return replace(music, parts=tuple(part for part in music.parts if not part.percussion))


def render_all(jobs: Sequence[Job], *, workers: int, force: bool, printer: Printer) -> None:
    """Render *jobs*, *workers* at a time, and say what was written.

    Raises:
        AudioError: some could not be rendered; all the others were.

    """
    _check_distinct(jobs)
    facts: list[dict[str, Any]] = []
    bad: list[str] = []
    outcomes = _outcomes(jobs, workers, force)
    with progress(printer.quiet or printer.as_json, len(jobs), "rendering") as bar:
        for job, done, error in outcomes:
            bar.update(1)
            facts += done
            if error is not None:
                bad.append(error if job.source in error else f"{job.source}: {error}")
    for each in facts:
        what = "already done" if each.get("skipped") else f"{each['duration']:.1f} s"
        printer.say(f"{each['path']}: {what}")
    if printer.as_json:
        printer.result(facts, [])
    if bad:
        raise AudioError(f"{len(bad)} of {len(jobs)} could not be rendered: {'; '.join(bad)}")


def _outcomes(jobs: Sequence[Job], workers: int, force: bool) -> Iterator[_Outcome]:
    from music21_lstm.audio.synth import warm

    if workers == 1 or len(jobs) == 1:
        with warm():
            yield from (_attempt(job, force) for job in jobs)
        return
    # Not at the top: one file at a time needs none of it.
    from concurrent.futures import Executor, ProcessPoolExecutor, as_completed
    from multiprocessing import get_context

    with ExitStack() as stack:
        # A process each: FluidSynth is not trusted with one file's fault beside another's sound.
        pool: Executor = stack.enter_context(
            ProcessPoolExecutor(
                min(workers, len(jobs)), mp_context=get_context("spawn"), initializer=_stay_warm
            )
        )
        running = {pool.submit(partial(_attempt, force=force), job): job for job in jobs}
        for future in as_completed(running):
            try:
                yield future.result()
            except Exception as error:  # The process died: of this file, or of the one beside it.
                yield _Outcome(running[future], [], f"{type(error).__name__}: {error}")


_warmth = ExitStack()


def _stay_warm() -> None:
    """In a worker: keep the samples between its files."""
    from music21_lstm.audio.synth import warm

    _warmth.enter_context(warm())


def _attempt(job: Job, force: bool) -> _Outcome:
    """Render one of many, unless it is done."""
    from music21_lstm.audio import read_tags

    try:
        recipe = _recipe(job)
        target = Path(job.target)
        if not force and read_tags(target, target.suffix[1:].lower()).recipe == recipe:
            return _Outcome(job, [{"path": job.target, "skipped": True}], None)
        results, _ = render_one(job, recipe=recipe)
    except Music21LstmError as error:
        return _Outcome(job, [], " ".join(str(error).split()))
    except Exception as error:  # One file's bug must not cost the others.
        return _Outcome(job, [], " ".join(f"{type(error).__name__}: {error}".split()))
    return _Outcome(job, [plain(result) for result in results], None)


def _recipe(job: Job) -> str:
    """A fingerprint of all that the sound depends on."""
    from music21_lstm import __version__
    from music21_lstm.audio import find, library

    path = Path(job.source)
    data = path.read_bytes() if path.is_file() else job.source.encode()
    bank = find(job.options.get("soundfont")).sha256
    said = (__version__, library().version, bank, sorted(job.options.items()), job.reading)
    text = repr((*said, sorted(job.tags.items()), job.stems))
    return hashlib.sha256(data + text.encode()).hexdigest()[:32]


def _check_distinct(jobs: Sequence[Job]) -> None:
    """That no two sources have one target."""
    seen: dict[str, str] = {}
    for job in jobs:
        if job.source == STANDARD:
            raise FileError("standard input is one source; render it by itself")
        other = seen.setdefault(job.target, job.source)
        if other != job.source:
            raise FileError(
                f"{job.target}: both {other} and {job.source} would be written there; render them "
                "into folders of their own"
            )


def plain(result: Any) -> dict[str, Any]:
    """A result in JSON's types."""
    return {k: str(v) if isinstance(v, Path) else v for k, v in asdict(result).items()}
