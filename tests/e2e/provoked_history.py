"""What is refused of the log and the past, of bringing teams back and of forgetting.

`with_a_past` makes what that takes.
"""

from collections.abc import Mapping
from typing import Any

from tests.e2e.provocation import Provocation, gets, posts
from tests.support.ledger import Ledger

RESTORE, REVERT = "/v1/teams/{team_id}/restore", "/v1/teams/{team_id}/revert"
FORGET = "/v1/users/{user_id}/forget"
RESEARCH = {"organization_id": "research"}
DISSOLVED = {"organization_id": "dissolved"}
_GUARANTEED = {"tpm_limit": 200, "tpm_limit_type": "guaranteed_throughput"}
_TOO_MUCH: Mapping[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "over_organization": ({"max_budget": 100}, {"max_budget": 10}),
    "outside_organization": ({"models": ["gpt-4o"]}, {"models": ["gpt-4o-mini"]}),
    "over_allowance": (_GUARANTEED, {"tpm_limit": None}),
}
"""What a team of the organization was given once, and what it has had since."""


_AHEAD = {"ahead": Provocation(query={"from": "v1000000"})}


def _of(team_id: str, to: object = None) -> Provocation:
    body = {} if to is None else {"to": to}
    return Provocation(body, path={"team_id": team_id})


def _moments(**thing: str) -> dict[str, dict[str, str]]:
    return {
        "no_moment": {**thing, "as_of": "yesterday"},
        "moment_ahead": {**thing, "as_of": str(10**15)},
    }


def _past(what: str, **others: Provocation) -> dict[tuple[str, str, str], Provocation]:
    """Of a past: nobody's, and somebody else's."""
    return {
        **gets(
            f"/v1/teams/{{team_id}}/{what}",
            no_team=Provocation(path={"team_id": "missing"}),
            not_in_team=Provocation(key="eve"),
            **others,
        ),
        **gets(
            f"/v1/users/{{user_id}}/{what}",
            no_user=Provocation(path={"user_id": "missing"}),
            not_his_own=Provocation(key="eve"),
            **others,
        ),
        **gets(
            f"/v1/keys/{{key}}/{what}",
            no_key_of_this_name=Provocation(path={"key": "sk-missing"}),
            not_his_key=Provocation(key="eve"),
            **others,
        ),
        **gets(
            f"/v1/organizations/{{organization_id}}/{what}",
            no_organization=Provocation(path={"organization_id": "missing"}),
            **others,
        ),
    }


HISTORY: Mapping[tuple[str, str, str], Provocation] = {
    **gets("/v1/events", no_subject={"subject": "core"}),
    **gets(
        "/v1/proof/inclusion",
        one_of_both={},
        not_sealed={"position": "1000000000"},
    ),
    **gets("/v1/proof/consistency", no_such_trees={"from_size": "1000000000"}),
    **gets("/audit/{id}", no_entry=Provocation(path={"id": "missing"})),
    **_past("history"),
    **_past("diff", **_AHEAD),
    **_past("blame"),
    **posts(
        RESTORE,
        no_team=_of("missing"),
        team_exists=_of("core"),
        organization_gone=_of("orphan"),
        **{name: _of(f"former {name}") for name in _TOO_MUCH},
    ),
    **posts(
        REVERT,
        no_team=_of("missing", {"version": 1}),
        organization_gone=_of("moved", {"version": 1}),
        cannot_move=_of("moved out", {"version": 1}),
        **{name: _of(f"once {name}", {"version": 1}) for name in _TOO_MUCH},
        not_then=_of("core", 0),
        ahead=_of("core", 10**15),
    ),
    **gets(
        "/v1/access",
        no_subject={"model": "gpt-4o"},
        no_model={"user": "ann"},
        not_team_admin=Provocation(key="internal_viewer"),
        **_moments(user="ann", model="gpt-4o"),
    ),
    **gets("/v1/access/review", no_reviewer=Provocation(key="eve")),
    **gets("/team/info", **_moments(team_id="core")),
    **gets("/organization/info", **_moments(organization_id="research")),
    **posts(
        FORGET,
        no_user=Provocation(path={"user_id": "missing"}),
        bad_path=Provocation(path={"user_id": "sk-example%00"}),
    ),
}


def with_a_past(ledger: Ledger) -> None:
    """Teams that were once what they could not be again, of an organization that allows all."""
    ledger.done("/organization/new", {**DISSOLVED, "organization_alias": "Dissolved"})
    for name, (once, since) in _TOO_MUCH.items():
        given = {**RESEARCH, "models": ["gpt-4o-mini"], **once}
        ledger.done("/team/new", {"team_id": f"former {name}", **given})
        ledger.done("/team/delete", {"team_ids": [f"former {name}"]})
        ledger.done("/team/new", {"team_id": f"once {name}", **given})
        ledger.done("/team/update", {"team_id": f"once {name}", **since})
    for team_id, organization in (("moved", DISSOLVED), ("moved out", RESEARCH)):
        ledger.done("/team/new", {"team_id": team_id, **organization})
        ledger.done("/team/update", {"team_id": team_id, "organization_id": None})
    ledger.done("/team/new", {"team_id": "orphan", **DISSOLVED})
    ledger.done("DELETE /organization/delete", {"organization_ids": ["dissolved"]})
