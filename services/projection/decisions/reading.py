"""Reads what stands behind keys: one statement, one row for each key."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import pairwise
from typing import Any

import orjson
from psycopg.sql import SQL

from events.spend import EVERYWHERE, spend_stream
from events.streams import BUDGET, KEY, ORGANIZATION, TEAM, USER, stream
from events.values import JsonObject
from services.access.decisions import KeyPolicy, TeamPolicy
from services.access.principal import KeyFacts
from services.projection.decisions.allotments import Allotment
from services.projection.decisions.purses import (
    KeyPurse,
    OrganizationPurse,
    TeamPurse,
    UserPurse,
)
from services.projection.decisions.standing import Standing, ThroughputLimit
from services.projection.queries.budgets import LAST_BUDGET
from services.projection.queries.reading import POSITION, Row, text_size
from services.projection.queries.records import (
    KEY_ROW,
    KEY_WIDTH,
    LAST_KEY,
    LAST_ORGANIZATION,
    LAST_USER,
    OWNER_THERE,
    key_record,
)
from services.projection.queries.spend_books import (
    MEMBER_BOOK,
    ORGANIZATION_ALONE,
    USER_BOOK,
    spend_book,
)
from services.spend.budgets import Account
from services.spend.spenders import Spender

_LIMITS = "json_build_array({0}.metadata->'model_tpm_limit', {0}.metadata->'model_rpm_limit')"
_TEAM = SQL(
    "t.incarnation, json_build_object('alias', t.team_alias, 'blocked', t.blocked, "
    "'organization_id', t.organization_id, 'models', t.settings->'models', "
    "'aliases', t.settings->'model_aliases', 'access_groups', t.settings->'access_group_ids', "
    "'budget', t.settings->'budget', 'limits', t.settings->'limits', "
    "'defaults', t.settings->'member_defaults', 'model_limits', {limits})::text, {book}::text"
).format(limits=SQL(_LIMITS.format("t")), book=MEMBER_BOOK)
_USER = SQL("u.incarnation, u.user_role, u.settings::text, {}::text").format(USER_BOOK)
_ORGANIZATION = SQL(
    "o.organization_id, o.incarnation, o.budget_id, {limits}::text, b.incarnation, "
    "b.settings::text, {book}::text"
).format(limits=SQL(_LIMITS.format("o")), book=ORGANIZATION_ALONE)
_VOID = SQL(
    "k.team_id IS NOT NULL AND (t.team_id IS NULL OR t.deleted_at IS NOT NULL "
    "OR (k.settings->>'member_since' IS NOT NULL "
    "AND m.joined IS DISTINCT FROM (k.settings->>'member_since')::bigint)) "
    "OR NOT {owner_there}"
).format(owner_there=OWNER_THERE)
STATEMENT = (
    SQL(
        """
        SELECT {position}, 'read.keys_1'::regclass::oid::bigint, x.token IS NOT NULL, x.successor,
            x.accepted_until, {void}, {key}, {team}, m.user_id IS NOT NULL, m.limits::text,
            {user}, {organization}, l.incarnation, l.settings::text
        FROM unnest(%(tokens)s::text[]) WITH ORDINALITY q (token, place)
        LEFT JOIN LATERAL {last_key} x ON true
        LEFT JOIN LATERAL (SELECT x.*) k ON k.deleted_at IS NULL
        LEFT JOIN read.teams_1 t ON t.team_id = k.team_id AND t.incarnation = k.team_incarnation
        LEFT JOIN read.memberships_1 m ON m.team_id = t.team_id
            AND m.incarnation = t.incarnation AND m.user_id = k.user_id
        LEFT JOIN LATERAL {last_user} u ON u.deleted_at IS NULL
        LEFT JOIN LATERAL {last_organization} o ON o.deleted_at IS NULL
        LEFT JOIN LATERAL {last_budget} b ON b.deleted_at IS NULL
        LEFT JOIN LATERAL {linked} l ON l.deleted_at IS NULL
        ORDER BY q.place
        """
    )
    .format(
        position=POSITION,
        void=_VOID,
        key=KEY_ROW,
        team=_TEAM,
        user=_USER,
        organization=_ORGANIZATION,
        last_key=LAST_KEY.format(token=SQL("q.token")),
        last_user=LAST_USER.format(user_id=SQL("k.user_id")),
        last_organization=LAST_ORGANIZATION.format(
            organization_id=SQL("coalesce(k.organization_id, t.organization_id)")
        ),
        last_budget=LAST_BUDGET.format(budget_id=SQL("o.budget_id")),
        linked=LAST_BUDGET.format(budget_id=SQL("k.settings->'extra'->>'budget_id'")),
    )
    .as_bytes()
)
"""Of `tokens`, in their order; `StandingRow` takes the rows."""


class StandingRow:
    """One row of STATEMENT. `tables` tells by which tables it was read: a rebuild makes others."""

    def __init__(self, token: str, row: Row) -> None:
        self.position, self.tables, self.known, *rotation, self._void = row[:6]
        self._successor, self._until = rotation
        columns = row[6:]
        self.token, self._size = token, text_size(row)
        known, rest = columns[:KEY_WIDTH], columns[KEY_WIDTH:]
        self.record = None if known[0] is None else key_record(known)
        self._team, self._user, self._organization, self._linked = (
            rest[start:end] for start, end in pairwise(_PLACES)
        )

    def standing(self, spender: Spender | None) -> Standing:
        """`spender` is the key as it spends, None where there is none."""
        if self.record is None or spender is None:
            streams = (stream(KEY, self.token),)
            successor, until = self._successor, self._until
            return Standing(
                self.token, self.position, streams, self.known, successor=successor, until=until
            )
        settings = self.record.view.settings
        linked_life, linked = self._linked
        key = KeyPurse(self.record, spender, _parsed(linked), linked_life)
        team = self._team_purse(settings)
        user = self._user_purse(settings)
        organization = self._organization_purse()
        return Standing(
            token=self.token,
            position=self.position,
            streams=tuple(dict.fromkeys(_streams(settings, key, team, organization))),
            known=True,
            key=None if self._void else _policy(self.token, settings, team, user),
            facts=_facts(settings, void=bool(self._void), user_known=user is not None),
            role=self._user[1],
            allotments=_mattering(key, team, user, organization),
            model_allotments=dict(key.of_models()),
            limits=_limits(key, team, user, organization),
            holders=tuple(_holders(key, team, user, organization)),
            size=self._size,
        )

    def _team_purse(self, settings: JsonObject) -> TeamPurse | None:
        life, document, book, is_member, own_limits = self._team
        if life is None:
            return None
        return TeamPurse(
            settings["team_id"],
            life,
            orjson.loads(document),
            spend_book(book),
            settings["user_id"],
            is_member,
            _parsed(own_limits),
        )

    def _user_purse(self, settings: JsonObject) -> UserPurse | None:
        life, _, document, book = self._user
        if life is None:
            return None
        return UserPurse(settings["user_id"], life, orjson.loads(document), spend_book(book))

    def _organization_purse(self) -> OrganizationPurse | None:
        name, life, budget_id, model_limits, budget_life, budget, book = self._organization
        if name is None:
            return None
        return OrganizationPurse(
            name,
            life,
            budget_id,
            budget_life,
            _parsed(budget),
            orjson.loads(model_limits),
            spend_book(book),
        )


_PLACES = (0, 5, 9, 16, 18)
"""Where the columns of team, user, organization and linked budget begin after those of the key."""


def _facts(settings: JsonObject, *, void: bool, user_known: bool) -> KeyFacts:
    return KeyFacts(
        user_id=settings["user_id"],
        team_id=settings["team_id"],
        blocked=bool(settings["blocked"]),
        expires=_moment(settings["expires"]),
        allowed_routes=tuple(settings["allowed_routes"]),
        models=tuple(settings["models"]),
        void=void,
        user_known=settings["user_id"] is None or user_known,
        alias=settings["key_alias"],
    )


def _policy(
    token: str, settings: JsonObject, team: TeamPurse | None, user: UserPurse | None
) -> KeyPolicy:
    extra = settings["extra"]
    of_team = None if team is None else team.document["organization_id"]
    return KeyPolicy(
        token=token,
        key_name=settings["key_name"],
        key_alias=settings["key_alias"],
        user_id=settings["user_id"],
        organization_id=settings["organization_id"] or of_team,
        blocked=bool(settings["blocked"]),
        expires=_moment(settings["expires"]),
        models=settings["models"],
        aliases=_object(extra.get("aliases")),
        access_groups=_texts(extra.get("access_group_ids")),
        allowed_routes=tuple(settings["allowed_routes"]),
        team=None if team is None else _team_policy(team),
        user_models=None if user is None else user.settings["models"],
    )


def _team_policy(team: TeamPurse) -> TeamPolicy:
    document = team.document
    return TeamPolicy(
        team_id=team.team_id,
        team_alias=document["alias"],
        blocked=document["blocked"],
        models=document["models"],
        aliases=_object(document["aliases"]),
        access_groups=_texts(document["access_groups"]),
    )


def _mattering(
    key: KeyPurse,
    team: TeamPurse | None,
    user: UserPurse | None,
    organization: OrganizationPurse | None,
) -> list[Allotment]:
    """In the order of auth.md 2; a user's budget is for keys without a team."""
    found = [
        key.allotment(),
        None if team is None else team.allotment(),
        None if organization is None else organization.allotment(),
        None if user is None or team is not None else user.allotment(),
        None if team is None else team.member_allotment(),
    ]
    return [one for one in found if one is not None and one.matters]


