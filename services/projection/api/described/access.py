"""Reads of who could do what, routes of our own (decision 016)."""

from collections.abc import Mapping
from dataclasses import replace

from services.access.policy import check_route, check_team
from services.access.principal import INTERNAL_USER, Towards
from services.edge.claim import claim_too_long
from services.edge.openapi.answers.access import Access
from services.edge.openapi.answers.review import Review
from services.edge.openapi.callers import KEY, TEAM, refused_by, somebody
from services.edge.openapi.examples import EMAIL, KEY_VIEW, MODEL, NOW, USER
from services.edge.openapi.operation import Operation
from services.edge.shapes.review import Right, head
from services.edge.shapes.times import iso
from services.projection.api.described.common import read
from services.projection.api.recorded import not_recorded
from services.projection.api.routes.access import ROUTE, bad_question
from services.projection.api.routes.review import ROUTE as REVIEW

_EXAMPLE = {
    "allowed": False,
    "reason": {
        "check": "team_blocked",
        "status": 401,
        "message": f"Authentication Error, Team={TEAM} is blocked. "
        "Update via `/team/unblock` if your admin.",
    },
    "user_id": USER,
    "key_hash": KEY_VIEW.token,
    "team_id": TEAM,
    "organization_id": None,
    "model": MODEL,
    "budgets": [],
    "facts": [
        {
            "about": "team_blocked",
            "event_id": "019cdd1f-7a63-7c5b-9c0f-2a61d5f0b7e4",
            "position": 7,
            "type": "team.blocked",
            "at": iso(NOW),
            "by": "default_user_id",
        }
    ],
    "keys": [],
    "as_of": iso(NOW),
    "position": {"events": 7, "usage": 3},
}

_RIGHTS = [
    Right("team", team_id=TEAM, team_alias="Core", models=[MODEL], max_budget="100", since=NOW),
    Right("user", user_id=USER, user_email=EMAIL, role=INTERNAL_USER, since=NOW),
    Right("key", user_id=USER, team_id=TEAM, key_hash=KEY_VIEW.token, since=NOW),
]

OPERATIONS: Mapping[str, Operation] = {
    ROUTE: read(
        ROUTE,
        "get_access",
        Access,
        past=True,
        query={"key": KEY, "team": TEAM, "model": MODEL},
        example=_EXAMPLE,
        refusals={
            "no_subject": bad_question("give either user or key"),
            "no_model": bad_question("give the model"),
            "not_team_admin": refused_by(
                lambda: check_team(ROUTE, somebody(INTERNAL_USER), Towards(TEAM))
            ),
        },
    ),
    REVIEW: replace(
        read(
            REVIEW,
            "get_access_review",
            Review,
            past=True,
            query={"format": "json"},
            example={"as_of": iso(NOW), "rights": [each.shown() for each in _RIGHTS]},
            refusals={
                "no_reviewer": refused_by(lambda: check_route(REVIEW, somebody(INTERNAL_USER))),
                "not_recorded": not_recorded(),
                "long_claim": claim_too_long(),
            },
        ),
        csv=head() + "".join(each.line() for each in _RIGHTS),
    ),
}
