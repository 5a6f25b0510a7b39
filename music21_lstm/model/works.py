"""Which work a file belongs to, by its name: movements, excerpts and recordings are of one.

A work is what has an opus or catalogue number of its own: the études of one opus are one work, and
so are a sonata's movements, a transcription and what it transcribes. In jazz the tune is the work,
whoever plays it. The rules know how the named corpora write their file names, and names that state
composer and number (``Chopin_op10_no3``). A name that no rule knows is a work by itself, but for
movement, take and clip numbers that call themselves so: a bare number at its end may as well
number songs, and taking those for one work would leave nothing to hold out. And it is a work of its
folder: ``track 1`` of two albums is not one.
"""

from __future__ import annotations

import os
import re
import unicodedata
from pathlib import PurePath

__all__ = ["work_of"]

_COMPOSERS = {
    "albeniz": "op", "bach": "bwv", "balakirev": "op", "beethoven": "op", "brahms": "op",
    "burgmueller": "op", "chopin": "op", "clementi": "op", "debussy": "l", "granados": "op",
    "grieg": "op", "handel": "hwv", "haydn": "hob xvi", "joplin": "op", "liszt": "s",
    "mendelssohn": "op", "moszkowski": "op", "mozart": "k", "mussorgsky": "op",
    "rachmaninoff": "op", "ravel": "m", "satie": "op", "scarlatti": "k", "schubert": "d",
    "schumann": "op", "scriabin": "op", "sinding": "op", "tchaikovsky": "op",
}  # fmt: skip
"""The catalogue that numbers a composer's works; opus numbers are looked for as well."""

_NAMED = tuple(
    (re.compile(pattern), work)
    for pattern, work in (
        # piano-midi.de, in order of its folders
        (r"(?:god )?alb esp", "albeniz op165"),
        (r"alb se\d", "albeniz op47"),
        (r"bach (\d{3,4})", r"bach bwv\1"),
        (r"islame[iy]", "balakirev islamey"),
        (r"appass", "beethoven op57"),
        (r"(?:beethoven )?hammerklavier", "beethoven op106"),
        (r"(?:beethoven )?les adieux", "beethoven op81"),
        (r"(?:f[uü]e?r )?elise", "beethoven woo59"),
        (r"mond \d", "beethoven op27"),
        (r"path[eé]tique", "beethoven op13"),
        (r"waldstein", "beethoven op53"),
        (r"bor ps", "borodin petite suite"),
        (r"br im\d", "brahms op116"),
        (r"br rhap", "brahms op119"),
        (r"burg ", "burgmueller op109"),
        (r"chpn p\d", "chopin op28"),
        (r"(?:god )?chpn? op(\d+)", r"chopin op\1"),
        (r"bk xmas", "christmas fantasias"),  # five that go through the same carols
        (r"deb (?:clai|menu|pass|prel)\b|clair de lune", "debussy suite bergamasque"),
        (r"debussy cc", "debussy childrens corner"),
        (r"gra esp", "granados danzas espanolas"),
        (r"grieg (?:elfentanz|waechter|walzer)", "grieg op12"),
        (r"grieg (?:berceuse|halling)", "grieg op38"),
        (r"grieg (?:butterfly|spring|voeglein|wanderer)", "grieg op43"),
        (r"grieg album", "grieg op47"),
        (r"grieg (?:march|zwerge)", "grieg op54"),
        (r"grieg brooklet", "grieg op62"),
        (r"grieg wedding", "grieg op65"),
        (r"grieg (?:kobold|once upon)", "grieg op71"),
        (r"hayd?n? (\d+) \d", r"haydn hob xvi\1"),
        (r"liz donjuan", "liszt s418"),
        (r"liz et\d", "liszt s141"),
        (r"liz et trans", "liszt s139"),
        (r"liz liebestraum", "liszt s541"),
        (r"liz rhap", "liszt s244"),
        (r"mendel op(\d+)", r"mendelssohn op\1"),
        (r"mos op(\d+)", r"moszkowski op\1"),
        (r"mz (\d+)", r"mozart k\1"),
        (r"muss \d", "mussorgsky pictures at an exhibition"),
        (r"rac op(\d+)", r"rachmaninoff op\1"),
        (r"rav eau|ravel (?:maurice )?jeux d ?eau", "ravel jeux d eau"),
        (r"ravel miroirs", "ravel miroirs"),
        (r"rav (?:ondi|gib|scarbo)", "ravel gaspard de la nuit"),
        (r"schu 143", "schubert d784"),
        (r"schub(?:ert)? d(\d+)", r"schubert d\1"),
        (r"schuim", "schubert d899"),
        (r"schumm", "schubert d780"),
        (r"schum abegg", "schumann op1"),
        (r"scn(\d+)", r"schumann op\1"),
        (r"fruehlingsrauschen", "sinding op32"),
        (r"ty (?:januar|februar|maerz|april|mai|juni|juli|august|september|oktober|november|dezember)",
         "tchaikovsky op37"),
    )
)  # fmt: skip
"""How a name begins, in the words of :func:`_words`, and the work it then belongs to."""

