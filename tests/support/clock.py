"""A clock of its own for a process, which a test sets while the process runs (libfaketime)."""

import os
import time
from dataclasses import dataclass
from datetime import timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path

import httpx
import pytest

from tests.support.service import ServiceProcess

LIBRARIES = "*/faketime/libfaketimeMT.so.1"
CLOSE = 60.0
"""Seconds by which a clock may seem to differ from what it was set to."""


@dataclass(frozen=True, slots=True)
class Clock:
    """Steps of a clock; what only measures how long something takes knows nothing of them."""

    library: Path
    offset: Path

    @property
    def env(self) -> dict[str, str]:
        """For a process that is to go by this clock."""
        return {
            "LD_PRELOAD": str(self.library),
            "FAKETIME_TIMESTAMP_FILE": str(self.offset),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
        }

    def step(self, by: timedelta, service: ServiceProcess) -> None:
        """Let it differ by so much from the true time; returns once `service` goes by it."""
        draft = self.offset.with_suffix(".new")
        draft.write_text(f"{by.total_seconds():+.0f}")
        draft.replace(self.offset)
        deadline = time.monotonic() + 30
        while abs(_ahead(service) - by.total_seconds()) > CLOSE:
            assert time.monotonic() < deadline, "the process has another clock"


@pytest.fixture
def clock(tmp_path: Path) -> Clock:
    """Skipped, with the reason, where there is no libfaketime; CI has to bring it."""
    found = [path for root in ("/usr/lib", "/usr/lib64") for path in Path(root).glob(LIBRARIES)]
    if not found:
        told = "the clock of a process cannot be set without libfaketime (Debian: faketime)"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(told)
    offset = tmp_path / "offset"
    offset.write_text("+0")
    return Clock(found[0], offset)


def _ahead(service: ServiceProcess) -> float:
    """By how many seconds the process says that it is later than it is."""
    answer = httpx.get(f"{service.base_url}/health/liveliness", timeout=10)
    return parsedate_to_datetime(answer.headers["date"]).timestamp() - time.time()
