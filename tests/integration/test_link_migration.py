"""Links that a release brings are there for all that was recorded before it, too."""

from pathlib import Path
from shutil import copy

import pytest

from events.key import KeyDeleted, KeyMoved, KeyOwner
from events.organization import OrganizationMemberBudgetChanged
from events.registry import DomainEvent
from events.streams import KEY, ORGANIZATION, TEAM, Stream, stream
from events.team import MemberBudgetChanged, TeamDeleted, TeamMemberDefaultsChanged
from services.command.domain.dependents import KEYS, LIMITS
from services.database.migrations import migrate
from services.database.schemas import EVENT_MIGRATIONS
from tests.support.eventlog import History, append, owner
from tests.support.facts import (
    created,
    entered,
    generated,
    joined,
    key_settings,
    limits,
    organization_created,
    settings,
)
from tests.support.memory_log import linked

OWN = {name: limits(name, max_budget="1") for name in ("a", "b", "c", "d", "e", "f", 'odd "é\\')}
CORE, GONE, ORG = stream(TEAM, "core"), stream(TEAM, "gone"), stream(ORGANIZATION, "o")
OF_ORG = {"organization_id": "o"}
FACTS: list[tuple[Stream, DomainEvent]] = [
    (ORG, organization_created()),
    (ORG, entered("ann", own=OWN["a"])),
    (ORG, OrganizationMemberBudgetChanged(user_id="ann", before=OWN["a"], after=OWN["b"])),
    (CORE, created(member_defaults=OWN["c"])),
    (CORE, joined("ann", own=OWN["d"])),
    (CORE, joined("bob", own=OWN["d"])),
    (CORE, joined("cy")),
    (CORE, MemberBudgetChanged(user_id="cy", before=None, after=OWN['odd "é\\'])),
    (CORE, TeamMemberDefaultsChanged(before=OWN["c"], after=OWN["e"])),
    (GONE, created(member_defaults=OWN["e"])),
    (GONE, joined("ann", own=OWN["f"])),
    (GONE, TeamDeleted(settings=settings(), members_total=1)),
    (stream(KEY, "one"), generated(**OF_ORG)),
    (stream(KEY, "left"), generated(**OF_ORG)),
    (stream(KEY, "left"), KeyMoved(before=KeyOwner(**OF_ORG), after=KeyOwner())),
    (stream(KEY, "ended"), generated(**OF_ORG)),
    (stream(KEY, "ended"), KeyDeleted(settings=key_settings(**OF_ORG))),
    (stream(KEY, "apart"), generated()),
]


@pytest.fixture
def release_before(tmp_path: Path) -> Path:
    """The migrations up to those that know neither link."""
    for file in sorted(EVENT_MIGRATIONS.glob("*.sql"))[:3]:
        copy(file, tmp_path)
    return tmp_path


def test_what_facts_of_older_releases_link_is_completed(
    database_url: str, release_before: Path
) -> None:
    migrate(database_url, release_before, schema="ops")
    history = History()
    envelopes = [at for fact in FACTS for at in history.command(fact)]
    with owner(database_url) as conn:
        append(conn, envelopes)
        migrate(database_url, EVENT_MIGRATIONS, schema="ops")
        found = conn.execute(
            "SELECT parent, kind, child FROM ops.dependents WHERE kind = %s OR parent = %s",
            (LIMITS, ORG),
        ).fetchall()
    expected = {link for link in linked(envelopes) if link[1] == LIMITS or link[:2] == (ORG, KEYS)}
    assert set(found) == expected
    assert len(expected) == 7
