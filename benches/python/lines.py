"""NDJSON: payments of 1 KB from a file, on one thread and on two."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from fields import CONTEXT, cipher
from measure import Subject, human, measure
from rust import Rust

Clock = Callable[[], float]


def rows(rust: Rust, seconds: float) -> Iterator[str]:
    yield "| NDJSON | 1 thread, a line | 2 threads, a line | ratio | processor time, 2 threads / 1 |"
    yield "|---|---:|---:|---:|---:|"
    lines = [json.dumps(json.loads(own), ensure_ascii=False).encode() for own in rust.documents("payment")]
    with tempfile.TemporaryDirectory() as folder:
        for layout in ("T", "D"):
            own = cipher("payment", layout)
            clear, sealed = Path(folder, "clear"), Path(folder, "sealed")
            clear.write_bytes(b"\n".join(lines))
            sealed.write_bytes(b"".join(own.encrypt_lines(clear, context=CONTEXT)))
            for name, work, path in (("encrypt", own.encrypt_lines, clear), ("decrypt", own.decrypt_lines, sealed)):

                def subject(threads: int, clock: Clock, work: object = work, path: Path = path) -> Subject:
                    def run(count: int) -> float:
                        start = clock()
                        for _ in range(count):
                            for _ in work(path, context=CONTEXT, threads=threads):  # type: ignore[operator]
                                pass
                        return clock() - start

                    return run

                found = {"1": subject(1, time.perf_counter), "2": subject(2, time.perf_counter)}
                # Where other programs fill the cores, this tells what a second one would bring.
                found |= {"1 busy": subject(1, time.process_time), "2 busy": subject(2, time.process_time)}
                best = measure(found, 6 * seconds)
                best = {threads: took / len(lines) for threads, took in best.items()}
                ratio = best["1"] / best["2"]
                yield f"| {name} payment {layout} | {human(best['1'])} | {human(best['2'])} | {ratio:.2f}× | {best['2 busy'] / best['1 busy']:.2f} |"
