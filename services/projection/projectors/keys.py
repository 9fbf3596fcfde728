"""Read model `keys_1`: one row per virtual key, named by its sha256; a deleted key keeps its row.

The key of a deleted team or a removed member is void before its own `KeyDeleted` is here: whoever
reads compares `team_incarnation` and membership.
"""

from events.envelope import Envelope
from events.key import KeyBlocked, KeyDeleted, KeyGenerated, KeyUnblocked
from events.registry import DomainEvent
from services.projection.projector import Fold, TableProjector, identity, on
from services.projection.rows import Key, Rows, Table

TABLE = Table(
    "keys_1",
    key={"token": "text", "incarnation": "bigint"},
    columns={
        "user_id": "text",
        "team_id": "text",
        "team_incarnation": "bigint",
        "key_alias": "text",
        "organization_id": "text",
        "expires": "timestamptz",
        "blocked": "boolean",
        "created_at": "timestamptz",
        "created_by": "text",
        "updated_at": "timestamptz",
        "updated_by": "text",
        "version": "bigint",
        "deleted_at": "timestamptz",
        "deleted_by": "text",
        "deleted_cause": "text",
        "settings": "jsonb",
    },
)


def generated(rows: Rows, at: Envelope, event: KeyGenerated) -> None:
    settings = event.settings
    rows.put(
        _key(at),
        user_id=settings.user_id,
        team_id=settings.team_id,
        team_incarnation=settings.team_incarnation,
        key_alias=settings.key_alias,
        organization_id=settings.organization_id,
        expires=settings.expires,
        blocked=settings.blocked,
        created_at=at.recorded_at,
        created_by=at.meta.actor,
        updated_at=at.recorded_at,
        updated_by=at.meta.actor,
        version=at.originator_version,
        settings=settings.model_dump(mode="json"),
    )


def blocks(*, blocked: bool) -> Fold[DomainEvent]:
    def fold(rows: Rows, at: Envelope, _: DomainEvent) -> None:
        rows.merge(_key(at), "settings", {"blocked": blocked})
        rows.change(
            _key(at),
            blocked=blocked,
            updated_at=at.recorded_at,
            updated_by=at.meta.actor,
            version=at.originator_version,
        )

    return fold


def deleted(rows: Rows, at: Envelope, event: KeyDeleted) -> None:
    rows.change(
        _key(at),
        deleted_at=at.recorded_at,
        deleted_by=at.meta.actor,
        deleted_cause=event.cause,
        version=at.originator_version,
    )


def _key(at: Envelope) -> Key:
    return identity(at.originator_id), at.incarnation


KEYS = TableProjector(
    TABLE,
    {
        **on(KeyGenerated, generated),
        **on(KeyBlocked, blocks(blocked=True)),
        **on(KeyUnblocked, blocks(blocked=False)),
        **on(KeyDeleted, deleted),
    },
)
