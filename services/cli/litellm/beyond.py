"""What was allowed beyond what bounds it, by defects of LiteLLM: kept, and flagged.

A team may be larger than its organization, or than what is left of it (D05, D06, D07), a key may
have a larger budget than its owner (S04), or list routes that its user's role lacks (D02). None of
it grows here, and the routes do not work: whoever imports should know before somebody runs into it.
"""

from dataclasses import replace

from rpds import HashTrieMap

from events.key import KeySettings
from events.organization import Allowance, OrganizationSettings
from events.team import TeamSettings
from events.values import JsonObject
from services.access.policy import check_route
from services.access.principal import AccessRefused, Principal
from services.access.rules import POLICY, As
from services.cli.litellm.budgets import settings_of
from services.cli.litellm.source import Row
from services.cli.litellm.values import Record, Refused
from services.command.domain.errors import DomainError
from services.command.domain.guarantee import allowance_of, guaranteed
from services.command.domain.organization import Organization
from services.command.domain.within import check_team


def flag_team(
    record: Record,
    team: TeamSettings,
    organization: Row,
    budget: Row | None,
    others: dict[str, Allowance],
) -> None:
    """Note what does not fit into the team's organization, the first such thing.

    `others` is what teams before it take of the organization; what this one takes is added.
    """
    held, name, team_id = (
        Record(organization),
        str(team.organization_id),
        str(record.values["team_id"]),
    )
    settings = OrganizationSettings(
        organization_alias="",
        budget_id="",
        models=held.texts("models"),
        metadata=_metadata(held),
    )
    within = Organization(settings=settings)
    if guaranteed(team):
        within = replace(within, allowances=HashTrieMap(others))
    try:
        check_team(name, within, settings_of(Record(budget or {})), team_id, team)
    except DomainError as larger:
        record.flagged("organization_id", f"{larger}: kept")
    if (own := allowance_of(team)) is not None:
        others[team_id] = own


def _metadata(organization: Record) -> JsonObject:
    try:
        return organization.document("metadata")
    except Refused:  # as the organization itself is
        return {}


def flag_key(record: Record, key: KeySettings, user: Row | None) -> None:
    """Note a budget above that of its owner, and routes that its list does not open."""
    held = Record(user or {})
    own = held.money("max_budget")
    if own is not None and key.max_budget is not None and key.max_budget > own:
        record.flagged("max_budget", f"{key.max_budget} is above {own}, what its user has: kept")
    if closed := _closed(key, held.text("user_role")):
        named = ", ".join(closed)
        record.flagged("allowed_routes", f"{named}: the list opens nothing that the role does not")


def _closed(key: KeySettings, role: str | None) -> list[str]:
    """Listed routes that the role lacks; where an admin of an organization may, nothing is said."""
    caller = Principal("", key.user_id, role, key.team_id)
    closed: list[str] = []
    for route in key.allowed_routes:
        if route not in POLICY or As.ORG_ADMIN in POLICY[route].admits:
            continue
        try:
            check_route(route, caller)
        except AccessRefused:
            closed.append(route)
    return closed
