"""Read model `webhooks_1`: one row per webhook that there is, its secrets under seal."""

from events.envelope import Envelope
from events.webhook import (
    WebhookChanged,
    WebhookCreated,
    WebhookDeleted,
    WebhookDeliveryRequested,
    WebhookDisabled,
    WebhookSecretRotated,
    WebhookTested,
)
from services.projection.projector import TableProjector, identity, on
from services.projection.rows import Key, Rows, Table

TABLE = Table(
    "webhooks_1",
    key={"webhook_id": "text"},
    columns={
        "created_position": "bigint",
        "version": "bigint",
        "settings": "jsonb",
        "disabled": "text",
        "secret": "jsonb",
        "previous_secret": "jsonb",
        "previous_until": "timestamptz",
        "created_at": "timestamptz",
        "updated_at": "timestamptz",
    },
)


def created(rows: Rows, at: Envelope, event: WebhookCreated) -> None:
    rows.put(
        _key(at),
        created_position=at.position,
        version=at.originator_version,
        settings=event.settings.model_dump(mode="json"),
        secret=event.secret.model_dump(),
        created_at=at.recorded_at,
        updated_at=at.recorded_at,
    )


def changed(rows: Rows, at: Envelope, event: WebhookChanged) -> None:
    """Who is switched on again was not switched off by its receiver any more."""
    after = event.after
    columns = {"disabled": None} if after.enabled else {}
    _change(rows, at, settings=after.model_dump(mode="json"), **columns)


def rotated(rows: Rows, at: Envelope, event: WebhookSecretRotated) -> None:
    _change(
        rows,
        at,
        secret=event.after.model_dump(),
        previous_secret=event.before.model_dump(),
        previous_until=event.previous_until,
    )


def disabled(rows: Rows, at: Envelope, event: WebhookDisabled) -> None:
    rows.merge(_key(at), "settings", {"enabled": False}, ())
    _change(rows, at, disabled=event.reason)


def used(rows: Rows, at: Envelope, _: WebhookTested | WebhookDeliveryRequested) -> None:
    rows.change(_key(at), version=at.originator_version)


def deleted(rows: Rows, at: Envelope, _: WebhookDeleted) -> None:
    rows.delete(_key(at))


def _change(rows: Rows, at: Envelope, **columns: object) -> None:
    rows.change(_key(at), version=at.originator_version, updated_at=at.recorded_at, **columns)


def _key(at: Envelope) -> Key:
    return (identity(at.originator_id),)


WEBHOOKS = TableProjector(
    TABLE,
    {
        **on(WebhookCreated, created),
        **on(WebhookChanged, changed),
        **on(WebhookSecretRotated, rotated),
        **on(WebhookDisabled, disabled),
        **on(WebhookTested, used),
        **on(WebhookDeliveryRequested, used),
        **on(WebhookDeleted, deleted),
    },
)