def _limits(
    *purses: KeyPurse | TeamPurse | UserPurse | OrganizationPurse | None,
) -> list[ThroughputLimit]:
    limits = (limit for purse in purses if purse is not None for limit in purse.limits())
    return [limit for limit in limits if limit.matters]


def _holders(
    key: KeyPurse,
    team: TeamPurse | None,
    user: UserPurse | None,
    organization: OrganizationPurse | None,
) -> Iterator[Account]:
    yield key.holder
    if team is not None:
        yield team.account
        if team.member_account is not None:
            yield team.member_account
    if user is not None:
        yield user.account
    if organization is not None:
        yield organization.account


def _streams(
    settings: JsonObject,
    key: KeyPurse,
    team: TeamPurse | None,
    organization: OrganizationPurse | None,
) -> Iterator[str]:
    """All whose facts may change what stands behind the key, resets of spend included."""
    yield from (stream(KEY, account.id) for account in key.spender.accounts)
    yield from (spend_stream("key", account.id) for account in key.spender.accounts)
    yield EVERYWHERE
    team_id, user_id = settings["team_id"], settings["user_id"]
    if team_id is not None:
        yield stream(TEAM, team_id)
        yield spend_stream("team", team_id)
        if user_id is not None:
            yield spend_stream("member", team_id, user_id)
    if user_id is not None:
        yield stream(USER, user_id)
        yield spend_stream("user", user_id)
    of_team = None if team is None else team.document["organization_id"]
    for name in {settings["organization_id"], of_team} - {None}:
        yield stream(ORGANIZATION, name)
        yield spend_stream("organization", name)
    linked = settings["extra"].get("budget_id")
    held = None if organization is None else organization.budget_id
    yield from (stream(BUDGET, name) for name in (linked, held) if name is not None)


def _parsed(text: str | None) -> Any:  # noqa: ANN401
    return None if text is None else orjson.loads(text)


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _texts(value: object) -> list[str]:
    """Where a list is expected there may be anything."""
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
