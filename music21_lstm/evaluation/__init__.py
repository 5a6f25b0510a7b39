"""How good a model is: what it makes of music that it has not seen, and what its own is like.

Imports nothing heavy; ask for the modules.
"""
