"""The example runs as a whole, as its users start it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import apiseal

EXAMPLE = Path(__file__).parents[3] / "examples" / "payments_api"


def test_the_payments_service_and_its_client() -> None:
    path = str(Path(apiseal.__file__).parents[1])
    environment = os.environ | {"PYTHON": sys.executable, "PYTHONPATH": path}
    done = subprocess.run([EXAMPLE / "run"], check=False, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    told = {}
    for line in done.stdout.splitlines():
        if line.startswith('{"what"'):
            one = json.loads(line)
            told[one["what"]] = (one["status"], one["signed"])
    assert told == {
        "ACME pays": (201, True),
        "ACME reads the payment back": (200, True),
        "the request once more": (401, False),
        "another amount": (401, False),
        "no signature": (401, False),
        "ACME's sealed content, signed by Bank": (401, False),
        "Bank asks for ACME's payment": (404, True),
        "a card number that is none, of which the answer repeats nothing": (422, True),
    }
    _, _, stored = done.stdout.partition("--- database")
    assert "as1.storage." in stored and "****1111" in stored and "4111111111111111" not in stored
    assert all(f"[{code}]" in stored for code in (615, 613, 501))
