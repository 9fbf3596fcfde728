"""The first day of the company: people, teams, members, keys."""

from services.cli.company.cast import Cast
from services.cli.company.people import Person
from services.cli.company.script import Script
from services.cli.company.teams import BORROWING, MARKER, TEAMS, Plan

OFFICE = "it-desk@example.com"
"""On whose behalf proxy admins set up teams."""

GUEST_EVERY = 6
KEY_EVERY = 2


def found(company: Cast, script: Script) -> None:
    """Proxy admins come first: they make all others and the teams, and leave those again."""
    _owners(company, script)
    first = company.owners[0]
    for person in company.everybody()[len(company.owners) :]:
        _hire(script, person, first)
    for number, plan in enumerate(TEAMS):
        owner = company.owners[number % len(company.owners)]
        _team(company, script, plan, owner)
    _guests(company, script)
    _keys(company, script)


def marked(plan: Plan, seed: int, *, complete: bool = False) -> dict[str, object]:
    """The metadata of a team. On MARKER it tells that the script came to its end."""
    demo = {"seed": seed, "complete": complete} if plan is MARKER else {"seed": seed}
    return {"description": plan.description, "demo": demo}


def desk_key(person: Person) -> str:
    """The alias of the key with which a person administers."""
    return f"{person.user_id}-desk"


def laptop_key(person: Person) -> str:
    """The alias of the key that a person works with."""
    return f"{person.user_id}-laptop"


def _hire(script: Script, person: Person, by: Person | None) -> None:
    body = {
        "user_id": person.user_id,
        "user_email": person.email,
        "user_alias": person.name,
        "user_role": person.role,
        "auto_create_key": False,
    }
    script.call("/user/new", body, by)


def _owners(company: Cast, script: Script) -> None:
    for owner in company.owners:
        _hire(script, owner, None)
        _desk_key(script, owner, None)


def _desk_key(script: Script, person: Person, by: Person | None) -> None:
    body = {"key_alias": desk_key(person), "user_id": person.user_id, "duration": "365d"}
    script.call("/key/generate", body, by, new_actor=person)


def _team(company: Cast, script: Script, plan: Plan, owner: Person) -> None:
    leads = company.leads(plan)
    body = {
        "team_id": plan.team_id,
        "team_alias": plan.alias,
        "metadata": marked(plan, company.seed),
        "models": list(plan.models),
        "members_with_roles": [{"user_id": p.user_id, "role": "admin"} for p in leads],
        **plan.settings,
    }
    script.call("/team/new", body, owner, claim=OFFICE)
    script.members[plan.team_id] = {p.user_id: p for p in (*leads, owner)}
    script.leaves(plan.team_id, owner, owner)
    if plan.slug not in BORROWING:
        _desk_key(script, leads[0], owner)
    _members(company, script, plan)


def _members(company: Cast, script: Script, plan: Plan) -> None:
    """The team's lead adds them: most in one call, those with a budget of their own singly."""
    lead, team_id = company.leads(plan)[0], plan.team_id
    if plan.slug in BORROWING:
        others = [p for home in company.homes.values() for p in home[3:5]]
        script.joins(team_id, others[: plan.size - 2], lead)
        return
    rest = company.homes[team_id][len(company.leads(plan)) :]
    shared = len(rest) - plan.own_budgets
    script.joins(team_id, rest[:shared], lead)
    for number, person in enumerate(rest[shared:], 1):
        script.joins(team_id, [person], lead, own_budget=25 * number)


def _guests(company: Cast, script: Script) -> None:
    """Some work for a second team as well."""
    plans = [plan for plan in TEAMS if plan.slug not in {*BORROWING, "contractors"}]
    for number, plan in enumerate(plans):
        home = company.homes[plan.team_id]
        host = plans[(number + 3) % len(plans)]
        script.joins(host.team_id, home[3::GUEST_EVERY], company.leads(host)[0])


def _keys(company: Cast, script: Script) -> None:
    owner = company.owners[0]
    for plan in TEAMS:
        for name in plan.service_keys:
            body = {"key_alias": f"{plan.slug}-{name}", "team_id": plan.team_id}
            script.call("/key/generate", {**body, "tags": ["service"]}, owner)
        if plan.slug in BORROWING:
            continue
        for person in company.homes[plan.team_id][::KEY_EVERY]:
            body = {"key_alias": laptop_key(person), "team_id": plan.team_id}
            limits = {"max_budget": 40, "budget_duration": "7d"}
            script.call("/key/generate", {**body, "user_id": person.user_id, **limits}, owner)
