"""Trials of the event model: one thing is changed at a time, at equal compute, on a small budget."""
