"""Rounds of several subjects that take turns, of which the quickest counts: what else the machine does slows all of them."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Sequence

Subject = Callable[[int], float]
"""Makes so many calls and gives the seconds that they took."""


def calls(work: Callable[..., object], *arguments: Sequence[object]) -> Subject:
    """Calls `work` with the first of each argument, with the second, and so on, round and round."""
    rows = list(zip(*arguments, strict=True))

    def run(count: int) -> float:
        turn = (rows * (count // len(rows) + 1))[:count]
        start = time.perf_counter()
        for row in turn:
            work(*row)
        return time.perf_counter() - start

    return run


def measure(subjects: dict[str, Subject], seconds: float = 0.5, round_seconds: float = 0.003) -> dict[str, float]:
    """Seconds a call of each subject: the least of all rounds. Each subject gets the time that is stated, in turns that are
    shorter than what the system gives a process at a time."""
    gc.collect()
    gc.disable()
    try:
        counts = {name: calibrated(subject, round_seconds) for name, subject in subjects.items()}
        best, spent = dict.fromkeys(subjects, float("inf")), dict.fromkeys(subjects, 0.0)
        rounds = dict.fromkeys(subjects, 0)
        while any(spent[name] < seconds or rounds[name] < 3 for name in subjects):
            name = min(subjects, key=lambda own: spent[own] if rounds[own] >= 3 else -1.0)
            took = subjects[name](counts[name])
            best[name] = min(best[name], took / counts[name])
            spent[name] += took
            rounds[name] += 1
    finally:
        gc.enable()
    return best


def calibrated(subject: Subject, seconds: float) -> int:
    """How many calls take about so long."""
    count = 1
    while (took := subject(count)) < seconds / 2 and count < 1 << 20:
        count = max(2 * count, int(count * seconds / max(took, 1e-7) / 2))
    return count


def human(seconds: float) -> str:
    if seconds < 1e-4:
        return f"{seconds * 1e6:.2f} µs"
    return f"{seconds * 1e6:.0f} µs" if seconds < 1e-3 else f"{seconds * 1e3:.1f} ms"
