"""Read model `keys_1`: one row per virtual key, named by its sha256; a deleted key keeps its row.

So does one that was rotated, closed like a deleted one: the key goes on in the row of its
`successor`, which stands for the old secret too until `accepted_until`.

The key of a deleted team, a removed member or a deleted user is void before its own `KeyDeleted` is
here: whoever reads compares `team_incarnation`, membership, and `owned_at` with the last ends of
team and user.
"""

from events import key
from events.envelope import Envelope
from events.imported import ThingImported
from events.key import (
    KeyBudgetChanged,
    KeyDeleted,
    KeyGenerated,
    KeyMoved,
    KeyRestored,
    KeyRotated,
    KeySettings,
)
from events.registry import DomainEvent
from events.streams import KEY
from services.projection.projector import TableProjector, identity, on
from services.projection.projectors.imported import imported, makers
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
        "budget_since": "timestamptz",
        "successor": "text",
        "accepted_until": "timestamptz",
        "rotations": "bigint",
        "rotated_at": "timestamptz",
        "owned_at": "bigint",
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
        budget_since=at.recorded_at,
        owned_at=at.position,
    )
    if (before := event.succeeds) is not None:
        rows.change(
            _key(at),
            created_at=before.created_at,
            created_by=before.created_by,
            budget_since=before.budget_since,
            rotations=before.rotations,
            rotated_at=at.recorded_at,
        )


def changed(rows: Rows, at: Envelope, event: DomainEvent) -> None:
    """Every fact that replaces settings; those with a column of their own go there as well."""
    replaced = key.replaced(event)
    settings = KeySettings.model_construct(_fields_set=set(replaced), **replaced)
    rows.merge(_key(at), "settings", settings.model_dump(mode="json", include=set(replaced)))
    rows.change(
        _key(at),
        updated_at=at.recorded_at,
        updated_by=at.meta.actor,
        version=at.originator_version,
        **{name: value for name, value in replaced.items() if name in TABLE.columns},
    )


def moved(rows: Rows, at: Envelope, event: KeyMoved) -> None:
    changed(rows, at, event)
    rows.change(_key(at), owned_at=at.position)


def budget_changed(rows: Rows, at: Envelope, event: KeyBudgetChanged) -> None:
    """Only another duration starts the window anew, as D38 has it for teams."""
    changed(rows, at, event)
    if event.before.budget_duration != event.after.budget_duration:
        rows.change(_key(at), budget_since=at.recorded_at)


def deleted(rows: Rows, at: Envelope, event: KeyDeleted) -> None:
    rows.change(
        _key(at),
        deleted_at=at.recorded_at,
        deleted_by=at.meta.actor,
        deleted_cause=event.cause,
        version=at.originator_version,
    )


def restored(rows: Rows, at: Envelope, event: KeyRestored) -> None:
    """The alias is the one part of the settings that may be another one than before."""
    rows.merge(_key(at), "settings", {"key_alias": event.settings.key_alias})
    rows.change(
        _key(at),
        key_alias=event.settings.key_alias,
        updated_at=at.recorded_at,
        updated_by=at.meta.actor,
        version=at.originator_version,
        owned_at=at.position,
        deleted_at=None,
        deleted_by=None,
        deleted_cause=None,
    )


def made_and_ended_elsewhere(event: ThingImported) -> dict[str, object]:
    """Who made a key, and, if its life was over before the import, when and who ended it."""
    if event.deleted_at is None:
        return makers(event)
    return {**makers(event), "deleted_at": event.deleted_at, "deleted_by": event.deleted_by}


def rotated(rows: Rows, at: Envelope, event: KeyRotated) -> None:
    rows.change(
        _key(at),
        deleted_at=at.recorded_at,
        deleted_by=at.meta.actor,
        deleted_cause="rotated",
        version=at.originator_version,
        successor=event.successor,
        accepted_until=event.until,
    )


def _key(at: Envelope) -> Key:
    return identity(at.originator_id), at.incarnation


KEYS = TableProjector(
    TABLE,
    {
        **on(KeyGenerated, generated),
        **on(KeyMoved, moved),
        **on(KeyBudgetChanged, budget_changed),
        **on(key.KeyLimitsChanged, changed),
        **on(key.KeyRenamed, changed),
        **on(key.KeyModelsChanged, changed),
        **on(key.KeyRoutesChanged, changed),
        **on(key.KeyExpiryChanged, changed),
        **on(key.KeyMetadataChanged, changed),
        **on(key.KeyDetailsChanged, changed),
        **on(key.KeyBlocked, changed),
        **on(key.KeyUnblocked, changed),
        **on(KeyRotated, rotated),
        **on(KeyDeleted, deleted),
        **on(KeyRestored, restored),
        **on(ThingImported, imported(KEY, made_and_ended_elsewhere)),
    },
)
