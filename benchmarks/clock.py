"""How the benchmarks measure."""

import gc
import statistics
import time
from collections.abc import Callable


def cpu_seconds(work: Callable[[], object], *, repeat: int = 1) -> float:
    """CPU seconds of *work*, the median of *repeat* runs, what it returns freed outside the clock."""
    found = []
    for _ in range(repeat):
        gc.collect()
        start = time.process_time()
        kept = work()
        found.append(time.process_time() - start)
        del kept
    return statistics.median(found)
