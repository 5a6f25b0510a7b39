"""What is learned: how events become numbers, the networks, their training and their checkpoints.

``config``, ``features``, ``checkpoint`` and ``presets`` need NumPy alone; ``network`` and
``training`` import TensorFlow when they are used.
"""
