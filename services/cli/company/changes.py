"""What has happened since: the part of the history that audit and replay have to tell."""

from typing import Any

from services.cli.company.cast import Cast
from services.cli.company.founding import laptop_key, marked
from services.cli.company.people import Person
from services.cli.company.script import Script
from services.cli.company.teams import CLAUDE, GEMINI, LARGE, OPEN, PREFIX, SMALL, TEAMS, Plan

PLANS = {plan.slug: plan for plan in TEAMS}
FINANCE_DESK, TERRAFORM = "budget-owner@example.com", "terraform@example.com"

SETTINGS: tuple[tuple[str, dict[str, Any], str | None], ...] = (
    ("platform", {"max_budget": 5000, "soft_budget": 4000}, FINANCE_DESK),
    ("search", {"max_budget": 3000}, FINANCE_DESK),
    ("marketing", {"team_alias": "Brand & Content", "max_budget": 750}, None),
    ("search", {"models": [LARGE, CLAUDE, "text-embedding-3-large"]}, TERRAFORM),
    ("legal", {"models": [OPEN, CLAUDE]}, None),
    ("mobile", {"team_alias": "Apps & Devices", "rpm_limit": 2_400}, None),
    ("support", {"team_member_budget": 80, "max_budget": 3600}, FINANCE_DESK),
    ("marketing", {"models": [LARGE]}, TERRAFORM),
    ("platform", {"model_aliases": {"fast": SMALL, "smart": GEMINI}}, TERRAFORM),
    ("people", {"budget_duration": "7d", "max_budget": 90}, FINANCE_DESK),
    ("security", {"tpm_limit": 450_000, "tags": ["on-call"]}, None),
    ("support", {"models": [SMALL, LARGE, CLAUDE, "whisper-1"]}, TERRAFORM),
    ("research", {"max_budget": 8000, "soft_budget": 7000}, FINANCE_DESK),
    ("mobile", {"soft_budget": 1000}, None),
    ("data-science", {"rpm_limit": 900, "tpm_limit": 400_000}, None),
    ("platform", {"max_budget": 6500}, FINANCE_DESK),
)
"""Updates in their order: team, what is sent, on whose behalf."""

MOVES = (
    ("support", "mobile"),
    ("support", "people"),
    ("platform", "security"),
    ("marketing", "data-science"),
    ("mobile", "platform"),
    ("data-science", "research"),
    ("contractors", "support"),
)
PROMOTED = ("support", "data-science", "legal", "security", "research")
LEAVERS = ("marketing", "contractors", "finance")
NEW_BUDGETS = (("support", 2, 120), ("data-science", 2, 450), ("research", 1, None))


def change(company: Cast, script: Script) -> None:
    """Settings, people and keys change in turn; then one team is blocked and one deleted."""
    owners = company.owners
    for number, (slug, sent, claim) in enumerate(SETTINGS):
        body = {"team_id": PREFIX + slug, **sent}
        script.call("/team/update", body, owners[number % len(owners)], claim=claim)
        if number < len(MOVES):
            _move(company, script, *MOVES[number])
    _promotions(company, script)
    _member_budgets(company, script)
    _leavers(company, script)
    _keys(company, script)
    _endings(company, script)


def finish(company: Cast, script: Script, marker: Plan) -> None:
    """The last call: from now on the company counts as complete."""
    metadata = marked(marker, company.seed, complete=True)
    script.call("/team/update", {"team_id": marker.team_id, "metadata": metadata}, None)


def _lead(company: Cast, slug: str) -> Person:
    return company.leads(PLANS[slug])[0]


def _others(company: Cast, script: Script, slug: str, count: int) -> list[Person]:
    """Members at home in the team who do not administer it."""
    home = {p.user_id for p in company.homes[PREFIX + slug]}
    leads = {p.user_id for p in company.leads(PLANS[slug])}
    return script.last(PREFIX + slug, count, lambda p: p.user_id in home - leads)


def _move(company: Cast, script: Script, old: str, new: str) -> None:
    """Each of the two leads does his part."""
    person = _others(company, script, old, 1)[0]
    script.leaves(PREFIX + old, person, _lead(company, old))
    script.joins(PREFIX + new, [person], _lead(company, new))


def _promotions(company: Cast, script: Script) -> None:
    for slug in PROMOTED:
        person = _others(company, script, slug, 3)[0]
        body = {"team_id": PREFIX + slug, "user_id": person.user_id, "role": "admin"}
        script.call("/team/member_update", body, _lead(company, slug))
    second = company.leads(PLANS["marketing"])[1]
    body = {"team_id": PREFIX + "marketing", "user_id": second.user_id, "role": "user"}
    script.call("/team/member_update", body, _lead(company, "marketing"))


def _member_budgets(company: Cast, script: Script) -> None:
    for slug, count, budget in NEW_BUDGETS:
        for person in _others(company, script, slug, count):
            body = {"team_id": PREFIX + slug, "user_id": person.user_id}
            sent = {**body, "max_budget_in_team": budget}
            script.call("/team/member_update", sent, _lead(company, slug))


def _leavers(company: Cast, script: Script) -> None:
    for slug in LEAVERS:
        person = _others(company, script, slug, 1)[0]
        script.leaves(PREFIX + slug, person, company.owners[1], "people-team@example.com")


def _keys(company: Cast, script: Script) -> None:
    """One key is lost and found again, one stays blocked, two are given back."""
    home, owner = company.homes[PREFIX + "platform"], company.owners[0]
    lost, found, *returned = (laptop_key(person) for person in home[2:10:2])
    for alias in (lost, found):
        script.call("/key/block", {}, owner, key_alias=alias, claim="security@example.com")
    script.call("/key/unblock", {}, owner, key_alias=found)
    script.call("/key/delete", {"key_aliases": returned}, owner)


def _endings(company: Cast, script: Script) -> None:
    first, second = company.owners
    finance, contractors = {"team_id": PREFIX + "finance"}, {"team_id": PREFIX + "contractors"}
    script.call("/team/block", finance, first, claim="auditor@example.com")
    script.call("/team/unblock", finance, first, claim="auditor@example.com")
    script.call("/team/block", contractors, second)
    script.call("/team/delete", {"team_ids": [PREFIX + "hackathon"]}, second)
    del script.members[PREFIX + "hackathon"]
