"""Recording that the audit log was copied: before the first entry leaves (decision 017)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

import uuid_utils

from events.audit import COPIES, AuditArchived, AuditExported
from events.values import Sealed
from services.access.policy import check_route
from services.access.principal import Credential, Principal
from services.command.application.loop import CommandLoop
from services.command.application.requests import Decision, Origin
from services.command.application.view import View
from services.database.vault import Vault

EXPORT = "/v1/audit/export"


@dataclass(frozen=True, slots=True)
class RecordCopy:
    """Records a copy, for whoever may take one."""

    fact: AuditExported | AuditArchived
    name: str = "CopyAuditLog"

    def decide(self, view: View, caller: Principal) -> Decision:
        check_route(EXPORT, caller)
        view.need([COPIES])
        return Decision([(COPIES, self.fact)], lambda _: None, subject=COPIES)


class Copying(Protocol):
    """Who takes which entries, and up to where; `claim` is for whom he says he does."""

    @property
    def credential(self) -> Credential: ...

    @property
    def path(self) -> str: ...

    @property
    def correlation_id(self) -> str: ...

    @property
    def claim(self) -> str | None: ...

    @property
    def form(self) -> Literal["jsonl", "csv"]: ...

    @property
    def filters(self) -> Mapping[str, str]: ...

    @property
    def until(self) -> int: ...

    @property
    def entries(self) -> int: ...


@dataclass(frozen=True, slots=True)
class CopyRecorder:
    """Records copies for the read side, which records nothing itself."""

    loop: CommandLoop
    vault: Vault

    async def record(self, copying: Copying) -> None:
        """Return once it is recorded; raises what `CommandLoop.handle` raises."""
        origin = Origin(
            credential=copying.credential,
            route=EXPORT,
            path=copying.path,
            correlation_id=copying.correlation_id,
            command_id=str(uuid_utils.uuid7()),
            on_behalf_of=None if copying.claim is None else await self._sealed(copying.claim),
        )
        fact = AuditExported(
            form=copying.form,
            filters={name: await self._kept(text) for name, text in copying.filters.items()},
            until=copying.until,
            entries=copying.entries,
        )
        await self.loop.handle(RecordCopy(fact), origin, lambda answer: answer)

    async def _kept(self, text: str) -> str | Sealed:
        """What may be an address is under the key of whom it names, who may be forgotten."""
        return await self._sealed(text) if "@" in text else text

    async def _sealed(self, text: str) -> Sealed:
        return await self.vault.seal_for(None, text, named=text)