_SAME = {"chopin op25": "chopin op10"}
"""Works that recordings join: GiantMIDI-Piano's file of the études op. 10 goes on with op. 25."""

_SUFFIX = re.compile(r"\.(?:midi?|notetext|musicxml|mxl|xml|krn)$", re.I)

_TUNE = re.compile(r"(?:[A-Z][a-z]*){2,}_(?P<tune>.+)")
"""``ArtPepper_Stardust-1``: player and tune of the Weimar Jazz Database."""

_CLIP = re.compile(r"jtd_[a-z]+-(?P<tune>[^-]+)-.+_clip_\d+.*")
"""``jtd_evansb-emily-gomezemorellm-1975-608bf73e_clip_000_midi``: a clip of a trio recording."""

_TAKE = re.compile(
    r"(?:[-_ ]?(?:alternate)?take ?\d*|[-_]alternatetake\d*|-\d|_no\d|_19\d\d|(?<=[a-z])II)$", re.I
)

_PART = re.compile(r"(?:\s+(?:cut|midi|(?:mov|mvt|movement|no|part|take|clip|p)\s*\d+|op posth))+$")
"""What at the end of a name says which part of a work, or which player's, it is."""

_VIDEO = re.compile(
    r"[\s_,]+(?=[A-Za-z0-9_-]{0,9}(?:[a-z][A-Z]|[A-Z][a-z]|[a-z]?\d))"
    r"[A-Za-z0-9_-]{11}(?=$|_(?:cut|mov|no|part|a|midi)(?:_|$))"
)
"""The eleven signs that end a title of GiantMIDI-Piano: the recording."""


def work_of(name: str | os.PathLike[str]) -> str:
    """The work that the file *name* (or path) belongs to.

    >>> work_of("Albeniz/alb_esp3.mid") == work_of("Godowsky/god_alb_esp2.mid")
    True
    >>> work_of("Schubert/schuim-4.mid"), work_of("Schubert_Impromptus_D899_24DugWBRkYg_cut_no_4.mid")
    ('schubert d899', 'schubert d899')
    >>> work_of("Debussy_Estampes_R-YcnPXY2yE_cut_no_2.mid")
    'debussy estampes'
    >>> work_of("ArtPepper_Stardust-2.mid")
    'tune stardust'
    >>> work_of("mine/song_1.mid"), work_of("mine/my sonata, movement 2.mid")
    ('mine/song 1', 'mine/my sonata')
    """
    path = PurePath(name)
    stem = _SUFFIX.sub("", path.name)
    work = _tune(stem) or _named(stem) or _numbered(stem) or _titled(stem, path.parent.name)
    return _SAME.get(work, work)


def _tune(stem: str) -> str | None:
    found = _CLIP.fullmatch(stem) or _TUNE.fullmatch(stem)
    if found is None:
        return None
    tune = found["tune"]
    while (shorter := _TAKE.sub("", tune)) != tune:
        tune = shorter
    return "tune " + "".join(_words(tune).split())


def _named(stem: str) -> str | None:
    words = _words(stem)
    for pattern, work in _NAMED:
        if found := pattern.match(words):
            return found.expand(work)
    return None


def _numbered(stem: str) -> str | None:
    """Composer and number in the composer's catalogue, or else the opus."""
    words = _words(stem)
    composer = _composer(words)
    if composer is None:
        return None
    for catalogue in (_COMPOSERS[composer], "op"):
        letters = {"k": "kv?", "hob xvi": r"hob(?:oken)? xvi"}.get(catalogue, catalogue)
        if found := re.search(rf"\b{letters} ?(\d+)", words):
            return f"{composer} {catalogue}{found[1]}"
    return None


def _titled(stem: str, folder: str) -> str:
    """The name without what says which recording and which part it is; in its folder if unknown."""
    words = _PART.sub("", _words(_VIDEO.sub("", stem)))
    return words if not folder or _composer(words) else f"{folder}/{words}"


def _composer(words: str) -> str | None:
    return next((word for word in words.split() if word in _COMPOSERS), None)


def _words(text: str) -> str:
    """Small letters and numbers with single spaces between; "opus" and "op." are "op".

    >>> _words("Chopin, Frédéric, Études, Op.10")
    'chopin frederic etudes op10'
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    spaced = " ".join(re.findall(r"[a-z0-9]+", plain.replace("'", "")))
    return re.sub(r"\bop(?:us)? ?(?=\d)", "op", spaced)
