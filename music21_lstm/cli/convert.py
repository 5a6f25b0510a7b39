"""encode, decode, inspect: music in, music out."""

from __future__ import annotations

import os
from collections import Counter
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from music21_lstm.cli.options import AsJson, Percussion, Quiet, Resolution, Track
from music21_lstm.cli.output import (
    STANDARD,
    Printer,
    read_source,
    standard_output,
    title_of,
    track_of,
)
from music21_lstm.errors import FileError
from music21_lstm.files import whole_file

if TYPE_CHECKING:
    from music21_lstm.encoding.performance import Performance
    from music21_lstm.streams.reading import Source

__all__ = ["check_targets", "decode", "encode", "inspect", "write_outputs"]

Music = Annotated[
    str, typer.Argument(help="MIDI, notetext, MusicXML or whatever music21 reads; - is stdin.")
]


def encode(
    source: Music,
    output: Annotated[
        list[str] | None, typer.Option("-o", "--output", help="Target; - (default) is stdout.")
    ] = None,
    track: Track = None,
    percussion: Percussion = False,
    resolution: Resolution = None,
    played: Annotated[
        bool, typer.Option("--played", help="Bake the tempo map in: one tick is 1 ms.")
    ] = False,
    quiet: Quiet = False,
) -> None:
    """Write music as notetext.

    Examples:
      music21-lstm encode prelude.mid -o prelude.notetext

      music21-lstm encode prelude.mid --track 'most notes' | head

    """
    performance = _read(source, track, percussion, resolution)
    Printer(quiet=quiet).losses(performance, source)
    if played:
        performance = performance.played()
    write_outputs(performance, output or [STANDARD], standard_format="notetext")


def decode(
    source: Music,
    output: Annotated[
        list[str],
        typer.Option("-o", "--output", help="Target; its suffix says the format; may be repeated."),
    ],
    to: Annotated[
        str, typer.Option(help="The format of '-o -': midi, notetext, musicxml, wav, flac …")
    ] = "midi",
    resolution: Resolution = None,
    title: Annotated[str | None, typer.Option(help="The title of a score.")] = None,
    quiet: Quiet = False,
) -> None:
    """Turn notetext (or any music) into MIDI, MusicXML or sound.

    Examples:
      music21-lstm decode tune.notetext -o tune.mid -o tune.musicxml -o tune.mp3

      echo '0_no_60_80 480_nf_60_64' | music21-lstm decode - -o - --to midi > c.mid

    """
    performance = _read(source, None, False, resolution)
    Printer(quiet=quiet).losses(performance, source)
    write_outputs(performance, output, standard_format=to, title=title or title_of(source))


def inspect(
    source: Music,
    track: Track = None,
    percussion: Percussion = False,
    plot: Annotated[Path | None, typer.Option(help="Write a piano roll to this PNG.")] = None,
    as_json: AsJson = False,
) -> None:
    """Say what is in a file: tracks, counts, ranges, tempo, what is left out.

    Examples:
      music21-lstm inspect prelude.mid

      music21-lstm inspect prelude.mid --plot roll.png --json

    """
    data = read_source(source)
    performance = _read_data(data, track, percussion, None)
    facts = {"source": source, **_facts(performance), "tracks": _tracks(data), "track": track}
    if plot is not None:
        if plot.suffix.lower() != ".png":
            raise FileError(f"{plot}: the piano roll is a PNG; name it {plot.with_suffix('.png')}")
        from music21_lstm.pianoroll import plot_piano_roll

        plot_piano_roll(performance, plot, title=title_of(source) or "")
        facts["plot"] = str(plot)
    Printer(as_json=as_json).result(facts, list(_lines(facts)))


def check_targets(targets: list[str]) -> None:
    """That every suffix is known, every folder there and no target one, before anything is made."""
    from music21_lstm.pipeline import format_of

    for target in targets:
        if target != STANDARD:
            format_of(target)
        _check_folder(target)


