"""A state machine of commands over HTTP, which keeps what it was answered and asks for it again."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar, NamedTuple
from uuid import uuid4

import httpx
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from services.access.credentials import hash_key
from tests.support.ledger import Ledger
from tests.support.service import MASTER_KEY

Body = Mapping[str, object]
WHO = st.sampled_from(["ann", "bob"])
USD = st.sampled_from([None, 0.5, 10, 1_000_000])
COSTS = st.sampled_from(["0.000001", "0.1", "2.5"])
MODELS = st.sampled_from([[], ["gpt-4o"], ["a", "b"]])
WINDOWS = st.sampled_from([None, "1d", "30d"])


class Told(NamedTuple):
    """An answer of a moment; `viewer` is the secret it was asked with."""

    moment: str
    path: str
    query: tuple[tuple[str, str], ...]
    viewer: str
    status: int
    body: bytes


class Histories(RuleBasedStateMachine):
    """One organization, team and three users of its own, in a service that knows many before.

    A command may be refused: then nothing is checked of it but that it is a refusal.
    """

    ledger: ClassVar[Ledger]
    gateway: ClassVar[str]
    viewer: ClassVar[str]

    def __init__(self) -> None:
        super().__init__()
        self.name = uuid4().hex[:12]
        self.told: list[Told] = []
        self.keys: list[str] = []
        self.spent, self.looks = 0, 0

    @property
    def team(self) -> str:
        return f"{self.name}-team"

    @property
    def organization(self) -> str:
        return f"{self.name}-org"

    def user(self, who: str) -> str:
        return f"{self.name}-{who}"

    def ask(self, path: str, body: Body) -> httpx.Response:
        """Whatever comes of it, it is no fault of the service."""
        answered = self.ledger.post(path, body)
        assert answered.status_code < 500, f"{path} {body}: {answered.text}"
        return answered

    @initialize()
    def begin(self) -> None:
        """An organization, a team in it with ann as its admin, bob beside it, and a key."""
        named = {"organization_id": self.organization, "organization_alias": "history"}
        self.ledger.done("/organization/new", {**named, "max_budget": 1_000_000})
        for who in ("ann", "bob"):
            self.ledger.done("/user/new", {"user_id": self.user(who), "auto_create_key": False})
        team = {"team_id": self.team, "organization_id": self.organization, "team_alias": self.team}
        ann = {"user_id": self.user("ann"), "role": "admin"}
        self.ledger.done("/team/new", {**team, "members_with_roles": [ann]})
        self.make_key("ann", in_team=True)
        self.look()

    @rule(who=WHO, in_team=st.booleans())
    def make_key(self, who: str, *, in_team: bool) -> None:
        owner = {"user_id": self.user(who), **({"team_id": self.team} if in_team else {})}
        answered = self.ask("/key/generate", owner)
        if answered.status_code == 200:
            self.keys.append(answered.json()["key"])

    @rule(budget=USD, window=WINDOWS, models=MODELS, alias=st.sampled_from(["one", "Zwei", None]))
    def change_team(
        self, budget: float | None, window: str | None, models: list[str], alias: str | None
    ) -> None:
        changes: Body = {"max_budget": budget, "budget_duration": window, "models": models}
        named = {} if alias is None else {"team_alias": f"{self.name} {alias}"}
        self.ask("/team/update", {"team_id": self.team, **changes, **named})

    @rule(blocked=st.booleans())
    def block_team(self, *, blocked: bool) -> None:
        self.ask("/team/block" if blocked else "/team/unblock", {"team_id": self.team})

    @rule(which=st.integers(0, 9), blocked=st.booleans())
    def block_key(self, which: int, *, blocked: bool) -> None:
        self.ask("/key/block" if blocked else "/key/unblock", {"key": self._key(which)})

    @rule(which=st.integers(0, 9), budget=USD, models=MODELS, alias=st.booleans())
    def change_key(
        self, which: int, budget: float | None, models: list[str], *, alias: bool
    ) -> None:
        named = {"key_alias": f"{self.name} {which}"} if alias else {}
        body = {"key": self._key(which), "max_budget": budget, "models": models, **named}
        self.ask("/key/update", body)

    @rule(which=st.integers(0, 9))
    def delete_key(self, which: int) -> None:
        self.ask("/key/delete", {"keys": [self._key(which)]})

    @rule(which=st.integers(0, 9))
    def rotate_key(self, which: int) -> None:
        answered = self.ask("/key/regenerate", {"key": self._key(which)})
        if answered.status_code == 200:
            self.keys.append(answered.json()["key"])

    @rule(who=WHO, role=st.sampled_from(["admin", "user"]), budget=USD)
    def add_member(self, who: str, role: str, budget: float | None) -> None:
        member = {"user_id": self.user(who), "role": role}
        self.ask(
            "/team/member_add",
            {"team_id": self.team, "member": member, "max_budget_in_team": budget},
        )

    @rule(who=WHO)
    def remove_member(self, who: str) -> None:
        self.ask("/team/member_delete", {"team_id": self.team, "user_id": self.user(who)})

    @rule(who=WHO, role=st.sampled_from(["admin", "user"]), budget=USD)
    def change_member(self, who: str, role: str, budget: float | None) -> None:
        named = {"team_id": self.team, "user_id": self.user(who)}
        self.ask("/team/member_update", {**named, "role": role, "max_budget_in_team": budget})

    @rule(who=WHO, budget=USD, models=MODELS)
    def change_user(self, who: str, budget: float | None, models: list[str]) -> None:
        self.ask(
            "/user/update", {"user_id": self.user(who), "max_budget": budget, "models": models}
        )

    @rule(who=WHO)
    def replace_user(self, who: str) -> None:
        """Another life under the same id."""
        self.ask("/user/delete", {"user_ids": [self.user(who)]})
        self.ask("/user/new", {"user_id": self.user(who), "auto_create_key": False})

    @rule(who=WHO, leaves=st.booleans())
    def enter_organization(self, who: str, *, leaves: bool) -> None:
        named = {"organization_id": self.organization}
        if leaves:
            self.ledger.send(
                "DELETE", "/organization/member_delete", {**named, "user_id": self.user(who)}
            )
        else:
            member = {"user_id": self.user(who), "role": "internal_user"}
            self.ask("/organization/member_add", {**named, "member": member})

    @rule(budget=USD)
    def change_organization(self, budget: float | None) -> None:
        body = {"organization_id": self.organization, "max_budget": budget}
        self.ledger.send("PATCH", "/organization/update", body)

    @rule(which=st.integers(0, 9), cost=COSTS)
    def spend(self, which: int, cost: str) -> None:
        self.spent += 1
        call = {
            "id": f"{self.name}-{self.spent}",
            "key_hash": hash_key(self._key(which)),
            "model": "gpt-4o",
            "cost": cost,
            "started_at": datetime.now(UTC).isoformat(),
        }
        report = self.ledger.done("/v1/usage", call, self.gateway)
        assert report["refused"] == 0, report

    @rule(keys=st.booleans())
    def delete_and_restore(self, *, keys: bool) -> None:
        """A team that comes back with its keys is what it was, but for when it changed last.

        It stays away where its organization, meanwhile, allows less than it may spend.
        """
        before = self.ledger.get("/team/info", team_id=self.team)
        if self.ask("/team/delete", {"team_ids": [self.team]}).status_code != 200:
            return
        self.look()
        restored = self.ask(f"/v1/teams/{self.team}/restore", {"keys": keys})
        if restored.status_code == 409:
            assert self._beyond_organization(before.json()["team_info"]), restored.text
            return
        assert restored.status_code == 200, restored.text
        if keys:
            after = self.ledger.shown("/team/info", team_id=self.team)
            assert _lasting(after) == _lasting(before.json())

    @rule()
    def replace_team(self) -> None:
        """Another life under the same id, without an organization."""
        self.ask("/team/delete", {"team_ids": [self.team]})
        self.ask("/team/new", {"team_id": self.team, "team_alias": self.team})

    @precondition(lambda self: self.looks < LOOKS)
    @rule()
    def look(self) -> None:
        """Keep every answer of this moment, seen by two viewers in turn."""
        viewer = (MASTER_KEY, self.viewer)[self.looks % 2]
        answers = [(q, self.ledger.get(q[0], viewer, **dict(q[1]))) for q in self._questions()]
        moment = datetime.now(UTC).isoformat()
        self.told += [
            Told(moment, path, query, viewer, answered.status_code, answered.content)
            for (path, query), answered in answers
        ]
        self.looks += 1

    def teardown(self) -> None:
        """Whatever came later: as of its moment every answer is the same, byte for byte."""
        self.look_again()

    def look_again(self) -> None:
        for told in self.told:
            query = {**dict(told.query), "as_of": told.moment}
            answered = self.ledger.get(told.path, told.viewer, **query)
            assert (answered.status_code, answered.content) == (told.status, told.body), told

    def _beyond_organization(self, team: Mapping[str, Any]) -> bool:
        shown = self.ledger.shown("/organization/info", organization_id=self.organization)
        most, own = shown["litellm_budget_table"]["max_budget"], team["max_budget"]
        inside = team["organization_id"] == self.organization
        return inside and most is not None and own is not None and own > most

    def _key(self, which: int) -> str:
        return self.keys[which % len(self.keys)]

    def _questions(self) -> list[tuple[str, tuple[tuple[str, str], ...]]]:
        keys = self.keys[-3:]
        return [
            ("/team/info", (("team_id", self.team),)),
            ("/team/list", (("organization_id", self.organization),)),
            ("/v2/team/list", (("user_id", self.user("ann")),)),
            *(("/user/info", (("user_id", self.user(who)),)) for who in ("ann", "bob")),
            *(("/key/info", (("key", key),)) for key in keys),
            ("/organization/info", (("organization_id", self.organization),)),
        ]


LOOKS = 3
"""After so many the answers of a moment are only kept where something is at its end."""


def _lasting(document: Any) -> Any:  # noqa: ANN401
    """JSON without when things changed last, and by whom."""
    if isinstance(document, list):
        return [_lasting(part) for part in document]
    if isinstance(document, dict):
        return {
            name: _lasting(part)
            for name, part in document.items()
            if name not in ("updated_at", "updated_by")
        }
    return document
