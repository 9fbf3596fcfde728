"""Making a script's calls, so that making them again changes nothing."""

import hashlib
import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from services.cli.company.script import Call
from services.cli.ledger_client import Answered, LedgerClient

_THERE: Mapping[str, tuple[int, str]] = {
    "/user/new": (409, "User with id "),
    "/team/new": (400, "already exists"),
    "/team/member_add": (400, "already in team"),
    "/team/member_delete": (400, "not found in team"),
    "/key/generate": (400, "Unique key aliases"),
}
"""How a call is refused whose work an earlier run has done."""


@dataclass(slots=True)
class Performance:
    """Makes calls with the keys that earlier calls made.

    Each call has an idempotency key, so an interrupted run goes on where it stopped. `round_`
    tells runs apart between which the company was deleted. When the service has forgotten the
    answers of an earlier run, what that one made is found to be there; keys, whose secrets nobody
    knows any more, are made anew.
    """

    client: LedgerClient
    round_: int
    _secrets: dict[str, str] = field(default_factory=dict)
    _actors: dict[str, str] = field(default_factory=dict)

    def run(self, calls: Sequence[Call]) -> Iterator[Call]:
        """Each call once it is made. Raises ServiceRefused."""
        for number, call in enumerate(calls):
            self._make(call, f"demo-{self.round_}-{number}-{_digest(call)}")
            yield call

    def _make(self, call: Call, idempotency_key: str) -> None:
        try:
            made = self._post(call, call.path, self._body(call), idempotency_key)
        except Answered as refused:
            status, text = _THERE.get(call.path, (0, ""))
            if refused.status != status or text not in refused.text:
                raise
            if call.path != "/key/generate":
                return
            made = self._replaced(call)
        if call.path == "/key/generate":
            self._secrets[call.body["key_alias"]] = made["key"]
            if call.new_actor is not None:
                self._actors[call.new_actor] = made["key"]

    def _replaced(self, call: Call) -> Any:  # noqa: ANN401
        unique = uuid.uuid4().hex
        old = {"key_aliases": [call.body["key_alias"]]}
        self._post(call, "/key/delete", old, f"demo-delete-{unique}")
        return self._post(call, call.path, call.body, f"demo-again-{unique}")

    def _body(self, call: Call) -> dict[str, Any]:
        if call.key_alias is None:
            return call.body
        return {**call.body, "key": self._secrets[call.key_alias]}

    def _post(self, call: Call, path: str, body: object, idempotency_key: str) -> Any:  # noqa: ANN401
        actor = None if call.actor is None else self._actors[call.actor]
        claim = {} if call.claim is None else {"litellm_changed_by": call.claim}
        return self.client.post(path, body, actor, idempotency_key=idempotency_key, **claim)


def _digest(call: Call) -> str:
    what = json.dumps([call.path, call.body, call.key_alias, call.claim], sort_keys=True)
    return hashlib.sha256(what.encode()).hexdigest()[:16]
