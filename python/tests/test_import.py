"""What the import refuses, and what it loads."""

from __future__ import annotations

import subprocess
import sys


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)


def test_a_free_threaded_build_is_refused_with_the_reason() -> None:
    told = run("import sys; sys.version = '3.14.0 free-threading build (main)'; import apiseal")
    assert told.returncode == 1
    assert "ImportError: apiseal does not support free-threaded Python yet" in told.stderr
    assert "standard build" in told.stderr


def test_nothing_slow_is_loaded() -> None:
    told = run(
        "import sys, apiseal; print(sorted({'asyncio', 'json', 'logging', 'decimal', 'ssl'} & set(sys.modules)))"
    )
    assert (told.returncode, told.stdout.strip()) == (0, "[]"), told.stderr
