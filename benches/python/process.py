"""What a process pays: import, size of the package, memory for a large document."""

from __future__ import annotations

import io
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import apiseal
from fields import CONTEXT, policy

# Processor time: what else the machine does is no part of it.
IMPORT = "import time; start = time.process_time(); import {name}; print(time.process_time() - start)"

MEMORY = """
import sys
sys.path.insert(0, {folder!r})
from process import cipher
from fields import CONTEXT
from peers import ByHand, walker
from fields import PATHS
document = open({path!r}, "rb").read()
def peak():
    # What getrusage tells includes the process that started this one.
    status = open("/proc/self/status").read()
    return 1024 * int(status.split("VmHWM:")[1].split()[0])
subject = {subject}
before = peak()
out = subject.{work}
print((peak() - before) / len(document))
"""

BY_HAND = 'ByHand([walker(path) for path in PATHS["large"]])'
JOBS = [
    ("apiseal, encrypt T", "cipher('T')", "encrypt(document, context=CONTEXT)", "clear"),
    ("apiseal, decrypt T", "cipher('T')", "decrypt(document, context=CONTEXT)", "T"),
    ("apiseal, encrypt D", "cipher('D')", "encrypt(document, context=CONTEXT)", "clear"),
    ("apiseal, decrypt D", "cipher('D')", "decrypt(document, context=CONTEXT)", "D"),
    ("by hand, encrypt", BY_HAND, "encrypt(document)", "clear"),
]


def cipher(layout: str) -> apiseal.FieldCipher:
    """The same key in each process, and room for the document."""
    key = apiseal.Key.hazmat_from_secret("bench", bytes(range(32)))
    ring = apiseal.Keyring([key], primary=["bench"])
    return apiseal.FieldCipher(ring, policy("large", layout), limits=apiseal.Limits(document=1 << 28))


def rows(batches: list[bytes]) -> Iterator[str]:
    yield "| | |"
    yield "|---|---:|"
    yield f"| `import apiseal` in a new process, processor time, least of 20 | {1e3 * least(IMPORT.format(name='apiseal')):.1f} ms |"
    yield f"| `import json`, for comparison | {1e3 * least(IMPORT.format(name='json')):.1f} ms |"
    yield f"| the package, compressed as in a wheel | {zipped() / 1e6:.2f} MB |"
    start = batches[0].index(b'"orders":[') + 10
    inner = b",".join(own[own.index(b'"orders":[') + 10 : -2] for own in batches)
    body = b",".join([inner] * (50_000_000 // len(inner)))
    clear = batches[0][:start] + body + b"]}"
    with tempfile.TemporaryDirectory() as folder:
        files = {"clear": clear} | {layout: cipher(layout).encrypt(clear, context=CONTEXT) for layout in "TD"}
        for name, data in files.items():
            Path(folder, name).write_bytes(data)
        for name, subject, work, file in JOBS:
            code = MEMORY.format(folder=str(Path(__file__).parent), path=f"{folder}/{file}", subject=subject, work=work)
            size = len(files[file]) / 1e6
            yield f"| {name}, {size:.0f} MB: peak of memory beside it, output included | {printed(code):.1f}× the document |"


def printed(code: str) -> float:
    return float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)


def least(code: str) -> float:
    return min(printed(code) for _ in range(20))


def zipped() -> int:
    out = io.BytesIO()
    folder = Path(apiseal.__file__).parent
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in folder.rglob("*"):
            if path.suffix in (".py", ".pyi", ".so", ".typed"):
                archive.write(path, path.relative_to(folder.parent))
    return len(out.getvalue())
