"""The real LiteLLM proxy, as deploy/litellm configures it, and an OpenAI client that calls it."""

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.clients.litellm_client import environment
from tests.support.service import free_port

CONFIG = Path(__file__).parents[2] / "deploy" / "litellm" / "config.yaml"
DRIVER = Path(__file__).with_name("openai_driver.py")
START_SECONDS = 180
ASKED = [{"role": "user", "content": "hi"}]

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Gateway:
    """Calls of models through one proxy."""

    url: str
    driver: "subprocess.Popen[str]"

    def call(self, key: str, model: str = "gpt-4o-mini", **fields: object) -> Json:
        """What the OpenAI client gets: model, usage and cost; or status and error."""
        arguments = {"model": model, "messages": ASKED, **fields}
        assert self.driver.stdin is not None
        assert self.driver.stdout is not None
        request = {"url": f"{self.url}/v1", "key": key, "with": arguments}
        self.driver.stdin.write(json.dumps(request) + "\n")
        self.driver.stdin.flush()
        answer: Json = json.loads(self.driver.stdout.readline())
        return answer

    def refused(self, key: str, model: str = "gpt-4o-mini", **fields: object) -> tuple[int, Json]:
        """The status and the error of a call that has to be refused."""
        answer = self.call(key, model, **fields)
        assert "error" in answer, answer
        return answer["status"], answer["error"]


@contextmanager
def proxy(
    python: Path, ledger_url: str, gateway_key: str, home: Path, **env: str
) -> Iterator[Gateway]:
    """Reports usage once a second; `env` is added to its environment."""
    port = free_port()
    own = {
        "TEAMLEDGER_URL": ledger_url,
        "TEAMLEDGER_GATEWAY_KEY": gateway_key,
        "GENERIC_LOGGER_ENDPOINT": f"{ledger_url}/v1/usage",
        "GENERIC_LOGGER_HEADERS": f"Authorization=Bearer {gateway_key}",
        "DEFAULT_FLUSH_INTERVAL_SECONDS": "1",
    }
    full = {**environment(home), **own, **env}
    command = [str(python.with_name("litellm")), "--config", str(CONFIG), "--telemetry", "False"]
    command += ["--host", "127.0.0.1", "--port", str(port)]
    log = home / "proxy.log"
    with log.open("wb") as output:
        served = subprocess.Popen(command, env=full, cwd=home, stdout=output, stderr=output)
    try:
        url = f"http://127.0.0.1:{port}"
        _wait(served, url, log)
        pipe = subprocess.PIPE
        with subprocess.Popen(
            [str(python), str(DRIVER)], env=full, stdin=pipe, stdout=pipe, text=True
        ) as driver:
            yield Gateway(url, driver)
            assert driver.stdin is not None
            driver.stdin.close()
    finally:
        served.terminate()
        served.wait(timeout=30)


def _wait(served: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and served.poll() is None:
        try:
            if httpx.get(f"{url}/health/liveliness", timeout=2).status_code == 200:
                return
        except httpx.HTTPError:
            time.sleep(0.1)
    pytest.fail(f"the proxy does not answer:\n{log.read_text()[-4000:]}")
