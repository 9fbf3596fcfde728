"""Keys by the sha256 of their secret, so that every secret keeps working, and deleted ones."""

import re
from collections.abc import Iterator, Mapping, Sequence

from psycopg.sql import SQL, Identifier

from events.key import GATEWAY_ROUTES, KeyDeleted, KeyGenerated, KeySettings
from events.spend import spend_stream
from events.streams import KEY, KEY_ALIAS, ORGANIZATION, TEAM, USER, stream
from events.values import JsonObject, RateLimits
from services.access.credentials import hash_key
from services.cli.litellm.beyond import flag_key
from services.cli.litellm.columns import BUDGETS, DELETED_KEYS, KEYS, TEAMS, USERS
from services.cli.litellm.permissions import object_permission, permissions_of
from services.cli.litellm.source import Row, Source
from services.cli.litellm.things import Context, Kind, Plan, Related, Thing, mark
from services.cli.litellm.values import Finding, Record, Refused
from services.command.application.keys import alias_digest, ties
from services.command.application.view import View
from services.command.domain import key, reservation

_SHA256 = re.compile(r"[0-9a-f]{64}")
_QUERY = SQL("SELECT {columns} FROM {keys} t ORDER BY {order}")
_DOCUMENTS = ("aliases", "config", "router_settings", "permissions", "model_max_budget")
_LISTS = ("allowed_cache_controls", "policies", "access_group_ids")
_TEXTS = ("agent_id", "project_id", "budget_id", "rotation_interval")


def _live_pages(source: Source) -> Iterator[list[Row]]:
    """The oldest first: an alias stays with the first key that had it."""
    return _pages(source, KEYS, "created_at", "token")


def _gone_pages(source: Source) -> Iterator[list[Row]]:
    return _pages(source, DELETED_KEYS, "deleted_at", "id")


def _pages(source: Source, table: str, *order: str) -> Iterator[list[Row]]:
    if not source.has(table):
        return iter(())
    return source.pages(
        _QUERY.format(
            columns=source.columns(table),
            order=source.order(table, *order),
            keys=Identifier(table),
        )
    )


async def _related(context: Context, rows: Sequence[Row]) -> Related:
    budgets = (row.get("budget_id") for row in rows)
    return {
        "permissions": permissions_of(context.source, rows),
        "budgets": context.source.by_id(BUDGETS, "budget_id", budgets),
        "teams": context.source.by_id(TEAMS, "team_id", (row.get("team_id") for row in rows)),
        "users": context.source.by_id(USERS, "user_id", (row.get("user_id") for row in rows)),
    }


def _token(record: Record) -> str:
    """The sha256; what is stored in the clear is hashed, and the secret goes on working."""
    token = record.identity("token")
    if token.startswith("sk-"):
        record.repaired("token", "was stored in the clear: hashed")
        return hash_key(token)
    if _SHA256.fullmatch(token) is None:
        raise Refused("token", "is no sha256 of a key: nobody could present it")
    return token


def _routes(record: Record) -> list[str]:
    routes = record.texts("allowed_routes")
    if GATEWAY_ROUTES in routes:
        raise Refused("allowed_routes", f"{GATEWAY_ROUTES} are for the keys of gateways here")
    return routes


def _settings(record: Record, related: Related) -> KeySettings:
    budget_id = record.text("budget_id")
    budget = related["budgets"].get(budget_id)
    if budget_id and budget is None:
        record.flagged("budget_id", f"{budget_id} does not exist: it limits nothing")
    settings = KeySettings(
        key_name=record.text("key_name") or "sk-...",
        key_alias=record.text("key_alias") or None,
        user_id=record.text("user_id") or None,
        team_id=record.text("team_id") or None,
        organization_id=record.text("organization_id") or None,
        expires=record.moment("expires"),
        blocked=record.values.get("blocked"),
        models=record.texts("models"),
        allowed_routes=_routes(record),
        max_budget=record.money("max_budget"),
        soft_budget=None if budget is None else Record(budget).money("soft_budget"),
        budget_duration=record.duration(),
        limits=RateLimits(tpm_limit=record.limit("tpm_limit"), rpm_limit=record.limit("rpm_limit")),
        max_parallel_requests=record.limit("max_parallel_requests"),
        metadata=record.document("metadata"),
        extra=_extra(record, related["permissions"]),
    )
    key.check_settings(settings)
    return settings


def _extra(record: Record, permissions: Mapping[str, Row]) -> JsonObject:
    """What has no typed place, as `/key/generate` keeps it."""
    extra: JsonObject = {name: record.document(name) for name in _DOCUMENTS}
    extra |= {name: record.texts(name) for name in _LISTS}
    extra |= {name: record.text(name) for name in _TEXTS}
    extra["auto_rotate"] = record.flag("auto_rotate")
    record.not_kept("rotation_count", "litellm_changed_by")
    if (permission := object_permission(record, permissions)) is not None:
        extra["object_permission"] = permission.permissions
        extra["object_permission_id"] = permission.object_permission_id
    return {name: value for name, value in extra.items() if value}


