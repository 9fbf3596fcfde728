"""Real services for tests: `teamledger serve` as a child process, killed or stopped at the end."""

import base64
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.postgres import open_directory

MASTER_KEY = "sk-1234-test-master"
ROOT_KEY = base64.b64encode(b"r" * 32).decode()
START_SECONDS = 60
PROGRAM = "services.cli.main"


@dataclass
class ServiceProcess:
    """A running service; `process` may be killed by a test."""

    process: subprocess.Popen[bytes]
    base_url: str
    master_key: str
    log: Path
    closed: bool = field(default=False)

    @property
    def port(self) -> int:
        return int(self.base_url.rpartition(":")[2])

    def client(self, key: str | None = None, **options: Any) -> httpx.Client:  # noqa: ANN401
        """An HTTP client that presents `key`, by default the master key."""
        headers = {"Authorization": f"Bearer {key or self.master_key}"}
        return httpx.Client(base_url=self.base_url, headers=headers, timeout=30, **options)

    def wait_until_ready(self, seconds: float = START_SECONDS) -> None:
        """Return once readiness is 200; fail with the log when the process has ended."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            if _ready(self.base_url):
                return
        pytest.fail(f"the service is not ready:\n{self.log.read_text()[-4000:]}")

    def kill(self) -> None:
        """SIGKILL: nothing is flushed, nothing is closed."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """A graceful stop; the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=30)


Start = Callable[..., ServiceProcess]


@pytest.fixture(scope="module")
def start_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """Start services; `env` is added to a clean environment of TEAMLEDGER variables.

    Without a database or a data directory in `env` each has an embedded database of its own.
    """
    started: list[ServiceProcess] = []
    with ExitStack() as directories:

        def start(
            env: dict[str, str] | None = None,
            *,
            ready: bool = True,
            role: str = "serve",
            program: str = PROGRAM,
        ) -> ServiceProcess:
            full = dict(env or {})
            if not full.keys() & {"TEAMLEDGER_DATA_DIR", "TEAMLEDGER_DATABASE_URL"}:
                parent = directories.enter_context(open_directory())
                full["TEAMLEDGER_DATA_DIR"] = str(parent / "data")
            service = launch(full, tmp_path_factory.mktemp("service") / "log", role, program)
            started.append(service)
            if ready:
                service.wait_until_ready()
            return service

        yield start
        for service in started:
            if service.process.poll() is None:
                service.process.terminate()
            try:
                service.process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                service.kill()


def launch(
    env: dict[str, str], log: Path, role: str = "serve", program: str = PROGRAM
) -> ServiceProcess:
    """Start `teamledger serve`, `command` or `projection` on a free port of 127.0.0.1."""
    port = free_port()
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("TEAMLEDGER_")}
    own = {"TEAMLEDGER_PORT": str(port), "TEAMLEDGER_MASTER_KEY": MASTER_KEY}
    full = {**inherited, **own, **env}
    command = [sys.executable, "-m", program, role]
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=full, stdout=output, stderr=output)
    base_url = f"http://127.0.0.1:{full['TEAMLEDGER_PORT']}"
    return ServiceProcess(process, base_url, full["TEAMLEDGER_MASTER_KEY"], log)


def on_database(url: str, read_url: str | None = None) -> dict[str, str]:
    """The environment of a service on an existing database, with read models there or elsewhere."""
    env = {"TEAMLEDGER_DATABASE_URL": url, "TEAMLEDGER_ROOT_KEY": ROOT_KEY}
    return env if read_url is None else {**env, "TEAMLEDGER_READ_DATABASE_URL": read_url}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _ready(base_url: str) -> bool:
    try:
        return httpx.get(f"{base_url}/health/readiness", timeout=2).status_code == 200
    except httpx.HTTPError:
        time.sleep(0.02)
        return False
