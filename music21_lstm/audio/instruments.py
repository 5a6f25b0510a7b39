"""Which sounds of a bank play which parts, and what stands in for one that it lacks."""

from __future__ import annotations

from dataclasses import replace

from music21_lstm.audio.ensemble import Ensemble, SoundingPart, Status
from music21_lstm.audio.soundfonts import Soundfont
from music21_lstm.audio.timeline import DRUM_BANK
from music21_lstm.errors import SoundfontError

__all__ = ["Orchestra"]


class Orchestra:
    """The sounds of one bank; *missing* are those asked for and not there, as bank and program."""

    def __init__(self, bank: Soundfont) -> None:
        self._bank = bank
        self._presets = {(preset.bank, preset.program) for preset in bank.presets}
        self.missing: set[tuple[int, int]] = set()

    def check(self, program: int) -> None:
        """Raise :class:`~music21_lstm.errors.SoundfontError` where the bank lacks *program*."""
        if (0, program) not in self._presets:
            raise SoundfontError(
                f"{self._bank.path}: there is no program {program} in this soundfont; it has "
                f"{_ranges(sorted(self._bank.programs)) or 'none in bank 0'}"
            )

    def seated(self, ensemble: Ensemble, program: int | None) -> Ensemble:
        """The parts that the bank can play: without percussion where it has no drum kit."""
        if program is not None:
            ensemble = ensemble.with_program(program)
        if any(bank == DRUM_BANK for bank, _ in self._presets):
            return ensemble
        drums = [part for part in ensemble.parts if part.percussion]
        self.missing.update((DRUM_BANK, program) for part in drums for program in _programs(part))
        parts = tuple(part for part in ensemble.parts if not part.percussion)
        if not any(part.sounds for part in parts):
            raise SoundfontError(
                f"{self._bank.path}: there is no drum kit in this soundfont; choose another"
            )
        return replace(ensemble, parts=parts)

    def resolve(self, bank: int, program: int) -> tuple[int, int]:
        """The preset that plays *program* of *bank*: itself, or what comes nearest.

        A variation (bank 1 to 127) falls back on the sound it varies, as in General Standard; a drum
        kit on the standard one, anything else on program 0 or the first that there is.
        """
        if (bank, program) in self._presets:
            return bank, program
        if bank != DRUM_BANK and (0, program) in self._presets:
            return 0, program
        self.missing.add((bank, program))
        family = DRUM_BANK if bank == DRUM_BANK else 0
        others = sorted(p for b, p in self._presets if b == family)
        if not others:
            self.check(program)
        return family, others[0]


def _programs(part: SoundingPart) -> set[int]:
    changes = {m.second for m in part.messages if m.status is Status.PROGRAM}
    return {part.program, *changes}


def _ranges(numbers: list[int]) -> str:
    """Ascending whole numbers in few words.

    >>> _ranges([0, 1, 2, 24, 40, 41])
    '0-2, 24, 40-41'
    """
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1][1:] = [number]
        else:
            runs.append([number])
    return ", ".join("-".join(map(str, run)) for run in runs)
