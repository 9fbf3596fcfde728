"""Requests that provoke the refusals which the description shows, each by its name there."""

import re
from collections.abc import Mapping
from typing import Any

from tests.e2e.provocation import Provocation
from tests.e2e.provoked_history import HISTORY
from tests.e2e.provoked_keys import KEYS
from tests.e2e.provoked_organizations import ORGANIZATIONS
from tests.e2e.provoked_spend import SPEND
from tests.e2e.provoked_teams import TEAMS
from tests.e2e.provoked_users import USERS
from tests.e2e.provoked_webhooks import WEBHOOKS
from tests.e2e.provoking import CLOSED_TEAM, COLLEAGUE, KEYLESS_USER, MEMBER, OUTSIDER, STRANGER

_SAME_IN_EXAMPLES = {CLOSED_TEAM: "core", KEYLESS_USER: "eve", MEMBER: "eve"}
_MADE_UP = re.compile(
    r"""
      (?P<hash> \b[0-9a-f]{64}\b )
    | (?P<time> \b\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|\+00:00) )
    | (?P<record> \b[0-9a-f]{32}\b )
    | (?P<key> sk-\.\.\.[A-Za-z0-9_-]{4} )
    | (?P<version> "\d+" )
    | (?P<size> \b\d{6}\ bytes )
    | (?P<name> \b(?:closed|nobody|mia)\b )
    """,
    re.VERBOSE,
)


def levelled(value: Any) -> Any:  # noqa: ANN401
    """A body with what differs from run to run, or from the world of the examples, made alike."""
    match value:
        case str():
            return _MADE_UP.sub(_alike, value)
        case dict():
            return {name: levelled(part) for name, part in value.items()}
        case list():
            return [levelled(part) for part in value]
    return value


def _alike(found: re.Match[str]) -> str:
    return _SAME_IN_EXAMPLES.get(found[0], f"<{found.lastgroup}>")


CALLERS: Mapping[str, Provocation] = {
    name: Provocation(key=name)
    for name in (
        *("no_key", "no_virtual_key", "unknown_key", "blocked_key", "blocked_team"),
        *("expired_key", "other_routes", "viewer"),
    )
}
"""Those who are refused on every route, by the key they present."""

COMMON: Mapping[str, Provocation] = {
    **CALLERS,
    "long_claim": Provocation(headers={"litellm-changed-by": "x" * 256}),
    "bad_repeat_key": Provocation(headers={"idempotency-key": ""}),
    "bad_etags": Provocation(headers={"if-match": "7"}),
    "bad_dry_run": Provocation(query={"dry_run": "maybe"}),
    "malformed": Provocation(content=b"{"),
    "large_body": Provocation(content=b" " * (1024 * 1024 + 1)),
    "bad_path": Provocation(path={"team_id": "core%09"}),
    "bad_position": Provocation(query={"min_position": "-1"}),
    "no_moment": Provocation(query={"as_of": "yesterday"}),
    "moment_ahead": Provocation(query={"as_of": str(10**15)}),
    "not_team_admin": Provocation(key=STRANGER),
    "in_no_organization": Provocation(key=STRANGER),
    "not_in_organization": Provocation(key=OUTSIDER),
    "not_organization_admin": Provocation(key=COLLEAGUE),
}
"""What provokes the same on every route that shows it."""

SPECIAL: Mapping[tuple[str, str, str], Provocation] = {
    **TEAMS,
    **USERS,
    **KEYS,
    **ORGANIZATIONS,
    **SPEND,
    **HISTORY,
    **WEBHOOKS,
}
"""What is provoked otherwise on a route, or on that one alone."""

ELSEWHERE: Mapping[str, str] = {
    "not_expected": "test_openapi_examples, where the request is right otherwise",
    "repeated_otherwise": "test_openapi_examples, after the first request",
    "unexpected": "tests/spec/test_edge_errors.py: nothing is known that provokes it",
    "past_too_long": "tests/integration/test_past_rights.py: takes a past that is too much",
    "unavailable": "tests/faults and tests/integration: needs a database that is away",
    "unknown_outcome": "tests/integration/test_commit_outcome.py: needs a commit that gets lost",
    "not_of_members": "tests/register/test_member_budgets.py: the id is drawn at random",
    "limits_members": "tests/register/test_member_budgets.py: the id is drawn at random",
    "too_many_webhooks": "tests/spec/test_webhooks.py: needs as many as there may be",
    "no_delivery": "tests/e2e/test_webhooks.py: ids of webhooks are drawn at random",
    "too_many_keys": "tests/spec/test_key_organizations.py: needs more than a thousand keys",
    "changed_meanwhile": "tests/spec: needs a change between two steps of one request",
    "unhealthy": "tests/integration: needs a database that is away",
    "too_long": "tests/integration/test_reports_in_time.py: needs a database that is slow",
    "not_recorded": "tests/integration/test_read_audit.py: needs reads without commands",
    "too_many_groups": "tests/integration/test_reports_in_time.py: needs very many calls",
}
"""Refusals that are not provoked here, and where they are."""
