"""Prints one table of everything: `python benches/python/table.py [SECONDS] [PART…]`, half a second for each figure by default.

Parts: fields, overhead, lines, signing, process.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import fields
import lines
import process
import signing
from rust import Rust


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 0.5
    wanted = sys.argv[2:]
    rust = Rust()
    parts: dict[str, Iterator[str]] = {
        "fields": fields.rows(rust, seconds),
        "overhead": fields.overhead_rows(rust, seconds),
        "lines": lines.rows(rust, seconds),
        "signing": signing.rows(rust, seconds),
        "process": process.rows(rust.documents("orders")),
    }
    for name, rows in parts.items():
        if not wanted or name in wanted:
            for row in rows:
                print(row, flush=True)
            print()


if __name__ == "__main__":
    main()
