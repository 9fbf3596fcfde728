"""Recording that something was copied: before the first of it leaves (decision 017)."""

from dataclasses import dataclass
from typing import Protocol

import uuid_utils

from events.audit import COPIES, AccessReviewed, AuditExported, Copied
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
    """Records a copy, for whoever may take it by that route."""

    fact: Copied
    route: str = EXPORT

    @property
    def name(self) -> str:
        return "ReviewAccess" if isinstance(self.fact, AccessReviewed) else "CopyAuditLog"

    def decide(self, view: View, caller: Principal) -> Decision:
        check_route(self.route, caller)
        view.need([COPIES])
        return Decision([(COPIES, self.fact)], lambda _: None, subject=COPIES)


class Copying(Protocol):
    """Who takes what, by which route; `claim` is for whom he says he does."""

    @property
    def credential(self) -> Credential: ...

    @property
    def route(self) -> str: ...

    @property
    def path(self) -> str: ...

    @property
    def correlation_id(self) -> str: ...

    @property
    def claim(self) -> str | None: ...

    @property
    def fact(self) -> Copied: ...


@dataclass(frozen=True, slots=True)
class CopyRecorder:
    """Records copies for the read side, which records nothing itself."""

    loop: CommandLoop
    vault: Vault

    async def record(self, copying: Copying) -> None:
        """Return once it is recorded; raises what `CommandLoop.handle` raises."""
        origin = Origin(
            credential=copying.credential,
            route=copying.route,
            path=copying.path,
            correlation_id=copying.correlation_id,
            command_id=str(uuid_utils.uuid7()),
            on_behalf_of=None if copying.claim is None else await self._sealed(copying.claim),
        )
        command = RecordCopy(await self._to_keep(copying.fact), copying.route)
        await self.loop.handle(command, origin, lambda answer: answer)

    async def _to_keep(self, fact: Copied) -> Copied:
        if not isinstance(fact, AuditExported):
            return fact
        filters = {name: await self._kept(value) for name, value in fact.filters.items()}
        return fact.model_copy(update={"filters": filters})

    async def _kept(self, value: str | Sealed) -> str | Sealed:
        """What may be an address is under the key of whom it names, who may be forgotten."""
        return await self._sealed(value) if isinstance(value, str) and "@" in value else value

    async def _sealed(self, text: str) -> Sealed:
        return await self.vault.seal_for(None, text, named=text)
