"""Real servers on free loopback ports, in folders of their own, as an unprivileged user where the tests run as root."""

from __future__ import annotations

import glob
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]


def demand_servers() -> None:
    """Installs what is missing. Where that cannot be, the tests are skipped with the reason that the script gives."""
    done = subprocess.run([ROOT / "scripts" / "servers"], capture_output=True, text=True, check=False)
    if done.returncode == 3 and not os.environ.get("APISEAL_DEMAND_SERVERS"):
        pytest.skip(done.stderr, allow_module_level=True)
    assert done.returncode == 0, done.stderr


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        assert isinstance(port, int)
        return port


def unprivileged() -> int | None:
    """The user that servers run as; None: the user of the tests."""
    return pwd.getpwnam("nobody").pw_uid if os.getuid() == 0 else None


class Process:
    """A server that is ended with its test."""

    def __init__(self, command: list[str], folder: pathlib.Path) -> None:
        if (user := unprivileged()) is not None:
            os.chown(folder, user, -1)
        with open(folder / "log", "ab") as log:
            self.own = subprocess.Popen(
                command, cwd=folder, stdout=log, stderr=log, user=user, env={"PATH": os.environ["PATH"], "LC_ALL": "C"}
            )

    def send(self, number: int) -> None:
        self.own.send_signal(number)

    def kill(self) -> None:
        """Without notice, as in a loss of power."""
        self.own.kill()
        self.own.wait(10)

    def stop(self, number: int = signal.SIGTERM) -> None:
        if self.own.poll() is None:
            self.own.send_signal(signal.SIGCONT)
            self.own.send_signal(number)
            try:
                self.own.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()


class RedisServer:
    """A redis-server; `options` as on its command line."""

    def __init__(self, folder: pathlib.Path, *options: str, port: int | None = None) -> None:
        self.port = port or free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._command = [
            "redis-server",
            "--bind",
            "127.0.0.1",
            "--port",
            str(self.port),
            "--dir",
            str(folder),
            *options,
        ]
        self._folder = folder
        self.start()

    def start(self) -> None:
        self.process = Process(self._command, self._folder)
        _wait_for_port(self.port, self.process, self._folder)


class PostgresServer:
    """A PostgreSQL of its own, which listens on a free port and trusts whoever comes over loopback."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.port = free_port()
        binaries = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda path: int(path.split("/")[-2]))
        found = binaries[-1] if binaries else str(pathlib.Path(shutil.which("initdb") or "").parent)
        user = unprivileged()
        if user is not None:
            os.chown(folder, user, -1)
        data = folder / "data"
        subprocess.run(
            [f"{found}/initdb", "--auth=trust", "--username=apiseal", "--encoding=UTF8", "--no-sync", "-D", str(data)],
            check=True, capture_output=True, cwd=folder, user=user,
        )  # fmt: skip
        options = ["-h", "127.0.0.1", "-p", str(self.port), "-k", str(folder), "-F"]
        self.process = Process([f"{found}/postgres", "-D", str(data), *options], folder)
        _wait_for_port(self.port, self.process, folder)
        self._wait_for_queries(f"{found}/pg_isready")

    def _wait_for_queries(self, probe: str) -> None:
        for _ in range(200):
            done = subprocess.run([probe, "-h", "127.0.0.1", "-p", str(self.port), "-q"], check=False)
            if done.returncode == 0:
                return
            time.sleep(0.05)
        raise AssertionError("PostgreSQL does not take queries")


def _wait_for_port(port: int, process: Process, folder: pathlib.Path) -> None:
    for _ in range(400):
        if process.own.poll() is not None:
            break
        try:
            socket.create_connection(("127.0.0.1", port), 0.5).close()
            return
        except OSError:
            time.sleep(0.05)
    raise AssertionError((folder / "log").read_text(errors="replace")[-2000:])


@pytest.fixture
def open_folder() -> Iterator[pathlib.Path]:
    """A folder that another user can reach, which the folders of pytest are not."""
    folder = _open_folder()
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    demand_servers()
    folder = _open_folder()
    server = PostgresServer(folder)
    yield server
    server.process.stop(signal.SIGINT)
    shutil.rmtree(folder, ignore_errors=True)


def _open_folder() -> pathlib.Path:
    folder = pathlib.Path(tempfile.mkdtemp(prefix="apiseal-"))
    os.chmod(folder, 0o755)
    return folder
