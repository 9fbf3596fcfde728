"""Entries of the audit log with personal data opened, as answers show them (decision 002)."""

from collections.abc import AsyncIterator, Iterator, Mapping

from events.values import JsonObject, Sealed
from services.database.vault import Vault
from services.edge.shapes.audit import audit_log
from services.projection.projectors.audit import AUDIT_LOG
from services.projection.queries.audit import AuditEntry

_USERS = "LiteLLM_UserTable"
_SEALED_COLUMNS = ("user_email", "user_alias")


async def opened(vault: Vault, entries: list[AuditEntry]) -> AsyncIterator[list[JsonObject]]:
    """Entries one by one, each may be large; personal data of all is opened at once."""
    texts = await vault.open_all({box for entry in entries for box in _boxes(entry)})
    for entry in entries:
        yield [audit_log(_columns(entry, texts))]


def _columns(entry: AuditEntry, texts: Mapping[Sealed, str | None]) -> JsonObject:
    """An entry as `audit_log` takes it; of a forgotten person nothing is left to show."""
    claim = None if entry.claim is None else Sealed.model_validate(entry.claim)
    columns = {**entry.columns, "on_behalf_of": None if claim is None else texts[claim]}
    for side, name, box in _personal(entry):
        columns[side] = {**columns[side], name: texts[box]}
    return columns


def _boxes(entry: AuditEntry) -> Iterator[Sealed]:
    yield from (box for _, _, box in _personal(entry))
    if entry.claim is not None:
        yield Sealed.model_validate(entry.claim)


def _personal(entry: AuditEntry) -> Iterator[tuple[str, str, Sealed]]:
    """Side, column and box of each sealed value.

    Only columns of ours are looked at: what a client stored may look like a box, and must not be
    opened for him.
    """
    table = entry.columns["table_name"]
    for side in ("before_value", "updated_values"):
        columns = {_USERS: _SEALED_COLUMNS, AUDIT_LOG: tuple(entry.columns[side])}
        for name in columns.get(table, ()):
            match entry.columns[side].get(name):
                case {"sealed": {"person": str() as person, "box": str() as box}}:
                    yield side, name, Sealed(person=person, box=box)
