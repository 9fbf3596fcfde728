"""Idempotency keys: the same POST again is the same answer again (architecture, section 4)."""

import pytest
from cryptography.exceptions import InvalidTag

from events.team import TeamSettings
from events.values import JsonObject, Sealed
from services.access.principal import MASTER_USER
from services.command.application.answers import TeamAnswer
from services.command.application.idempotency import Idempotency, KeyReused
from services.command.application.requests import Request
from services.command.application.teams import BlockTeam, NewTeam
from services.command.domain.errors import NotFound
from tests.support.memory_log import MemoryLog
from tests.support.people import People
from tests.support.process import MASTER, Process, request

SEALED = Sealed(person="p-ann", box="Ym94")
ANSWER: JsonObject = {
    "team_id": "core",
    "max_budget": 100.5,
    "members": [{"user_id": "ann", "user_email": SEALED}, None, True],
    "metadata": {"nested": {"list": [1, [2]]}},
}


def of(
    secret: str = "sk-master", key: str = "k1", route: str = "/team/new", body: bytes = b"{}"
) -> Idempotency:
    return Idempotency.of(secret, key, route, body)


def test_an_answer_is_remembered_as_it_was_with_personal_data_still_sealed() -> None:
    box = of().seal(ANSWER)
    assert of().open(box) == ANSWER
    assert b"core" not in box
    assert SEALED.box.encode() not in box


def test_the_same_answer_is_never_sealed_alike() -> None:
    assert of().seal(ANSWER) != of().seal(ANSWER)


def test_only_the_same_credential_with_the_same_body_opens_an_answer() -> None:
    box = of().seal(ANSWER)
    for stranger in (of(secret="sk-other"), of(body=b"{ }"), of(route="/team/update")):
        with pytest.raises(InvalidTag):
            stranger.open(box)


def test_keys_are_the_callers_own() -> None:
    assert of().caller == of(body=b"[]").caller
    assert of().caller != of(secret="sk-other").caller


def test_the_route_counts_as_part_of_the_body() -> None:
    assert of().body_hash == of(key="k2").body_hash
    assert len({of(route=r, body=b).body_hash for r in ("/a", "/b") for b in (b"x", b"y")}) == 4
    assert of(route="/a", body=b"b").body_hash != of(route="/ab", body=b"").body_hash


def test_an_answer_that_cannot_be_remembered_is_a_defect() -> None:
    with pytest.raises(TypeError, match="not JSON serializable: object"):
        of().seal({"wrong": object()})


def rendered(answer: TeamAnswer) -> JsonObject:
    return {"team_id": answer.team_id, "created_at": str(answer.team.created_at)}


def new_team(team_id: str = "core") -> NewTeam:
    creator = People().candidate(MASTER_USER, role="admin")
    return NewTeam(team_id, fresh=False, settings=TeamSettings(), members=(), creator=creator)


def posted(team_id: str = "core", **known: str) -> Request:
    body = known.pop("body", team_id).encode()
    return request(new_team(team_id), MASTER, rendered, of(body=body, **known))


async def test_a_repeated_command_is_answered_from_memory_and_not_carried_out() -> None:
    log = MemoryLog()
    first, repeat = posted(), posted()
    await Process(log).decide(first)
    head = await log.head()
    await Process(log).decide(repeat)
    assert first.done is not None
    assert repeat.done is not None
    assert (repeat.done.answer, repeat.done.position) == (first.done.answer, head)
    assert (repeat.done.facts, await log.head()) == ((), head)


async def test_another_body_under_the_same_key_is_refused() -> None:
    process = Process(MemoryLog())
    other = posted("other")
    await process.decide(posted())
    head = await process.log.head()
    await process.decide(other)
    assert isinstance(other.refused, KeyReused)
    assert await process.log.head() == head


async def test_the_same_key_of_another_caller_is_another_key() -> None:
    process = Process(MemoryLog())
    mine, theirs = posted(), posted("other", secret="sk-other")
    await process.decide(mine)
    await process.decide(theirs)
    assert theirs.done is not None
    assert theirs.done.answer["team_id"] == "other"


async def test_concurrent_repeats_wait_for_the_first() -> None:
    process = Process(MemoryLog())
    first, repeat, other = posted(), posted(), posted("other", key="k2")
    plan = await process.decide(first, repeat, other)
    assert (plan.decided, plan.later) == ([first, other], [repeat])
    await process.decide(*plan.later)
    assert first.done is not None
    assert repeat.done is not None
    assert repeat.done.answer == first.done.answer


async def test_refusals_are_not_remembered() -> None:
    process = Process(MemoryLog())

    def block() -> Request:
        return request(BlockTeam("core", blocked=True), MASTER, rendered, of(key="k9"))

    refused, accepted = block(), block()
    await process.decide(refused)
    assert isinstance(refused.refused, NotFound)
    await process.carry_out(new_team())
    await process.decide(accepted)
    assert accepted.done is not None


async def test_a_command_that_changes_nothing_is_remembered_too() -> None:
    process = Process(MemoryLog())
    await process.carry_out(new_team())
    head = await process.log.head()
    unchanged = BlockTeam("core", blocked=False)
    await process.decide(request(unchanged, MASTER, rendered, of(key="k9", body=b"1")))
    reused = request(unchanged, MASTER, rendered, of(key="k9", body=b"2"))
    await process.decide(reused)
    assert isinstance(reused.refused, KeyReused)
    assert await process.log.head() == head
