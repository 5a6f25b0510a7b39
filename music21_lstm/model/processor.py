"""What the processor can do that a training may be the faster for."""

from __future__ import annotations

from pathlib import Path

__all__ = ["precision_for"]

_CPUINFO = Path("/proc/cpuinfo")

_BFLOAT16 = frozenset(("avx512_bf16", "amx_bf16"))
"""What Linux calls the instructions that multiply bfloat16; without them it is emulated."""


def precision_for(asked: str, cpuinfo: Path = _CPUINFO) -> str:
    """What products are computed in if *asked* is: ``auto`` is bfloat16 where the processor has it.

    Linux says so in *cpuinfo*; where nothing does it is float32.

    >>> precision_for("float32")
    'float32'
    """
    if asked != "auto":
        return asked
    return "bfloat16" if _BFLOAT16 & _flags(cpuinfo) else "float32"


def _flags(path: Path) -> frozenset[str]:
    """The processor's abilities as Linux lists them; none where nothing says."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return frozenset()
    return frozenset(next((line.split() for line in lines if line.startswith("flags")), ()))
