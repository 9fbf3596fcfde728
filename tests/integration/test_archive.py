"""Copies of the log by the command line: archives up to a moment, and what is recorded of them."""

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from services.proof.checkpoint import opened
from tests.integration.test_seal import filled
from tests.support.cli import invoked
from tests.support.eventlog import owner
from tests.support.sealed import KEY, verified
from tests.support.service import MASTER_KEY, on_database
from tests.support.usage import rows

NOTES = "SELECT note, made_at FROM ops.checkpoints ORDER BY size"
COPIES = """
SELECT convert_from(state, 'UTF8')::json -> 'data' FROM events.stored_events
WHERE originator_id = 'audit-copies' ORDER BY notification_id
"""


@pytest.fixture
async def url(database_url: str) -> str:
    await filled(database_url)
    return database_url


def run(*arguments: str, url: str) -> Any:  # noqa: ANN401
    return invoked(*arguments, **on_database(url), TEAMLEDGER_MASTER_KEY=MASTER_KEY)


def test_an_archive_ends_with_a_checkpoint_and_proves_itself(url: str, tmp_path: Path) -> None:
    [(_, first), (_, made_at), *_] = rows(url, NOTES)
    assert first <= made_at
    events = rows(url, "SELECT count(*) FROM events.stored_events")
    file = tmp_path / "audit.jsonl.gz"
    ended = run(
        "audit", "archive", str(file), "--before", f"{made_at:%Y-%m-%dT%H:%M:%S.%f}", url=url
    )
    assert ended.exit_code == 0, ended.output
    told = orjson.loads(ended.stdout)
    [(size,)] = rows(url, f"SELECT max(size) FROM ops.checkpoints WHERE made_at <= '{made_at}'")
    assert told["leaves"] == size
    verdict = verified(file)
    assert verdict.problem is None
    assert verdict.size == size
    assert told["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert rows(url, "SELECT count(*) FROM events.stored_events") == [(events[0][0] + 1,)]
    [(recorded,)] = rows(url, COPIES)
    assert recorded == {name: told[name] for name in recorded}
    assert told["position"] == events[0][0] + 1


@pytest.mark.parametrize("checkpoint", range(3))
def test_each_checkpoint_can_be_archived_up_to(url: str, tmp_path: Path, checkpoint: int) -> None:
    """Spans and tiles are cut where the tree ended, within a kind or between two."""
    moments = [at for _, at in rows(url, NOTES)]
    with owner(url) as conn:
        for place, (size,) in enumerate(rows(url, "SELECT size FROM ops.checkpoints ORDER BY 1")):
            moments[place] = datetime(2026, 1, 1 + place, tzinfo=UTC)
            conn.execute(
                "UPDATE ops.checkpoints SET made_at = %s WHERE size = %s", (moments[place], size)
            )
    file = tmp_path / "audit.jsonl.gz"
    before = moments[checkpoint] + timedelta(hours=1)
    ended = run("audit", "archive", str(file), "--before", f"{before:%Y-%m-%dT%H:%M:%S}", url=url)
    assert ended.exit_code == 0, ended.output
    note = rows(url, NOTES)[checkpoint][0]
    expected = opened(note, KEY.public_key())
    verdict = verified(file, note)
    assert (verdict.problem, verdict.size) == (None, expected.size)
    assert verdict.events == expected.events
    told = orjson.loads(ended.stdout)
    assert (told["root"], told["until"]) == (expected.root.hex(), expected.events)


def test_an_archive_is_not_replaced_and_not_made_of_nothing(url: str, tmp_path: Path) -> None:
    file = tmp_path / "audit.jsonl.gz"
    early = run("audit", "archive", str(file), "--before", "2020-01-01", url=url)
    assert (early.exit_code, file.exists()) == (2, False)
    assert "no checkpoint was signed by 2020-01-01T00:00:00" in early.output
    file.write_bytes(b"kept")
    there = run("audit", "archive", str(file), "--before", "2099-01-01", url=url)
    assert there.exit_code == 2
    assert file.read_bytes() == b"kept"
    assert rows(url, COPIES) == []


def test_of_a_log_that_was_changed_there_is_no_archive(url: str, tmp_path: Path) -> None:
    with owner(url) as conn:
        conn.execute(
            "UPDATE events.stored_events SET topic = 'team.painted' WHERE notification_id = 7"
        )
    file = tmp_path / "audit.jsonl.gz"
    ended = run("audit", "archive", str(file), "--before", "2099-01-01", url=url)
    assert (ended.exit_code, file.exists()) == (2, False)
    assert "event 7 (team.painted, team-a version 7) was changed" in ended.output
    assert rows(url, COPIES) == []


def test_an_export_is_recorded_unless_the_copy_takes_no_writes(url: str, tmp_path: Path) -> None:
    [(size, events)] = rows(url, "SELECT size, events FROM ops.seal")
    for option, recorded in (("--unrecorded", 0), (None, 1)):
        file = tmp_path / f"{recorded}.jsonl.gz"
        ended = run("audit", "export", str(file), *([option] if option else []), url=url)
        assert ended.exit_code == 0, ended.output
        assert verified(file).problem is None
        assert len(rows(url, COPIES)) == recorded
    [(fact,)] = rows(url, COPIES)
    assert fact == {"form": "proof", "filters": {}, "until": events, "entries": size}


@pytest.mark.parametrize("command", [("export",), ("archive", "--before", "2099-01-01")])
def test_where_no_file_can_be_made_nothing_is_recorded(
    url: str, tmp_path: Path, command: tuple[str, ...]
) -> None:
    name, *options = command
    ended = run("audit", name, str(tmp_path / "nowhere" / "audit.jsonl.gz"), *options, url=url)
    assert (ended.exit_code, "No such file or directory" in ended.stderr) == (2, True)
    assert rows(url, COPIES) == []
