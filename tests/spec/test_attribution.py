"""Whose usage it is that was reported under the hash of a key (decision 010)."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from services.access.credentials import MAX_ROTATIONS
from services.command.application.attribution import Attribute, Claim
from services.command.application.key_rotation import NewSecret, RegenerateKey
from services.command.domain.usage import Attribution
from tests.support.core_team import SECRETS, accepted, core_team, done, new_team
from tests.support.process import Process

OLD = SECRETS["one"].token
LATER, BEFORE = (datetime.now(UTC) + timedelta(hours=hours) for hours in (1, -1))


@pytest.fixture
async def process() -> Process:
    """A key of the team `core`, and another team."""
    process = await core_team()
    await done(process, new_team("other"))
    return process


def moved(token: str, successor: str, until: datetime | None) -> RegenerateKey:
    """A new secret for a key that goes to the other team with it."""
    secret = NewSecret(successor, "sk-...next", until, fresh=True)
    return RegenerateKey(token, "one", {"team_id": "other"}, secret, "/key/regenerate")


async def attribution(process: Process, token: str) -> Attribution:
    claim = Claim(token)
    found: Attribution = (await done(process, Attribute([claim])))[claim]
    return found


async def test_a_call_counts_where_its_key_was_let_in(process: Process) -> None:
    """An old secret stands for the key as it is; its account stays its own (008)."""
    hashes = [OLD, *(f"{number:064}" for number in range(MAX_ROTATIONS))]
    for old, new in pairwise(hashes):
        await done(process, moved(old, new, LATER))
    assert await accepted(process, "one") == ["one"]
    for token in hashes:
        found = await attribution(process, token)
        assert found.team is not None
        assert found.key is not None
        assert (found.team.id, found.key.id) == ("other", token)


@pytest.mark.parametrize("until", [None, BEFORE])
async def test_a_secret_that_is_over_counts_where_it_was(
    process: Process, until: datetime | None
) -> None:
    await done(process, moved(OLD, "f" * 64, until))
    found = await attribution(process, OLD)
    assert found.team is not None
    assert found.team.id == "core"
