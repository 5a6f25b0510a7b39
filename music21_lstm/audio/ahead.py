"""Two things at a time: an iterator that a thread runs ahead of who takes from it.

FluidSynth, the encoders and NumPy let go of Python's lock while they work, so that what is made and
what is done with it overlap on two cores.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

__all__ = ["ahead"]

T = TypeVar("T")

_WAIT = 0.1


def ahead(items: Iterable[T], *, count: int = 16) -> Iterator[T]:
    """*items* in order, up to *count* of them made in a thread before they are asked for.

    An error in the making is raised where the item is asked for. Whoever stops early lets go of the
    thread, and of *items*, if it is a generator.

    >>> list(ahead(range(5), count=2))
    [0, 1, 2, 3, 4]
    """
    maker = _Maker(items, count)
    maker.thread.start()
    try:
        while True:
            item = maker.line.get()
            if isinstance(item, _End):
                if item.error is not None:
                    raise item.error
                return
            yield item
    finally:
        maker.stopped.set()
        maker.thread.join()


class _End:
    def __init__(self, error: BaseException | None) -> None:
        self.error = error


class _Maker(Generic[T]):
    """The thread that runs through *items*."""

    def __init__(self, items: Iterable[T], count: int) -> None:
        self.line: queue.Queue[T | _End] = queue.Queue(count)
        self.stopped = threading.Event()
        self._items = iter(items)
        self.thread = threading.Thread(target=self._run, name="ahead", daemon=True)

    def _run(self) -> None:
        error: BaseException | None = None
        try:
            for item in self._items:
                if not self._put(item):
                    break
        except BaseException as caught:
            error = caught
        finally:
            close = getattr(self._items, "close", None)
            if close is not None:
                close()
        self._put(_End(error))

    def _put(self, item: T | _End) -> bool:
        """Whether there was room before nobody wanted it any more."""
        while not self.stopped.is_set():
            try:
                self.line.put(item, timeout=_WAIT)
            except queue.Full:
                continue
            return True
        return False