def write_outputs(
    music: Source,
    targets: list[str],
    *,
    standard_format: str,
    title: str | None = None,
    **options: Any,
) -> None:
    """Write one piece to several targets: to all of them, or if one fails to none."""
    from music21_lstm.pipeline import AUDIO_FORMATS, format_of, write

    formats = [standard_format if t == STANDARD else format_of(t) for t in targets]
    check_targets(targets)
    # Standard output comes last: what has gone there cannot be taken back.
    order = sorted(zip(targets, formats, strict=True), key=lambda pair: pair[0] == STANDARD)
    with ExitStack() as stack:
        for target, chosen in order:
            # Only sound has options.
            own = options if chosen in AUDIO_FORMATS else {}
            out: Any = (
                stack.enter_context(standard_output())
                if target == STANDARD
                else stack.enter_context(whole_file(target))
            )
            write(music, out, format=chosen, title=title, **own)


def _read(source: str, track: str | None, percussion: bool, resolution: int | None) -> Performance:
    return _read_data(read_source(source), track, percussion, resolution)


def _read_data(
    data: Any, track: str | None, percussion: bool, resolution: int | None
) -> Performance:
    from music21_lstm.pipeline import read

    return read(data, track=track_of(track), percussion=percussion, resolution=resolution)


def _check_folder(target: str) -> None:
    """That the folder is there, and the target none, before the first of several is written."""
    folder = Path(target).parent
    if target != STANDARD and _is_folder(target):
        raise FileError(f"{target}: is a folder; name a file in it")
    if target != STANDARD and not (folder.is_dir() and os.access(folder, os.W_OK)):
        raise FileError(f"{target}: cannot be written to {folder}; choose a folder of yours")


def _is_folder(target: str) -> bool:
    try:
        return Path(target).is_dir()
    except OSError:
        # No folder has such a name; why nothing can, writing will say.
        return False


def _facts(performance: Performance) -> dict[str, Any]:
    """Counts and ranges of a performance, in JSON's types."""
    notes = performance.notes
    kinds = Counter(type(event).__name__ for event in performance.events)
    return {
        "resolution": performance.resolution,
        "events": len(performance),
        "notes": len(notes),
        "seconds": round(performance.seconds, 3),
        "quarters": round(performance.duration / performance.resolution, 3),
        "pitches": [min(n.pitch for n in notes), max(n.pitch for n in notes)] if notes else None,
        "velocities": (
            [min(n.velocity for n in notes), max(n.velocity for n in notes)] if notes else None
        ),
        "kinds": dict(sorted(kinds.items())),
        "left_out": [asdict(loss) for loss in performance.losses],
    }


def _tracks(data: Any) -> list[dict[str, Any]]:
    """The tracks of a MIDI file; of anything else none."""
    from music21_lstm.encoding.midi import is_midi, midi_tracks
    from music21_lstm.streams.reading import MIDI_SUFFIXES

    played = is_midi(data) if isinstance(data, bytes) else data.suffix.lower() in MIDI_SUFFIXES
    return [asdict(track) for track in midi_tracks(data)] if played else []


def _lines(facts: dict[str, Any]) -> list[str]:
    """The facts as lines for people."""
    minutes, seconds = divmod(facts["seconds"], 60)
    lines = [
        f"{facts['source']}: {facts['notes']} notes, {facts['events']} events, "
        f"{int(minutes)}:{seconds:04.1f}, {facts['resolution']} ticks per quarter"
    ]
    for name in ("pitches", "velocities"):
        if facts[name]:
            lines.append(f"  {name} {facts[name][0]} to {facts[name][1]}")
    lines.append("  " + ", ".join(f"{count} {kind}" for kind, count in facts["kinds"].items()))
    chosen = facts["track"]
    for track in facts["tracks"]:
        reach = "" if track["lowest"] is None else f", pitches {track['lowest']}–{track['highest']}"
        lines.append(
            f"  track {track['number']} {track['name']!r}: {track['notes']} notes, "
            f"{track['percussion_notes']} percussion, {track['control_changes']} control changes, "
            f"{track['tempo_changes']} tempo changes{reach}"
        )
    if facts["tracks"]:
        lines.append(f"  read: {'all tracks, merged' if chosen is None else f'track {chosen}'}")
    for loss in facts["left_out"]:
        where = f" ({loss['where']})" if loss["where"] else ""
        lines.append(f"  left out: {loss['count']} × {loss['what']}{where}")
    if "plot" in facts:
        lines.append(f"  piano roll: {facts['plot']}")
    return lines
