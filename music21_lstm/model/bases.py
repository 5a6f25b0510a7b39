"""The settings that have a name: those of each preset, and of fine-tuning."""

from __future__ import annotations

from collections.abc import Mapping

from music21_lstm.model.config import played_edges

__all__ = ["BASES", "FINE_TUNING", "FINE_TUNING_PLAYED"]

_PIANO: Mapping[str, object] = {
    "time_base": "played",
    "resolution": 50,
    "delta_edges": played_edges(),
    "bar_positions": 0,
    "units": 448,
    "layers": 2,
    "delta_size": 48,
    "key_size": 96,
    "velocity_size": 24,
    "head_units": 256,
    "dropout": 0.0,
    "ages": True,
    "recall": True,
    "sequences": True,
    "ends": True,
    "tolerant": True,
    "steering": True,
    "steered_heads": True,
    "pedal": True,
    "batch_size": 32,
    "window": 64,
    "learning_rate": 4e-3,
    "weight_decay": 1e-2,
    "transpose": 5,
    "stretch": 0.07,
    "louder": 4,
    "humanize": 0.25,
    "untold": 0.25,
    "precision": "auto",
    "half": True,
    "epochs": 12,
}

_CHORALE: Mapping[str, object] = {
    "time_base": "written",
    "resolution": 24,
    "bar_positions": 192,
    "velocity_bins": 1,
    "units": 384,
    "head_units": 256,
    "dropout": 0.2,
    "ages": True,
    "recall": True,
    "steering": True,
    "steered_heads": True,
    "batch_size": 8,
    "window": 64,
    "transpose": 4,
    "untold": 0.25,
    "precision": "auto",
    "half": True,
    "epochs": 30,
}

BASES: Mapping[str, Mapping[str, object]] = {
    "piano": _PIANO,
    "jazz": {**_PIANO, "louder": 0, "humanize": 0.0, "learning_rate": 1e-3, "epochs": 16},
    "chorale": _CHORALE,
}
"""What each preset was trained with, by its name; ``jazz`` from the weights of ``piano`` on."""

FINE_TUNING: Mapping[str, object] = {
    "learning_rate": 5e-4,
    "epochs": 12,
    "window": 64,
    "precision": "auto",
}
"""What is other than usual when a trained model is trained on."""

FINE_TUNING_PLAYED: Mapping[str, object] = {
    **FINE_TUNING,
    "transpose": _PIANO["transpose"],
    "stretch": _PIANO["stretch"],
    "louder": _PIANO["louder"],
}
"""The same for music as played, which is changed at random as it was when the model was made: ten
pieces are learned by heart the later for it."""
