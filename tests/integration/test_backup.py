"""Backup and restore on real databases: what is in an archive, and what a restore makes of it."""

import resource
import stat
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import psycopg
import pytest

from services.database.backup import ArchiveError
from services.database.backup.load import RestoreRefused, load
from services.database.backup.reader import Archive
from services.database.backup.take import back_up
from services.database.connections import DatabaseUnusable, service_conninfo
from services.database.embedded import EmbeddedServer
from services.database.schemas import EVENT_MIGRATIONS, prepare_database
from tests.support.archives import (
    backed_up,
    checked,
    epoch,
    everything,
    flipped,
    members,
    quiet,
    rewritten,
    without_events,
)
from tests.support.command_line import environment, line
from tests.support.eventlog import History, append, create_store, owner
from tests.support.groups import team_facts
from tests.support.loop import CREATOR, opened_writer, roster
from tests.support.postgres import fresh_database
from tests.support.service import MASTER_KEY, ROOT_KEY
from tests.support.stored import append_lock

ODD = 'tab\t line\n return\r \\N \\ "quoted" {,} é \U0001f600 \x7f'
KEYS = {"TEAMLEDGER_MASTER_KEY": MASTER_KEY, "TEAMLEDGER_ROOT_KEY": ROOT_KEY}


@pytest.fixture(scope="module")
async def source(postgres_server: EmbeddedServer) -> AsyncIterator[str]:
    """A database with teams, users whose addresses are sealed, keys, and odd texts."""
    with fresh_database(postgres_server) as url:
        prepare_database(url)
        async with opened_writer(url) as writer:
            await writer.create("core", "ann", "bob", metadata={"odd": ODD})
            await writer.make_key("k", team_id="core", user_id="ann")
            await writer.vault.seal_for(None, "claim", named="claimed@example.com")
        with owner(url) as conn:
            conn.execute(
                "INSERT INTO ops.idempotency (caller, key, body_hash, status, answer, position) "
                "VALUES (%s, %s, '', 200, %s, 3)",
                (bytes(range(256)), ODD, bytes(range(256)) * 9),
            )
        yield url


