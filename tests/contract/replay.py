"""Replays the recorded cases against a running service, first all requests, then the verdicts.

Command line, for use during development against a fresh service with master key `sk-1234`:
`python -m tests.contract.replay http://127.0.0.1:PORT` prints every difference case by case.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import httpx

from tests.contract.cases import MASTER_KEY, Case, Request, UnknownKey, load
from tests.contract.compare import Comparison
from tests.contract.deviations import by_case
from tests.contract.levelling import LEVELLING, Levelling
from tests.contract.normalise import Pairing, Run
from tests.contract.patch import Deviation, promised
from tests.contract.steps import STEP_STATUS

Kind = Literal["compared", "deviating as registered", "step"]

TIMEOUT = 15.0
"""Seconds for one request; the service gives a command 8."""

REPLAYED = "recorded contract"
"""The name of the report property that carries the summary, also across xdist workers."""

_LITERAL_KEYS = (MASTER_KEY, "sk-wrong")


class ServiceGone(Exception):
    """The service did not answer at all; what follows would mean nothing."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the service said, in the form of a recorded response."""

    status: int
    content_type: str
    body: object

    @property
    def document(self) -> dict[str, object]:
        return {"status": self.status, "content_type": self.content_type, "body": self.body}


@dataclass(frozen=True, slots=True)
class Exchange:
    """A case as it went: `answer` is None when it was not sent; `trouble` names failed calls."""

    case: Case
    answer: Answer | None
    trouble: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """The verdict on a case: `problems` is empty when it is as promised."""

    case: str
    kind: Kind
    problems: tuple[str, ...]


def send_all(base_url: str, cases: Iterable[Case]) -> list[Exchange]:
    """Sends every case in order, with the levelling calls.

    Raises ServiceGone when a request gets no answer within TIMEOUT.
    """
    with httpx.Client(base_url=base_url, timeout=TIMEOUT, trust_env=False) as client:
        keys: dict[str, str] = {}
        return [_exchange(client, case, keys) for case in cases]


def judge(exchanges: Iterable[Exchange], run: Run) -> list[Outcome]:
    """Compares what was answered with what is promised; ids are paired across all cases."""
    comparison = Comparison(Pairing(_LITERAL_KEYS), run)
    deviations = by_case()
    return [
        _outcome(exchange, comparison, deviations.get(exchange.case.name, []))
        for exchange in exchanges
    ]


def replay(base_url: str) -> list[Outcome]:
    """The verdict on all recorded cases, by a fresh service at `base_url`."""
    started = datetime.now(UTC)
    exchanges = send_all(base_url, load())
    return judge(exchanges, Run(started, datetime.now(UTC)))


def summary(outcomes: Iterable[Outcome]) -> list[str]:
    """How many cases there are of each kind and with problems; what they deviate by; levelling."""
    found = list(outcomes)
    kinds = Counter(outcome.kind for outcome in found)
    shown: tuple[Kind, ...] = ("compared", "deviating as registered", "step")
    failed = sum(bool(outcome.problems) for outcome in found)
    ids = Counter(id_ for entries in by_case().values() for id_ in {e.register for e in entries})
    return [
        ", ".join([*(f"{kinds[kind]} {kind}" for kind in shown), f"{failed} with problems"]),
        "cases by register id: " + ", ".join(f"{id_} {n}" for id_, n in sorted(ids.items())),
        *(f"levelled {call}" for call in LEVELLING),
    ]


def _exchange(client: httpx.Client, case: Case, keys: dict[str, str]) -> Exchange:
    trouble: list[str] = []
    answer: Answer | None = None
    try:
        answer = _send(client, case.request.with_keys(keys))
    except UnknownKey as problem:
        trouble.append(f"not sent: no case has made the key {problem}")
    if answer is not None and case.makes_key is not None:
        _remember(keys, case.makes_key, answer)
    for call in LEVELLING:
        if call.after == case.name:
            trouble += _level(client, call)
    return Exchange(case, answer, tuple(trouble))


def _send(client: httpx.Client, request: Request) -> Answer:
    try:
        response = client.request(
            request.method, request.path, headers=dict(request.headers), content=request.content
        )
    except httpx.HTTPError as problem:
        raise ServiceGone(f"{request.method} {request.path}: {problem!r}") from problem
    try:
        body: object = response.json()
    except ValueError:
        body = response.text
    return Answer(response.status_code, response.headers.get("content-type", ""), body)


def _remember(keys: dict[str, str], name: str, answer: Answer) -> None:
    key = answer.body.get("key") if isinstance(answer.body, dict) else None
    if answer.status == httpx.codes.OK and isinstance(key, str):
        keys[name] = key


def _level(client: httpx.Client, call: Levelling) -> list[str]:
    headers = {"Authorization": f"Bearer {MASTER_KEY}", "content-type": "application/json"}
    request = Request("POST", call.path, headers, json.dumps(call.body).encode())
    answer = _send(client, request)
    if answer.status == httpx.codes.OK:
        return []
    return [f"levelling {call.path} answered {answer.status}: {answer.body!r}"]


def _outcome(exchange: Exchange, comparison: Comparison, entries: list[Deviation]) -> Outcome:
    case, answer = exchange.case, exchange.answer
    kind: Kind = "deviating as registered" if entries else "compared"
    if case.response is None:
        problems = [] if answer is None else _step_problems(case, answer)
        return Outcome(case.name, "step", (*exchange.trouble, *problems))
    if answer is None:
        return Outcome(case.name, kind, exchange.trouble)
    found = comparison.differences(
        case.request.route, promised(case.response, entries), answer.document
    )
    return Outcome(case.name, kind, (*exchange.trouble, *map(str, found)))


def _step_problems(case: Case, answer: Answer) -> list[str]:
    wanted = STEP_STATUS[case.name]
    if answer.status == wanted:
        return []
    return [f"step: promised {wanted}, answered {answer.status}: {answer.body!r}"]


def main(arguments: list[str]) -> int:
    """Prints problems case by case, then the summary. Returns 1 when there are problems."""
    parser = argparse.ArgumentParser(prog="python -m tests.contract.replay")
    parser.add_argument("base_url", help="a fresh service, as http://127.0.0.1:PORT")
    outcomes = replay(parser.parse_args(arguments).base_url)
    for outcome in outcomes:
        for problem in outcome.problems:
            sys.stdout.write(f"{outcome.case} ({outcome.kind})\n    {problem}\n")
    sys.stdout.writelines(f"{line}\n" for line in summary(outcomes))
    return 1 if any(outcome.problems for outcome in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
