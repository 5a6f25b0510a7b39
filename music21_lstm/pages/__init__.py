"""One self-contained HTML page: listen to music, look at its score and piano roll, read of it.

The page needs no network, no server and no other file. The package is *pages*, as ``page`` is the verb.
"""

from music21_lstm.pages.page import Page, page, show
from music21_lstm.pages.piece import Piece, improvised

__all__ = ["Page", "Piece", "improvised", "page", "show"]
