"""A real nginx as deploy/router configures it, in front of processes on ports of a test."""

import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.support.postgres import open_directory
from tests.support.service import MASTER_KEY, free_port

ROUTER = Path(__file__).parents[2] / "deploy/router"
SECONDS = 15.0
_LISTEN = re.compile(r"127\.0\.0\.1:4000")
_SERVER = re.compile(r"^  server (\S+)", re.MULTILINE)


@dataclass
class Router:
    """A running nginx; what it logs stands in `log`."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self, key: str | None = MASTER_KEY) -> httpx.Client:
        """An HTTP client that presents `key`, or nothing."""
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        return httpx.Client(base_url=self.base_url, headers=headers, timeout=30)

    def wait_until_listening(self) -> None:
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)
        pytest.fail(f"nginx does not listen:\n{self.log.read_text()[-4000:]}")


@contextmanager
def running_router(commands: Sequence[int], reads: Sequence[int]) -> Iterator[Router]:
    """The files of deploy/router as they are, save for addresses: ports of 127.0.0.1."""
    nginx = require_nginx()
    with open_directory() as parent:
        site, port = parent / "router", free_port()
        shutil.copytree(ROUTER, site)
        _rewrite(site / "site/listen.conf", _LISTEN, [f"127.0.0.1:{port}"])
        fallen_back_on = [*commands, *commands, *reads, *reads]  # named in the second place again
        _rewrite(site / "site/upstreams.conf", _SERVER, _servers(*fallen_back_on))
        log = parent / "log"
        command = [nginx, "-p", str(parent), "-c", str(site / "nginx.conf")]
        with log.open("wb") as output:
            process = subprocess.Popen(command, stdout=output, stderr=output)
        router = Router(process, port, log)
        try:
            router.wait_until_listening()
            yield router
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=SECONDS)


def require_nginx() -> str:
    """Where it is. Skip without it; in CI, which has to bring it, fail instead."""
    found = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if found is None:
        told = "the router needs nginx (Debian: apt install nginx-light)"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(told)
    return found


def _servers(*ports: int) -> list[str]:
    return [f"  server 127.0.0.1:{port}" for port in ports]


def _rewrite(path: Path, pattern: re.Pattern[str], replacements: list[str]) -> None:
    """Put one replacement in the place of each match, in their order."""
    text = path.read_text()
    assert len(pattern.findall(text)) == len(replacements)
    path.write_text(pattern.sub(lambda _: replacements.pop(0), text))
