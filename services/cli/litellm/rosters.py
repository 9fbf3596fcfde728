"""Who is in a team: LiteLLM says so in three places, and not always the same (team-api.md 2.4)."""

import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import orjson

from events.registry import DomainEvent
from events.streams import EMAIL, USER, kind_and_id, stream
from events.team import TeamRole
from events.user import UserCreated, UserEmailChanged
from events.values import MemberLimits
from services.cli.litellm.budgets import member_limits
from services.cli.litellm.source import Row
from services.cli.litellm.things import Context, Plan, mark
from services.cli.litellm.users import email_of
from services.cli.litellm.values import Finding, Record, Refused, unfit
from services.command.application.enrolment import Candidate, EmailClaim, Enrolment
from services.command.application.view import View

LISTED = "members_with_roles"


@dataclass(frozen=True, slots=True)
class Entry:
    """One member as the source names him; `claim` is how his address is reserved."""

    user_id: str | None
    email: str | None
    claim: str | None
    role: TeamRole


@dataclass(frozen=True, slots=True)
class Membership:
    """What a row of the membership table adds."""

    limits: MemberLimits | None
    spent: Decimal


def entries_of(context: Context, record: Record) -> list[Entry]:
    """The list that LiteLLM goes by; raises Refused where it is none."""
    raw = record.values.get(LISTED)
    listed = orjson.loads(raw) if raw else []
    if not isinstance(listed, list):
        if listed:
            raise Refused(LISTED, "is no list")
        return []
    entries = (_entry(context, record, place, each) for place, each in enumerate(listed))
    return [entry for entry in entries if entry is not None]


def _entry(context: Context, record: Record, place: int, listed: Any) -> Entry | None:  # noqa: ANN401
    what = f"{LISTED}, entry {place}"
    if not isinstance(listed, dict):
        record.repaired(what, "is no member: left out")
        return None
    held = Record(listed)
    user_id, role = listed.get("user_id") or None, listed.get("role")
    email = email_of(held)
    if role not in {"admin", "user"}:
        held.repaired("role", f"{role!r} is no role: user")
    if user_id is not None and (reason := unfit(user_id)) is not None:
        held.repaired("user_id", f"{reason}: left out")
    elif user_id is None and email is None:
        held.repaired("user_id", "there is no id and no e-mail address: left out")
    else:
        claim = None if email is None else context.vault.claim(email)
        _note(record, what, held)
        return Entry(user_id, email, claim, "admin" if role == "admin" else "user")
    _note(record, what, held)
    return None


def _note(record: Record, what: str, held: Record) -> None:
    for finding in held.findings:
        record.repaired(f"{what}, {finding.what}", finding.why)


def added(record: Record, entries: Sequence[Entry], others: Sequence[str], why: str) -> list[Entry]:
    """Members that only another table knows, each noted."""
    listed = {entry.user_id for entry in entries}
    found: list[Entry] = []
    for user_id in others:
        if user_id in listed:
            continue
        if (reason := unfit(user_id)) is not None:
            record.repaired("member", f"{reason}: left out")
            continue
        record.repaired(f"member {user_id}", f"is not in {LISTED}, but {why}: a member")
        found.append(Entry(user_id, None, None, "user"))
    return found


def memberships_of(
    record: Record, budgets: Mapping[str, Row], default_id: str | None
) -> dict[str, Membership]:
    """Own limits and spending by user; the team's default budget is nobody's own (D14)."""
    found: dict[str, Membership] = {}
    for user_id, budget_id, spend in orjson.loads(record.values.get("memberships") or "[]"):
        held, limits = Record({"spend": spend}), None
        if budget_id is not None and budget_id != default_id:
            row = budgets.get(budget_id)
            if row is None:
                held.repaired("budget_id", f"{budget_id} does not exist: no limits of his own")
            else:
                limits = member_limits(record, row, f"member {user_id}")
        found[user_id] = Membership(limits, held.spent())
        _note(record, f"member {user_id}", held)
    _note_shared(record, found)
    return found


