"""What is tried: the base, and of each other trial the one thing in which it differs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from benchmarks.trials import networks
from music21_lstm.model.bases import BASES
from music21_lstm.model.network import EventsNetwork

__all__ = ["BASE", "TRIALS", "Trial"]

BASE: Mapping[str, object] = {
    **BASES["piano"], "units": 128, "head_units": 96, "precision": "float32",
    "tolerant": False, "humanize": 0.0,
}  # fmt: skip
"""The settings that ``piano`` had when the trials began, narrower."""


def adamw(keras: Any, rate: float, **options: float) -> Any:
    return keras.optimizers.AdamW(rate, weight_decay=1e-2, global_clipnorm=1.0, **options)


@dataclass(frozen=True, slots=True)
class Trial:
    """What differs from the base: settings, the network, how the rate goes, or the optimiser.

    *against* is the trial that it is held against. *constant*: the rate stays as it is after the
    warm-up. *average* is the decay of the mean of the weights that is measured. *pedal_notes*: the
    pedal is a key of its own (pitch 0) that goes on and off like a note.
    """

    what: str
    settings: Mapping[str, object] = field(default_factory=dict)
    against: str = "base"
    network: type[EventsNetwork] = EventsNetwork
    optimizer: Callable[..., Any] = adamw
    constant: bool = False
    average: float = 0.0
    pedal_notes: bool = False
    seed: int = 0


_PLAIN = {"recall": False, "sequences": False, "ends": False, "steering": False,
          "steered_heads": False, "transpose": 0}  # fmt: skip

TRIALS: Mapping[str, Trial] = {
    "base": Trial("2 × 128 units, 32 streams × 64 events, rate 4e-3, half a cosine"),
    "seed-1": Trial("the same, seed 1", seed=1),
    "seed-2": Trial("the same, seed 2", seed=2),
    "window-32": Trial("windows of 32 events", {"window": 32}),
    "window-128": Trial("windows of 128 events", {"window": 128}),
    "norm": Trial("layer norm after each layer", {"norm": True}),
    "norm-gates": Trial("layer norm of both products in the gates", network=networks.NormedGates),
    "weight-drop": Trial("recurrent dropout: a tenth of the recurrent weights a step",
                         network=networks.WeightDropped),
    "layers-3": Trial("three layers", {"layers": 3}),
    "layers-1": Trial("one layer", {"layers": 1}),
    "units-96": Trial("2 × 96 units", {"units": 96}),
    "units-192": Trial("2 × 192 units", {"units": 192}),
    "key-first": Trial("heads: key, then delta given it", network=networks.KeyFirst),
    "plain": Trial("no recall, no steering, no transposition", _PLAIN),
    "pedal-events": Trial("… and the pedal as events instead of a head",
                          {**_PLAIN, "pedal": False}, "plain", pedal_notes=True),
    "average": Trial("mean of the weights (0.99) beside the cosine", average=0.99),
    "constant": Trial("the rate stays at 4e-3", constant=True),
    "constant-average": Trial("the rate stays, and the mean of the weights (0.99)",
                              against="constant", constant=True, average=0.99),
    "rate-8e-3": Trial("rate 8e-3", {"learning_rate": 8e-3}),
    "rate-2e-3": Trial("rate 2e-3", {"learning_rate": 2e-3}),
    "beta-98": Trial("AdamW's second decay 0.98 instead of 0.999",
                     optimizer=lambda keras, rate: adamw(keras, rate, beta_2=0.98)),
    "batch-16": Trial("16 streams", {"batch_size": 16}),
    "steady-velocity": Trial("velocities are not shifted", {"louder": 0}),
    "dropout": Trial("dropout of a tenth after each layer", {"dropout": 0.1}),
    "tolerant": Trial("tolerant recall, three notes ahead", {"tolerant": True}),
    "humanize": Trial("a quarter of what was sequenced is humanized", {"humanize": 0.25}),
}  # fmt: skip
"""Every trial by its name."""
