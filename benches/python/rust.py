"""The library in Rust, by the program `rounds` of the benches there: it makes the documents and takes turns with Python."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

from measure import Subject

ROOT = Path(__file__).parents[2]


class Rust:
    def __init__(self) -> None:
        manifest = ROOT / "benches" / "Cargo.toml"
        target = os.environ.get("CARGO_TARGET_DIR", str(ROOT / "benches" / "target"))
        build = [
            "cargo",
            "build",
            "--quiet",
            "--release",
            "--locked",
            "--bin",
            "rounds",
            "--manifest-path",
            str(manifest),
        ]
        subprocess.run(build, check=True, env={**os.environ, "CARGO_TARGET_DIR": target})
        self.folder = tempfile.TemporaryDirectory()
        program = [f"{target}/release/rounds", self.folder.name]
        self.process = subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout and self.process.stdout.readline() == "ready\n"

    def documents(self, corpus: str) -> list[bytes]:
        data, documents = Path(self.folder.name, corpus).read_bytes(), []
        while data:
            end = 4 + int.from_bytes(data[:4], "little")
            documents.append(data[4:end])
            data = data[end:]
        return documents

    def subject(self, job: str) -> Subject:
        """For example `encrypt payment T`."""

        def run(count: int) -> float:
            assert self.process.stdin and self.process.stdout
            self.process.stdin.write(f"{job} {count}\n")
            self.process.stdin.flush()
            return float(self.process.stdout.readline())

        run(1)
        return run
