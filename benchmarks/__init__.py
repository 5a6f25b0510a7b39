"""The measured claims of the README, each beside its peer or its limit in one run.

``python -m benchmarks`` runs all; ``python -m benchmarks streams`` one. Ratios count, not seconds:
machines are noisy.
"""
