"""render, soundfonts: the sound's commands."""

from __future__ import annotations

import os
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer

from music21_lstm.cli.batch import Job, Reading, plain, render_all, render_one
from music21_lstm.cli.options import AsJson, Quiet, Soundfont, Track
from music21_lstm.cli.output import STANDARD, Printer, is_number, standard_output
from music21_lstm.errors import AudioError, FileError

__all__ = ["render", "soundfonts"]

_LEVELS: dict[str, bool | str] = {"peak": True, "loudness": "loudness", "off": False}


def render(
    sources: Annotated[
        list[str], typer.Argument(help="MIDI, notetext, MusicXML …, one or many; - is stdin.")
    ],
    output: Annotated[
        list[str] | None,
        typer.Option(
            "-o",
            "--output",
            help="WAV, FLAC, OGG, Opus or MP3; of many sources a folder; default: .mp3 beside.",
        ),
    ] = None,
    to: Annotated[
        str | None, typer.Option(help="The format of '-o -' (wav) and in a folder (mp3).")
    ] = None,
    soundfont: Soundfont = None,
    sample_rate: Annotated[int | None, typer.Option(help="Samples a second.")] = None,
    bits: Annotated[str | None, typer.Option(help="Of WAV 16, 24, float; of FLAC 16, 24.")] = None,
    quality: Annotated[str, typer.Option(help="draft, good, best; of MP3 also kbps.")] = "good",
    normalize: Annotated[
        str, typer.Option(help="peak (-1 dBFS), loudness (-16 LUFS) or off.")
    ] = "peak",
    program: Annotated[
        int | None, typer.Option(help="One General MIDI program for all, from 0 (a piano).")
    ] = None,
    gain: Annotated[float | None, typer.Option(help="FluidSynth's gain; default: fit.")] = None,
    max_duration: Annotated[
        float | None, typer.Option(help="Stop the music after so many seconds.")
    ] = None,
    as_written: Annotated[
        bool, typer.Option("--as-written", help="A score as it is written, not as performed.")
    ] = False,
    stems: Annotated[bool, typer.Option("--stems", help="Also a file for each part.")] = False,
    click: Annotated[bool, typer.Option("--click", help="Beat time meanwhile.")] = False,
    count_in: Annotated[int, typer.Option(help="Bars of clicks before the music.")] = 0,
    title: Annotated[str | None, typer.Option(help="Tag; default: the source's.")] = None,
    composer: Annotated[str | None, typer.Option(help="Tag; default: the source's.")] = None,
    album: Annotated[str | None, typer.Option(help="Tag.")] = None,
    track: Track = None,
    percussion: Annotated[
        bool, typer.Option("--percussion/--no-percussion", help="Drums, where there are any.")
    ] = True,
    jobs: Annotated[int, typer.Option("-j", "--jobs", help="Files at a time.")] = 1,
    force: Annotated[bool, typer.Option("--force", help="Of many, render what is done too.")] = (
        False
    ),
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Make listenable files.

    Of many sources those are left out whose file was made of the same source with the same options;
    a bad one does not stop the others.

    Examples:
      music21-lstm render prelude.mid -o prelude.mp3

      music21-lstm render score.musicxml -o score.flac --soundfont ~/banks/grand.sf2 --stems

      music21-lstm render *.mid -o out/ --to ogg -j 2

    """
    from music21_lstm.audio.soundfonts import find as find_soundfont

    options: dict[str, Any] = {
        "soundfont": soundfont,
        "sample_rate": sample_rate,
        "bits": bits,
        "quality": int(quality) if is_number(quality) else quality,
        "normalize": _level(normalize),
        "program": program,
        "gain": gain,
        "max_duration": max_duration,
        "click": click or None,
        "count_in": count_in or None,
    }
    given = {name: value for name, value in options.items() if value is not None}
    if stems and (click or count_in):
        raise AudioError("stems have no click and no count-in; render those by themselves")
    said = {"title": title, "composer": composer, "album": album}
    tags = {name: value for name, value in said.items() if value is not None}
    reading = Reading(track, percussion, not as_written)
    printer = Printer(quiet=quiet, as_json=as_json)
    work = [
        Job(source, target, reading, given, tags, stems)
        for source, target in _pairs(sources, output, to or "mp3")
    ]
    if jobs < 1:
        raise FileError(f"-j {jobs}: at least one file at a time")
    if len(sources) > 1 or _is_folder(output):
        # A bank that is not there is said once, not for each file.
        find_soundfont(soundfont)
        render_all(work, workers=jobs, force=force, printer=printer)
        return
    _render_here(work, to or "wav", printer)


def _render_here(work: list[Job], standard_format: str, printer: Printer) -> None:
    """One source, to one target or several."""
    from music21_lstm.audio.synth import warm

    facts: list[dict[str, Any]] = []
    for job in work:
        _check_target(job, standard_format)
    # Of one target there is no next render to keep samples for.
    with warm() if len(work) > 1 else nullcontext():
        for place, job in enumerate(work):
            if job.target == STANDARD:
                one = Job(**{**_fields(job), "options": {**job.options, "format": standard_format}})
                with standard_output() as out:
                    results, music = render_one(one, out)
            else:
                results, music = render_one(job)
            if place == 0 and music.losses:
                printer.say(f"{job.source}: left out: {'; '.join(map(str, music.losses))}")
            facts += [plain(result) for result in results]
            for result in results:
                printer.say(
                    f"{result.path or STANDARD}: {result.duration:.1f} s{_stood_in(result)}"
                )
    if printer.as_json and all(job.target != STANDARD for job in work):
        printer.result(facts, [])


def _fields(job: Job) -> dict[str, Any]:
    return {name: getattr(job, name) for name in job.__slots__}


def _stood_in(result: Any) -> str:
    missing = ", ".join(str(program) for _, program in result.missing_programs)
    return f" (the soundfont lacks program {missing}; another stood in)" if missing else ""


def _check_target(job: Job, standard_format: str) -> None:
    """That the format is sound and the folder there, before anything is rendered."""
    from music21_lstm.audio import FORMATS

    target = job.target
    name = standard_format if target == STANDARD else Path(target).suffix[1:].lower()
    if name not in FORMATS:
        from music21_lstm.pipeline import format_of

        name = name if target == STANDARD else format_of(target)
        raise AudioError(f"{name} is no sound; render makes {', '.join(FORMATS)}")
    folder = Path(target).parent
    if target != STANDARD and not (folder.is_dir() and os.access(folder, os.W_OK)):
        raise FileError(f"{target}: cannot be written to {folder}; choose a folder of yours")
    if target == STANDARD and job.stems:
        raise AudioError("stems are several files; name one with -o, and they come beside it")


def _level(word: str) -> bool | str:
    if word not in _LEVELS:
        raise AudioError(f"--normalize {word!r}: it must be one of {', '.join(_LEVELS)}")
    return _LEVELS[word]


def _is_folder(output: list[str] | None) -> bool:
    return (
        output is not None
        and len(output) == 1
        and (output[0].endswith(("/", os.sep)) or Path(output[0]).is_dir())
    )


def _pairs(sources: list[str], output: list[str] | None, name: str) -> list[tuple[str, str]]:
    """Each source with its target."""
    if _is_folder(output):
        folder = Path((output or [""])[0])
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise FileError(
                f"{folder}: cannot be made ({error.strerror}); choose another"
            ) from None
        return [
            (s, str(folder / f"{Path(s).name.rpartition('.')[0] or s}.{name}")) for s in sources
        ]
    if len(sources) == 1:
        return [(sources[0], target) for target in output or [_beside(sources[0], name)]]
    if output:
        raise FileError(f"{output[0]}: of several sources the output is a folder; write it as out/")
    return [(source, _beside(source, name)) for source in sources]


def _beside(source: str, name: str) -> str:
    return STANDARD if source == STANDARD else str(Path(source).with_suffix(f".{name}"))


def soundfonts(
    name: Annotated[
        str | None, typer.Argument(help="A bank, by name or path: its programs and its licence.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the banks of sounds that are found, or all that one says of itself.

    Examples:
      music21-lstm soundfonts

      music21-lstm soundfonts music21-lstm

    """
    from music21_lstm.audio import available, find
    from music21_lstm.audio.soundfonts import chosen

    if name is not None:
        bank = find(name)
        facts = {**_about(bank), "licence": bank.comment, "presets": bank.presets}
        lines = [f"{bank.name}: {bank.title}", f"  {bank.path}", f"  {bank.copyright}"]
        lines += [f"  {p.bank:3} {p.program:3} {p.name}" for p in bank.presets]
        Printer(as_json=as_json).result(facts, [*lines, "", bank.comment])
        return
    used, why = chosen()
    found = [{**_about(bank), "used": bank.path == used.path} for bank in available()]
    lines = []
    for one in found:
        lines.append(f"{one['name']}: {one['programs']} programs, {one['path']}")
        if rights := " ".join(str(one["copyright"]).split()):
            lines.append(f"  {rights}")
    lines.append(f"used: {used.name} ({why})")
    Printer(as_json=as_json).result(found, lines)


def _about(bank: Any) -> dict[str, Any]:
    return {
        "name": bank.name,
        "path": str(bank.path),
        "programs": len(bank.programs),
        "title": bank.title,
        "copyright": bank.copyright,
        "licence": bank.comment,
    }
