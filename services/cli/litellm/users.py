"""Users: their personal data goes under seal, each address to one of them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from psycopg.sql import SQL, Identifier
from pydantic import TypeAdapter, ValidationError

from events.spend import spend_stream
from events.streams import EMAIL, USER, stream
from events.user import UserCreated, UserSettings
from events.values import JsonObject, RateLimits
from services.cli.litellm.columns import TEAMS, USERS
from services.cli.litellm.permissions import object_permission, permissions_of
from services.cli.litellm.source import Row, Source
from services.cli.litellm.things import Context, Kind, Plan, Thing, mark
from services.cli.litellm.values import Finding, Record
from services.command.application.view import View
from services.command.domain import reservation, user
from services.edge.requests.common import Email

_QUERY = SQL(
    """
    SELECT {columns}, ARRAY(
        SELECT DISTINCT x FROM unnest(t.teams) x
        WHERE NOT EXISTS (SELECT FROM {teams} o WHERE o.team_id = x)) AS stale
    FROM {users} t ORDER BY {order}
    """
)
_WITHOUT_TEAMS = SQL("SELECT {columns}, ARRAY[]::text[] AS stale FROM {users} t ORDER BY {order}")
_EMAIL: TypeAdapter[str] = TypeAdapter(Email)
_NO_ROLE = "internal_user"
_SHOWN = 5


def _pages(source: Source) -> Iterator[list[Row]]:
    """The oldest first: an address stays with the first who had it."""
    query = _QUERY if source.has(USERS, "teams") else _WITHOUT_TEAMS
    return source.pages(
        query.format(
            columns=source.columns(USERS),
            order=source.order(USERS, "created_at", "user_id"),
            users=Identifier(USERS),
            teams=Identifier(TEAMS),
        )
    )


async def _related(context: Context, rows: Sequence[Row]) -> Mapping[str, Any]:
    return {"permissions": permissions_of(context.source, rows)}


def email_of(record: Record, name: str = "user_email") -> str | None:
    """An address that can be kept; any other is noted without repeating it."""
    text = record.text(name)
    if not text:
        return None
    try:
        return _EMAIL.validate_python(text.strip())
    except ValidationError:
        record.repaired(name, "is no e-mail address: left out")
        return None


def _convert(context: Context, record: Record, related: Mapping[str, Any]) -> Thing:
    user_id = record.identity("user_id")
    name = stream(USER, user_id)
    extra = _extra(record, related["permissions"])
    digest = context.digest(record, extra)
    email, alias = email_of(record), record.text("user_alias")
    claim = None if email is None else context.vault.claim(email)
    settings = UserSettings(
        person="",
        user_role=record.text("user_role") or _NO_ROLE,
        max_budget=record.money("max_budget"),
        budget_duration=record.duration(),
        limits=RateLimits(tpm_limit=record.limit("tpm_limit"), rpm_limit=record.limit("rpm_limit")),
        max_parallel_requests=record.limit("max_parallel_requests"),
        models=record.texts("models"),
        metadata=record.document("metadata"),
        extra=extra,
    )
    user.check_settings(settings)
    spent = record.spent()
    _note(record)

    def decide(view: View) -> Plan:
        person = context.vault.new_person()
        known = {
            "person": person.person,
            "email": None if email is None else person.seal(email),
            "user_alias": None if alias is None else person.seal(alias),
        }
        plan = Plan([], people=[(person.person, person.wrapped)])
        if claim is not None:
            holder = view.email(claim)
            if holder.holder in {None, user_id}:
                known["email_claim"] = claim
                reserved = reservation.reserve(holder, "email", "", user_id)
                plan.facts += [(stream(EMAIL, claim), fact) for fact in reserved]
            else:
                plan.findings.append(
                    Finding("flagged", "user_email", f"is that of user {holder.holder}, too")
                )
        created = UserCreated(settings=settings.model_copy(update=known))
        plan.facts.insert(0, (name, created))
        plan.facts += context.opening("user", user_id, view.user(user_id).version + 1, spent)
        plan.facts.append((name, mark(USERS, user_id, digest, record)))
        return plan

    streams = [spend_stream("user", user_id), *([stream(EMAIL, claim)] if claim else [])]
    return Thing("user", USERS, user_id, name, digest, decide, streams, record.findings)


def _extra(record: Record, permissions: Mapping[str, Row]) -> JsonObject:
    """What has no typed place, as `/user/new` keeps it."""
    extra: JsonObject = {
        "sso_user_id": record.text("sso_user_id"),
        "model_max_budget": record.document("model_max_budget"),
        "allowed_cache_controls": record.texts("allowed_cache_controls"),
        "policies": record.texts("policies"),
    }
    if (permission := object_permission(record, permissions)) is not None:
        extra["object_permission"] = permission.permissions
        extra["object_permission_id"] = permission.object_permission_id
    return {name: value for name, value in extra.items() if value}


def _note(record: Record) -> None:
    record.not_kept("team_id", "organization_id")
    if record.values.get("password"):
        record.repaired("password", "is not kept: nobody signs in here by password")
    teams, stale = record.values.get("teams") or [], record.values["stale"]
    if len(set(teams)) != len(teams):
        record.repaired("teams", "names teams more than once: once")
    if stale:
        named = ", ".join(map(repr, stale[:_SHOWN]))
        record.repaired("teams", f"names {len(stale)} teams that do not exist: {named}")


KIND = Kind("user", USERS, "user_id", _pages, _related, _convert)
