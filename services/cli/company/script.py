"""What is done to the API to bring a company to life, call by call, and who makes each call."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from services.cli.company.people import Person

Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Call:
    """A POST. `actor` is the user whose key makes it, None whoever runs the command.

    `claim` goes into `litellm-changed-by`. `key_alias` names the key whose secret is to be put
    into the body. The key that a call makes may serve its `new_actor` from then on.
    """

    path: str
    body: Body
    actor: str | None = None
    claim: str | None = None
    key_alias: str | None = None
    new_actor: str | None = None


@dataclass(slots=True)
class Script:
    """Collects calls, and remembers who is in which team so that every call makes sense."""

    calls: list[Call] = field(default_factory=list)
    members: dict[str, dict[str, Person]] = field(default_factory=dict)

    def call(
        self,
        path: str,
        body: Body,
        by: Person | None,
        *,
        claim: str | None = None,
        key_alias: str | None = None,
        new_actor: Person | None = None,
    ) -> None:
        """Any call; those below are the ones that change who is where."""
        actor = None if by is None else by.user_id
        acting = None if new_actor is None else new_actor.user_id
        self.calls.append(Call(path, body, actor, claim, key_alias, acting))

    def joins(
        self, team_id: str, new: Iterable[Person], by: Person, own_budget: int | None = None
    ) -> None:
        """Add members in one call, each with a budget of his own in USD if it is given."""
        joining = {person.user_id: person for person in new}
        body: Body = {
            "team_id": team_id,
            "member": [{"user_id": user_id, "role": "user"} for user_id in joining],
        }
        if own_budget is not None:
            body["max_budget_in_team"] = own_budget
        self.call("/team/member_add", body, by)
        self.members[team_id].update(joining)

    def leaves(self, team_id: str, person: Person, by: Person, claim: str | None = None) -> None:
        """Remove a member, with the keys he has in the team."""
        body = {"team_id": team_id, "user_id": person.user_id}
        self.call("/team/member_delete", body, by, claim=claim)
        del self.members[team_id][person.user_id]

    def last(self, team_id: str, count: int, admits: Callable[[Person], bool]) -> list[Person]:
        """The last `count` to have joined a team of those whom the condition admits."""
        return [p for p in self.members[team_id].values() if admits(p)][-count:]