@pytest.fixture(scope="module")
def archive(source: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("backup") / "ledger.zip"
    backed_up(source, file)
    return file


@pytest.fixture
def target(database_url: str) -> str:
    """An empty database: not even our schemas are there."""
    return database_url


def restored(url: str, file: Path, sql_dir: Path = EVENT_MIGRATIONS) -> UUID:
    with Archive(file) as archive:
        return load(url, archive, sql_dir, told=quiet)


def query(url: str, text: str) -> list[tuple[object, ...]]:
    with owner(url) as conn:
        return conn.execute(text.encode()).fetchall()


# What is in an archive


def test_an_archive_tells_what_it_holds(source: str, archive: Path) -> None:
    manifest = checked(archive)
    head = query(source, "SELECT count(*), max(notification_id) FROM events.stored_events")
    assert head == [(manifest.position, manifest.position)]
    assert (manifest.format, str(manifest.epoch)) == (1, epoch(source))
    assert [m.name for m in manifest.migrations] == sorted(
        m.name for m in EVENT_MIGRATIONS.glob("*.sql")
    )
    fingerprint = "SELECT encode(value, 'hex') FROM ops.secrets WHERE name = 'root_fingerprint'"
    assert query(source, fingerprint) == [(manifest.root_key,)]
    found = everything(source)
    rows = {m.table: m.rows for m in manifest.members if m.table != "events.store"}
    assert rows == {table: len(texts) for table, texts in found.items()}
    assert rows["ops.idempotency"] == 1
    assert rows["ops.person_keys"] > 0
    assert members(archive).keys() == {"manifest.json", *(m.name for m in manifest.members)}


def test_neither_read_models_nor_keys_nor_personal_data_are_inside(archive: Path) -> None:
    inside = members(archive)
    assert {name.split(".")[0] for name in inside} == {"events", "ops", "usage", "manifest"}
    everything_inside = b"".join(inside.values())
    for secret in (ROOT_KEY, "r" * 32, MASTER_KEY, "claimed@example.com"):
        assert secret.encode() not in everything_inside


def test_an_archive_is_its_owners_only(archive: Path) -> None:
    assert stat.S_IMODE(archive.stat().st_mode) == 0o600
    assert list(archive.parent.iterdir()) == [archive]


def test_a_backup_is_one_snapshot(target: str, tmp_path: Path) -> None:
    """Neither what is appended nor what is deleted while it is made shows in it."""
    create_store(target)
    log = History()
    with owner(target) as conn:
        conn.execute("INSERT INTO ops.secrets VALUES ('root_fingerprint', 'x')")
        append(conn, team_facts(log, "a", members=4_999))
        told: list[int] = []

        def meanwhile(done: int, total: int) -> None:
            if not told:
                append(conn, team_facts(log, "b", members=5))
                conn.execute("DELETE FROM ops.secrets")
            told.append(done)
            assert done <= total

        manifest = back_up(target, tmp_path / "a", force=False, told=meanwhile)
    assert (manifest.position, log.position) == (5_000, 5_006)
    assert checked(tmp_path / "a") == manifest
    assert {m.table: m.rows for m in manifest.members}["ops.secrets"] == 1
    assert told == sorted(told)
    assert told[-1] == sum(m.rows for m in manifest.members)


@pytest.mark.parametrize("prepared", [False, True])
def test_a_database_no_service_ran_on_has_nothing_to_keep(
    target: str, tmp_path: Path, *, prepared: bool
) -> None:
    if prepared:
        prepare_database(target)
    with pytest.raises(DatabaseUnusable, match="teamledger serve"):
        backed_up(target, tmp_path / "a")
    assert list(tmp_path.iterdir()) == []


# The file: whole, or as it was before


def test_a_file_is_replaced_by_force_only(source: str, tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_bytes(b"before")
    with pytest.raises(ArchiveError, match=r"exists.*--force"):
        backed_up(source, file)
    assert file.read_bytes() == b"before"
    back_up(source, file, force=True, told=quiet)
    assert checked(file).position > 0
    assert (list(tmp_path.iterdir()), stat.S_IMODE(file.stat().st_mode)) == ([file], 0o600)


def test_an_interrupted_backup_leaves_the_old_file(source: str, tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_bytes(b"before")

    def interrupt(_: int, __: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        back_up(source, file, force=True, told=interrupt)
    assert (list(tmp_path.iterdir()), file.read_bytes()) == ([file], b"before")


def test_a_full_disk_leaves_no_file(source: str, tmp_path: Path) -> None:
    """The limit on the size of a file stands for the disk."""
    env = environment(TEAMLEDGER_DATABASE_URL=source, **KEYS)
    failed = subprocess.run(
        line("backup", str(tmp_path / "a")),
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, 1_000)),
    )
    assert failed.returncode == 2
    assert f"error: {tmp_path / 'a'} cannot be written: File too large\n" in failed.stderr
    assert "Traceback" not in failed.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written(source: str, tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="cannot be written: No such file or directory"):
        backed_up(source, tmp_path / "nowhere" / "a")


# Restoring


async def test_everything_is_as_it_was_under_a_new_epoch(
    source: str, archive: Path, target: str
) -> None:
    found = restored(target, archive)
    assert str(found) == epoch(target) != epoch(source)
    assert everything(target) == everything(source)
    prepare_database(target)
    async with opened_writer(target) as writer:
        assert roster(await writer.add("core", "cid"))[:3] == ["ann", "bob", CREATOR]
    statistics = "SELECT count(*) FROM pg_stats WHERE schemaname = 'events'"
    assert query(target, statistics) != [(0,)]


def test_the_service_role_has_its_rights_and_no_more(archive: Path, target: str) -> None:
    restored(target, archive)
    with psycopg.connect(service_conninfo(target), autocommit=True) as conn:
        assert conn.execute("SELECT events.lock_head()").fetchone() != (0,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            conn.execute("DELETE FROM events.stored_events")


def test_events_that_are_there_are_never_replaced(source: str, archive: Path) -> None:
    before = everything(source), epoch(source)
    with pytest.raises(RestoreRefused, match=r"holds \d+ events already.*TEAMLEDGER_DATA_DIR"):
        restored(source, archive)
    assert (everything(source), epoch(source)) == before


async def test_a_database_that_served_but_holds_no_event_is_empty(
    archive: Path, source: str, target: str
) -> None:
    prepare_database(target)
    async with opened_writer(target):
        with pytest.raises(RestoreRefused, match="service is connected"):
            restored(target, archive)
    with owner(target) as conn:
        conn.execute("UPDATE ops.secrets SET value = 'of the service that ran here'")
    restored(target, archive)
    assert everything(target) == everything(source)


def test_of_two_restores_at_once_one_is_refused(archive: Path, target: str) -> None:
    """It gets the lock after the other one has committed."""
    create_store(target)
    env = environment(TEAMLEDGER_DATABASE_URL=target, **KEYS)
    arguments = line("restore", str(archive))
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with append_lock(target) as holder:
        both = [subprocess.Popen(arguments, env=env, **pipes) for _ in range(2)]  # type: ignore[call-overload]
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'advisory'"
        while holder.execute(waiting).fetchone() != (2,):
            assert [process.poll() for process in both] == [None, None]
            holder.execute("SELECT pg_stat_clear_snapshot()")
    outputs = [process.communicate(timeout=60) for process in both]
    assert sorted(process.returncode for process in both) == [0, 2], outputs
    assert any("events already" in stderr for _, stderr in outputs)


# Damaged archives


def test_what_is_cut_off_or_flipped_is_refused_or_does_not_matter(
    archive: Path, tmp_path: Path
) -> None:
    damaged, whole = tmp_path / "damaged", members(archive)
    refused = harmless = 0
    for _ in flipped(archive, damaged):
        try:
            checked(damaged)
        except ArchiveError:
            refused += 1
        else:  # a date or an attribute of a ZIP file, which nothing of ours depends on
            assert members(damaged) == whole
            harmless += 1
    assert refused > harmless
    size = archive.stat().st_size
    for length in (0, 1, size // 3, size // 2, size - 30, size - 1):
        damaged.write_bytes(archive.read_bytes()[:length])
        with pytest.raises(ArchiveError, match="truncated, damaged, or no backup"):
            checked(damaged)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"format": 2}, "format 2 and this program knows formats up to 1"),
        ({"position": 999}, "does not hold events 1 to 999"),
        ({"members": []}, "does not hold events"),
        ({"epoch": "x"}, "manifest is damaged or none of ours"),
        ({"odd": 1}, "manifest is damaged or none of ours"),
    ],
)
def test_manifests_that_are_not_believed(
    archive: Path, tmp_path: Path, changes: dict[str, object], says: str
) -> None:
    with pytest.raises(ArchiveError, match=says):
        checked(rewritten(archive, tmp_path / "a", **changes))