def _note_shared(record: Record, memberships: Mapping[str, Membership]) -> None:
    """Members keep a default that the team has lost with the rest of its metadata (D11)."""
    own = (held.limits.budget_id for held in memberships.values() if held.limits is not None)
    for budget_id, times in Counter(own).items():
        if times > 1:
            why = f"is that of {times} members, and not the team's: each has it as his own"
            record.flagged(f"budget {budget_id}", why)


def enrolled(
    context: Context, view: View, entries: Sequence[Entry], plan: Plan
) -> dict[str, TeamRole]:
    """Members by user id; those whom nobody knows come to exist (register D28)."""
    enrolment = Enrolment(view)
    roles: dict[str, TeamRole] = {}
    for entry in entries:
        if entry.user_id in context.refused_users:
            _join(roles, entry.user_id, entry.role, plan)
            continue
        candidate = _candidate(context, view, entry, plan)
        user_id = enrolment.member(candidate).user_id
        _join(roles, user_id, entry.role, plan)
    plan.before += _created(context, enrolment.facts, plan)
    plan.people += enrolment.people
    return roles


def resolved(view: View, entries: Sequence[Entry], plan: Plan) -> dict[str, TeamRole]:
    """The same for a team that is gone: nobody comes to exist for its sake."""
    roles: dict[str, TeamRole] = {}
    for entry in entries:
        user_id = entry.user_id
        if user_id is None and entry.claim is not None:
            user_id = view.email(entry.claim).holder
        if user_id is None:
            plan.findings.append(Finding("repaired", "member", "is unknown by now: left out"))
        else:
            _join(roles, user_id, entry.role, plan)
    return roles


def _join(roles: dict[str, TeamRole], user_id: str, role: TeamRole, plan: Plan) -> None:
    """Whoever is listed twice is an admin if any of his entries says so, as in LiteLLM."""
    if user_id in roles:
        why = "is listed more than once: one member"
        plan.findings.append(Finding("repaired", f"member {user_id}", why))
        role = "admin" if "admin" in {role, roles[user_id]} else "user"
    roles[user_id] = role


def _candidate(context: Context, view: View, entry: Entry, plan: Plan) -> Candidate:
    """An address beside an id counts if its user has none, and nobody else has it."""
    person = context.vault.new_person()
    email = None
    if entry.email is not None and entry.claim is not None and _counts(view, entry, plan):
        email = EmailClaim("", entry.claim, person.seal(entry.email))
    return Candidate(
        entry.user_id, email, entry.role, None, str(uuid.uuid4()), person.person, person.wrapped
    )


def _counts(view: View, entry: Entry, plan: Plan) -> bool:
    if entry.user_id is None:
        return True
    known, holder = view.user(entry.user_id), view.email(entry.claim or "").holder
    if (known.open and known.settings.email is not None) or holder == entry.user_id:
        return False
    if holder is not None:
        why = f"is that of user {holder}: left out"
        plan.findings.append(Finding("repaired", f"member {entry.user_id}, user_email", why))
    return holder is None


def _created(
    context: Context, facts: Sequence[tuple[str, DomainEvent]], plan: Plan
) -> list[list[tuple[str, DomainEvent]]]:
    """One thing for each new user, marked like any other, or for an address that was missing."""
    things: list[list[tuple[str, DomainEvent]]] = []
    for name, fact in facts:
        user_id = kind_and_id(name)[1]
        if isinstance(fact, UserCreated):
            ended = mark(LISTED, user_id, context.vault.digest(user_id))
            things.append([(name, fact), (name, ended)])
            why = "has no user row: made a user"
        elif isinstance(fact, UserEmailChanged):
            things.append([(name, fact)])
            why = f"has no address of his own: the one of {LISTED}"
        else:
            things[-1].append((name, fact))
            continue
        plan.findings.append(Finding("repaired", f"member {user_id}", why))
    return things


def streams_of(entries: Sequence[Entry]) -> list[str]:
    """What resolving them looks at."""
    users = (stream(USER, entry.user_id) for entry in entries if entry.user_id is not None)
    emails = (stream(EMAIL, entry.claim) for entry in entries if entry.claim is not None)
    return [*users, *emails]
