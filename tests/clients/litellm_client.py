"""LiteLLM's Python client and its command, as tests call them."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

DRIVER = Path(__file__).with_name("driver.py")


class RaisedError(Exception):
    """What the client raised, by name; `status` where it was an HTTP answer."""

    def __init__(self, name: str, says: str, status: int | None) -> None:
        super().__init__(f"{name}: {says}")
        self.name, self.says, self.status = name, says, status


@dataclass(frozen=True, slots=True)
class Ended:
    """A command that has ended."""

    exit: int
    out: str
    err: str

    def json(self) -> Any:  # noqa: ANN401
        assert self.exit == 0, self.err
        return json.loads(self.out)


@dataclass(frozen=True, slots=True)
class LiteLLM:
    """The client of one service; `home` has nobody's stored login."""

    process: "subprocess.Popen[str]"
    url: str
    key: str
    home: Path
    numbers: Iterator[int]

    def call(self, method: str, key: str | None = None, /, **arguments: object) -> Any:  # noqa: ANN401
        """The result of a method of the Python client, named as `teams.list`."""
        answer = self._ask(
            {"method": method, "url": self.url, "key": key or self.key, "with": arguments}
        )
        if "raised" in answer:
            raise RaisedError(answer["raised"], answer["says"], answer["status"])
        return answer["result"]

    def run(self, *argv: str, key: str | None = None) -> Ended:
        """The `litellm-proxy` command with these arguments."""
        number = next(self.numbers)
        out, err = self.home / f"{number}.out", self.home / f"{number}.err"
        env = {"LITELLM_PROXY_URL": self.url, "LITELLM_PROXY_API_KEY": key or self.key}
        answer = self._ask({"argv": argv, "env": env, "out": str(out), "err": str(err)})
        return Ended(answer["exit"], out.read_text(), err.read_text())

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer


def environment(home: Path) -> dict[str, str]:
    """No look-ups elsewhere, no stored login, wide tables without colours."""
    dropped = ("PYTHON", "LITELLM", "TEAMLEDGER")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    return {
        **kept,
        "HOME": str(home),
        "COLUMNS": "300",
        "NO_COLOR": "1",
        "PYTHONUTF8": "1",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    }


@contextmanager
def running(python: Path, url: str, key: str, home: Path) -> Iterator[LiteLLM]:
    """A driver that has imported the client and waits for requests."""
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [str(python), str(DRIVER)], env=environment(home), stdin=pipe, stdout=pipe, text=True
    ) as process:
        yield LiteLLM(process, url, key, home, count(1))
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(timeout=30) == 0
