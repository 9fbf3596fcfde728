"""Deviations of the pages of /v2/team/list, whose teams are those that earlier cases left.

Teams of org-1 are as large as their organization allows (D05, D06: what levelling made in place of
those that we refused), the team without an id has one (D34), and two teams that LiteLLM makes only
with a licence are there.
"""

from tests.contract.bodies import (
    NO_ID,
    creator,
    generated_team,
    guarded_team,
    member,
    tagged_team,
    team,
)
from tests.contract.patch import ABSENT, Deviation, Inserted, Ties

SECOND_OF_FIVE = "099-v2-team-list-page-2-of-5"
OF_HUNDRED = "103-v2-team-list-size-100"
BY_ALIAS = "105-v2-team-list-sort-alias-desc"
BY_ID = "107-v2-team-list-sort-unknown-order"
OF_ORGANIZATION = "109-v2-team-list-by-org"
FIRST = "185-auth-x-api-key-header"

LICENSED = Inserted((guarded_team(), tagged_team()))


def at(case: str, place: str, register: str, instead: object) -> Deviation:
    return Deviation(case, f"$.body.{place}", register, instead)


def counted(case: str, total_pages: int | None = None) -> list[Deviation]:
    """With two teams more there are 20; `total_pages` None: as many pages as recorded."""
    pages = [] if total_pages is None else [at(case, "total_pages", "licence", total_pages)]
    return [at(case, "total", "licence", 20), *pages]


def within_organization(case: str) -> list[Deviation]:
    """The teams of org-1 at the head of a page, newest first; the fifth is as recorded."""
    return [
        at(case, "teams[0].models", "D06", ["fake-model"]),
        at(case, "teams[1].rpm_limit", "D05", 100),
        at(case, "teams[2].tpm_limit", "D05", 1000),
        at(case, "teams[3].max_budget", "D05", 100.0),
        at(case, "teams[5].max_budget", "D05", 60.0),
    ]


def without_duration(case: str, index: int) -> list[Deviation]:
    """The team of case 024."""
    return [
        at(case, f"teams[{index}].budget_duration", "D36", None),
        at(case, f"teams[{index}].budget_reset_at", "D36", None),
    ]


NEWEST_FIRST = [
    at(SECOND_OF_FIVE, "teams[0].max_budget", "D05", 60.0),
    at(SECOND_OF_FIVE, "teams[1]", "licence", LICENSED),
    at(SECOND_OF_FIVE, "teams[2].team_id", "D34", NO_ID),
    at(SECOND_OF_FIVE, "teams[3]", "licence", ABSENT),
    at(SECOND_OF_FIVE, "teams[4]", "licence", ABSENT),
    *counted(SECOND_OF_FIVE),
    *within_organization(OF_HUNDRED),
    at(OF_HUNDRED, "teams[6]", "licence", LICENSED),
    at(OF_HUNDRED, "teams[7].team_id", "D34", NO_ID),
    *without_duration(OF_HUNDRED, 9),
    *counted(OF_HUNDRED),
    *within_organization(OF_ORGANIZATION),
    at(FIRST, "teams[0].models", "D06", ["fake-model"]),
    *counted(FIRST, total_pages=20),
]

SORTED = [
    # LiteLLM leaves the order of teams without an alias to chance, we go by their ids.
    at(BY_ALIAS, "teams[0]", "D51", ABSENT),
    at(BY_ALIAS, "teams[2]", "D51", ABSENT),
    at(
        BY_ALIAS,
        "teams[3]",
        "D51",
        team(
            "with-admin",
            "2026-11-23T09:52:48.453000Z",
            members_with_roles=[member("boss", role="admin"), creator()],
        ),
    ),
    at(BY_ALIAS, "teams[4]", "D51", team("unknown-field", "2026-11-23T09:52:48.408000Z")),
    *counted(BY_ALIAS, total_pages=7),
    # No id is empty, so that the page reaches one team further.
    at(BY_ID, "teams[0]", "D34", ABSENT),
    at(BY_ID, "teams[3]", "D34", generated_team()),
    *without_duration(BY_ID, 2),
    at(BY_ID, "teams", "run", Ties("team_id", "team_id")),
    *counted(BY_ID, total_pages=7),
]

PAGES: tuple[Deviation, ...] = (*NEWEST_FIRST, *SORTED)