def test_a_gap_in_the_positions_is_found(source: str, target: str, tmp_path: Path) -> None:
    with owner(source) as conn, conn.transaction(force_rollback=True):
        rows = conn.execute("SELECT * FROM events.stored_events").fetchall()
    create_store(target)
    with owner(target) as conn:
        for row in rows:
            place = row[4] + (row[4] > 3)
            conn.execute(
                "INSERT INTO events.stored_events VALUES (%s, %s, %s, %s, %s)", (*row[:4], place)
            )
        conn.execute("INSERT INTO ops.secrets VALUES ('root_fingerprint', 'x')")
    backed_up(target, tmp_path / "a")
    with pytest.raises(ArchiveError, match=r"positions in events\.stored_events\.copy have a gap"):
        checked(tmp_path / "a")


def test_what_is_found_out_late_leaves_the_target_empty(
    archive: Path, source: str, target: str, tmp_path: Path
) -> None:
    """The checks before are no excuse: the file may change between them and the restore."""
    manifest = checked(archive).model_dump(mode="json")
    for member in manifest["members"]:
        if member["table"] == "ops.secrets":
            member["sha256"] = "0" * 64
    late = rewritten(archive, tmp_path / "late", members=manifest["members"])
    with pytest.raises(ArchiveError, match=r"ops\.secrets\.copy has another checksum"):
        restored(target, late)
    assert without_events(target)
    other = rewritten(archive, tmp_path / "other", event_id="another")
    with pytest.raises(ArchiveError, match="does not end with event another"):
        restored(target, other)
    assert without_events(target)
    restored(target, archive)
    assert everything(target) == everything(source)
