"""Who works where in the company of a seed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from services.cli.company.people import Person, Role, people
from services.cli.company.teams import BORROWING, TEAMS, Plan

OWNERS, VIEWERS = 2, 3
READERS = 2
READING = ("legal", "finance", "people")
"""Teams of which the last READERS may only look."""

LARGE_TEAM = 12
"""From this size on a team has two admins."""


@dataclass(frozen=True, slots=True)
class Cast:
    """`owners` are the proxy admins, `homes` everybody else by the id of his team."""

    seed: int
    owners: Sequence[Person]
    viewers: Sequence[Person]
    homes: Mapping[str, Sequence[Person]]

    def everybody(self) -> list[Person]:
        return [*self.owners, *self.viewers, *(p for home in self.homes.values() for p in home)]

    def leads(self, plan: Plan) -> Sequence[Person]:
        """The admins of a team on its first day; the first one makes its calls."""
        home = self.homes[BORROWING.get(plan.slug, plan.team_id)]
        return home[: 2 if plan.size >= LARGE_TEAM else 1]


def cast(seed: int) -> Cast:
    """The same people for the same seed."""
    homes = [plan for plan in TEAMS if plan.slug not in BORROWING]
    count = OWNERS + VIEWERS + sum(plan.size for plan in homes)
    hired = iter(people(seed, count))
    return Cast(
        seed=seed,
        owners=_as("proxy_admin", islice(hired, OWNERS)),
        viewers=_as("proxy_admin_viewer", islice(hired, VIEWERS)),
        homes={plan.team_id: _home(plan, hired) for plan in homes},
    )


def _home(plan: Plan, hired: Iterator[Person]) -> list[Person]:
    found = list(islice(hired, plan.size))
    if plan.slug in READING:
        found[-READERS:] = _as("internal_user_viewer", found[-READERS:])
    return found


def _as(role: Role, found: Iterator[Person] | Sequence[Person]) -> list[Person]:
    return [replace(person, role=role) for person in found]