def _convert(context: Context, record: Record, related: Related) -> Thing:
    token = _token(record)
    name = stream(KEY, token)
    settings = _settings(record, related)
    flag_key(record, settings, related["users"].get(settings.user_id))
    spent = record.spent()
    digest = context.digest(record, settings.soft_budget, settings.extra)
    alias = settings.key_alias
    reserved = None if alias is None else stream(KEY_ALIAS, alias_digest(alias))

    def decide(view: View) -> Plan:
        state = view.key(token)
        if state.incarnation:
            raise Refused("token", "was deleted here, or there: a key never comes back")
        team_id = settings.team_id
        if team_id in related["teams"] and not view.team(str(team_id)).version:
            raise Refused("team_id", f"team {team_id} was not imported, a later run may bring both")
        plan = Plan([])
        tied = _tied(view, settings, related["teams"].get(team_id), plan)
        plan.facts.append((name, KeyGenerated(settings=tied)))
        if alias is not None and reserved is not None:
            held = view.key_alias(alias_digest(alias))
            if held.holder in {None, token}:
                made = reservation.reserve(held, "key_alias", alias, token)
                plan.facts += [(reserved, fact) for fact in made]
            else:
                why = f"is that of key {held.holder}, too, which is found by it"
                plan.findings.append(Finding("flagged", "key_alias", why))
        plan.facts += context.opening("key", token, 1, spent)
        plan.facts.append((name, mark(KEYS, token, digest, record)))
        return plan

    streams = [*_owners(settings), spend_stream("key", token), *([reserved] if reserved else [])]
    return Thing("key", KEYS, token, name, digest, decide, streams, record.findings)


def _owners(settings: KeySettings) -> list[str]:
    named = {
        TEAM: settings.team_id,
        USER: settings.user_id,
        ORGANIZATION: settings.organization_id,
    }
    return [stream(kind, identity) for kind, identity in named.items() if identity is not None]


def _tied(view: View, settings: KeySettings, team: Row | None, plan: Plan) -> KeySettings:
    """To the life of its team and the membership that it is for; what is not there is noted."""
    team_id, user_id = settings.team_id, settings.user_id
    if team_id is not None and not view.team(team_id).open:
        why = f"{team_id} does not exist: the key is kept and refused"
        plan.findings.append(Finding("flagged", "team_id", why))
    if user_id is not None and not view.user(user_id).open:
        plan.findings.append(Finding("flagged", "user_id", f"{user_id} does not exist: kept"))
    changes: dict[str, object] = dict(ties(view, team_id, user_id))
    of_team = None if team is None else team.get("organization_id")
    changes["organization_id"] = _own_organization(view, settings, of_team, plan)
    return settings.model_copy(update=changes)


def _own_organization(
    view: View, settings: KeySettings, of_team: str | None, plan: Plan
) -> str | None:
    """A key of a team is where its team is, unless it was said to count elsewhere."""
    named = settings.organization_id
    if named is not None and not view.organization(named).open:
        why = f"{named} does not exist: left out"
        plan.findings.append(Finding("repaired", "organization_id", why))
        return None
    if named is None or named == of_team:
        return None
    if of_team is not None and view.organization(of_team).open:
        why = f"{named} is not that of its team: the key goes on counting for it"
        plan.findings.append(Finding("flagged", "organization_id", why))
    return named


def _convert_gone(context: Context, record: Record, related: Related) -> Thing:
    """A short life: made, and deleted."""
    token, row_id = _token(record), record.identity("id")
    name = stream(KEY, token)
    settings = _settings(record, related)
    spent, digest = record.spent(), context.digest(record)

    def decide(view: View) -> Plan:
        if view.key(token).incarnation:
            raise Refused("token", "has a life already: a key never comes back")
        facts = [KeyGenerated(settings=settings), KeyDeleted(settings=settings)]
        plan = Plan([(name, fact) for fact in facts])
        plan.facts += context.opening("key", token, 1, spent)
        plan.facts.append((name, mark(DELETED_KEYS, row_id, digest, record)))
        return plan

    streams = [spend_stream("key", token)]
    return Thing(
        "deleted key",
        DELETED_KEYS,
        row_id,
        name,
        digest,
        decide,
        streams,
        record.findings,
        over=True,
    )


LIVE = Kind("key", KEYS, "token", _live_pages, _related, _convert)
GONE = Kind("deleted key", DELETED_KEYS, "id", _gone_pages, _related, _convert_gone)
