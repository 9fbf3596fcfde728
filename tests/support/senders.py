"""Senders of usage: processes that send a file until every line of it has been acknowledged."""

import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context, parent_process
from multiprocessing.process import BaseProcess
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path
from typing import Any

import httpx

from tests.support.deliveries import ALTERED_COST, Item

PAUSE = 0.02
LONGEST_ANSWER = 30.0


class Senders:
    """Processes, one for each file. `acknowledged` counts the items of all of them."""

    def __init__(self, paths: list[Path], base_url: str, key: str) -> None:
        spawn = get_context("spawn")
        self._count: Synchronized[int] = spawn.Value("q", 0)
        self._files = {path: path.with_suffix(".told") for path in paths}
        self.processes: list[BaseProcess] = [
            spawn.Process(target=_send, args=(path, told, base_url, key, self._count))
            for path, told in self._files.items()
        ]

    @property
    def acknowledged(self) -> int:
        return self._count.value

    def wait_for(self, items: int) -> None:
        """Return once so many items are acknowledged; fails with a sender."""
        while self.acknowledged < items:
            self._check()
            time.sleep(0.001)

    def finish(self) -> Counter[str]:
        """Wait for all of them.

        How many items became what, how many answers were `lost`, how many refusals waited out.
        """
        for process in self.processes:
            process.join()
        self._check()
        told: Counter[str] = Counter()
        for path in self._files.values():
            told.update(json.loads(path.read_text()))
        return told

    def _check(self) -> None:
        assert [p.exitcode for p in self.processes if p.exitcode] == []


@contextmanager
def sending(paths: list[Path], base_url: str, key: str) -> Iterator[Senders]:
    """Senders at work; those that are still at it in the end are ended."""
    senders = Senders(paths, base_url, key)
    for process in senders.processes:
        process.start()
    try:
        yield senders
    finally:
        for process in senders.processes:
            process.kill()
            process.join()


def _send(path: Path, told: Path, base_url: str, key: str, count: "Synchronized[int]") -> None:
    became: Counter[str] = Counter()
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    with httpx.Client(base_url=base_url, headers=headers, timeout=LONGEST_ANSWER) as http:
        for line in path.read_text().splitlines():
            items = json.loads(line)
            results = _acknowledged(http, line, became)["items"]
            became.update(_became(*pair) for pair in zip(items, results, strict=True))
            with count:
                count.value += len(items)
    told.write_text(json.dumps(became))


def _became(item: Item, result: Item) -> str:
    """The status; an altered repeat, and nothing else, is told apart."""
    assert item["id"] == result["id"]
    if item["cost"] == ALTERED_COST:
        assert (result["status"], result.get("altered")) == ("duplicate", True), result
        return "altered"
    assert (result["status"] in {"recorded", "duplicate"}, "altered" in result) == (True, False)
    return str(result["status"])


def _acknowledged(http: httpx.Client, line: str, became: Counter[str]) -> Any:  # noqa: ANN401
    """The answer, whatever it takes, as long as there is somebody to tell it."""
    starter = parent_process()
    while starter is not None and starter.is_alive():
        try:
            response = http.post("/v1/usage", content=line)
        except httpx.TransportError:
            became["lost"] += 1
        else:
            if response.status_code == 200:
                return response.json()
            assert response.status_code == 503, response.text
            became["refused"] += 1
        time.sleep(PAUSE)
    sys.exit("the test is gone")
