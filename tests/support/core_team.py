"""The team `core` and what hangs on it, in a process without a loop."""

from dataclasses import dataclass
from typing import Any

from events.budget import BudgetSettings
from events.registry import DomainEvent
from events.streams import TEAM, stream
from services.access.principal import MASTER_USER, Principal
from services.command.application.keys import NewKey
from services.command.application.organization_members import AddOrganizationMembers, Joining
from services.command.application.organizations import NewOrganization
from services.command.application.requests import Decision
from services.command.application.restoration import Restored, RestoreTeam
from services.command.application.teams import DeleteTeams, NewTeam, ReviseTeam
from services.command.application.view import View
from tests.support.facts import key_settings, organization_settings, settings
from tests.support.memory_log import MemoryLog, linked
from tests.support.people import People
from tests.support.process import Process, key_of, request, result

PEOPLE = People()
CORE = stream(TEAM, "core")
SECRETS = {name: key_of(f"sk-{name}") for name in ("one", "two", "three", "of ann", "of lea")}


def new_team(team_id: str, *user_ids: str, **values: object) -> NewTeam:
    members = [PEOPLE.candidate(user_id) for user_id in user_ids]
    creator = PEOPLE.candidate(MASTER_USER, role="admin")
    return NewTeam(team_id, False, settings(**values), members, creator)  # noqa: FBT003


def new_key(name: str, **values: object) -> NewKey:
    return NewKey(SECRETS[name].token, key_settings(**values), fresh=False)


def new_organization(organization_id: str, budget_id: str, **budget: object) -> NewOrganization:
    own = organization_settings(budget_id=budget_id)
    return NewOrganization(organization_id, False, own, BudgetSettings.model_validate(budget))  # noqa: FBT003


async def core_team() -> Process:
    """The team `core` of ann and bob, with keys of the team and of ann's."""
    process = Process(MemoryLog())
    await process.carry_out(new_team("core", "ann", "bob", metadata={"a": 1}))
    await process.carry_out(
        new_key("one", team_id="core", key_alias="first"),
        new_key("two", team_id="core"),
        new_key("of ann", team_id="core", user_id="ann"),
    )
    return process


async def done(process: Process, *commands: Any) -> Any:  # noqa: ANN401
    """The answer to the last of these, all accepted, each in a batch of its own."""
    answer: Any = None
    for command in commands:
        [answer] = await process.carry_out(command)
        if isinstance(answer, Exception):
            raise answer
    return answer


@dataclass(frozen=True, slots=True)
class Ask:
    """A command without effect."""

    name: str = "Ask"

    def decide(self, view: View, caller: Principal) -> Decision:  # noqa: ARG002
        return Decision((), lambda _: caller)


async def accepted(process: Process, *names: str) -> list[str]:
    """Which of the keys with these names are accepted."""
    asked = [request(Ask(), SECRETS[name], route="/key/info") for name in names]
    await process.decide(*asked)
    return [n for n, each in zip(names, asked, strict=True) if each.refused is None]


def facts_since(process: Process, position: int) -> list[tuple[str, DomainEvent]]:
    return [(at.originator_id, at.event) for at in process.log.envelopes[position:]]


def links_to(process: Process, child: str) -> set[tuple[str, str]]:
    return {(parent, kind) for parent, kind, at in linked(process.log.envelopes) if at == child}


async def restored(process: Process, *, keys: bool = False) -> Restored:
    answer: Restored = await done(process, RestoreTeam("core", keys=keys))
    return answer


async def organized_team(process: Process) -> Process:
    """The team `core` is of the organization `acme`, whose admin is lea."""
    users = [Joining(PEOPLE.candidate(u), "internal_user", None) for u in ("ann", "bob")]
    admins = [Joining(PEOPLE.candidate(u), "org_admin", None) for u in ("lea", MASTER_USER)]
    joining = AddOrganizationMembers("acme", [*users, *admins])
    await done(process, new_organization("acme", "first", tpm_limit=1_000), joining)
    guaranteed: Any = ({"tpm_limit_type": "guaranteed_throughput"}, {})
    wanted = {
        "organization_id": "acme",
        "budget": {"max_budget": 10},
        "limits": {"tpm_limit": 600},
        "models": ["gpt"],
        "metadata": guaranteed,
    }
    await done(process, ReviseTeam("core", wanted), new_key("of lea", user_id="lea"))
    await done(process, DeleteTeams(["core"]))
    return process


async def by_lea(process: Process, command: Any, route: str) -> Any:  # noqa: ANN401
    sent = request(command, SECRETS["of lea"], route=route)
    await process.decide(sent)
    return result(sent)
