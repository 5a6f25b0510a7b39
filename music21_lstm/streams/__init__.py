"""music21's side of the language: performances to Streams and back, and the converters.

Import from the modules: registering the converters, which happens when the package is imported,
must not cost what decoding and encoding need.
"""
