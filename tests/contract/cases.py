"""The recorded exchanges with LiteLLM 1.82.2, in the order in which they were made."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

RECORDED = Path(__file__).parent / "recorded"

MASTER_KEY = "sk-1234"
"""The master key of the recording; the service under test has to be started with it."""

_KEY_PLACEHOLDER = re.compile(r"<key:([^>]+)>")


class UnknownKey(LookupError):
    """A request names a key that no earlier case has made."""


@dataclass(frozen=True, slots=True)
class Request:
    """What was sent; `path` includes the query, `content` is the body as sent."""

    method: str
    path: str
    headers: Mapping[str, str]
    content: bytes | None

    @property
    def route(self) -> str:
        return self.path.partition("?")[0]

    def with_keys(self, keys: Mapping[str, str]) -> "Request":
        """The same request with every `<key:NAME>` in a header replaced by that key.

        Raises UnknownKey when NAME has not been made.
        """
        headers = {name: _fill(value, keys) for name, value in self.headers.items()}
        return Request(self.method, self.path, headers, self.content)


@dataclass(frozen=True, slots=True)
class Case:
    """One exchange. `response` has the keys status, content_type and body; None for a step."""

    name: str
    title: str
    request: Request
    response: Mapping[str, object] | None

    @property
    def makes_key(self) -> str | None:
        """The NAME by which later cases refer to the key this one makes."""
        return self.title.split()[-1] if self.request.route == "/key/generate" else None


def load(folder: Path = RECORDED) -> list[Case]:
    """All cases in recorded order; the name of a case is its file name without the ending."""
    return [_case(path) for path in sorted(folder.glob("*.json"))]


def _case(path: Path) -> Case:
    raw = json.loads(path.read_text(encoding="utf-8"))
    return Case(path.stem, raw["name"], _request(raw["request"]), raw.get("response"))


def _request(raw: dict[str, object]) -> Request:
    headers = dict(raw["headers"]) if isinstance(raw["headers"], dict) else {}
    content: bytes | None = None
    if "raw_body" in raw:
        content = str(raw["raw_body"]).encode()
    elif "body" in raw:
        content = json.dumps(raw["body"]).encode()
    if content is not None:
        headers["content-type"] = "application/json"
    return Request(str(raw["method"]), str(raw["path"]), headers, content)


def _fill(text: str, keys: Mapping[str, str]) -> str:
    def key(match: re.Match[str]) -> str:
        if (name := match[1]) not in keys:
            raise UnknownKey(name)
        return keys[name]

    return _KEY_PLACEHOLDER.sub(key, text)
