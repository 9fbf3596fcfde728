"""The data directory: made with the right modes, locked, and nothing around it ever changed.

As root the database runs under a system user of its own, who has to pass every directory above
its files. Directories made here let him; one that was there before is used as it is or refused.
"""

import os
import stat
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

if sys.platform != "win32":
    import fcntl
    import pwd

SERVER_USER = "pgserver"
MADE_BY_ROOT, MADE_BY_USER = 0o755, 0o700
DATA_DIR_OF_ROOT = 0o710  # group: the server's user, who passes without listing
WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH


class DataDirectoryError(Exception):
    """The data directory cannot be used; the text names the directory and what to do."""


class Account(NamedTuple):
    """The system user under which the database runs."""

    name: str
    uid: int
    gid: int


def server_account() -> Account | None:
    """Whom the database runs as when we are root (made if absent); None: as ourselves.

    Raises DataDirectoryError when the user cannot be made.
    """
    if os.geteuid() != 0:
        return None
    with Path("/etc/passwd").open() as users:  # locked: several first starts at once
        fcntl.flock(users, fcntl.LOCK_EX)
        try:
            entry = pwd.getpwnam(SERVER_USER)
        except KeyError:
            entry = _make_user()
    return Account(SERVER_USER, entry.pw_uid, entry.pw_gid)


def _make_user() -> "pwd.struct_passwd":
    command = ["useradd", "--system", "--user-group", "--no-create-home"]
    try:
        subprocess.run(  # noqa: S603 - constant arguments
            [*command, "--shell", "/bin/false", SERVER_USER], check=True, capture_output=True
        )
        return pwd.getpwnam(SERVER_USER)
    except (OSError, subprocess.CalledProcessError, KeyError) as failed:
        raise DataDirectoryError(
            f"started as root, and the system user {SERVER_USER!r} cannot be made ({failed}); "
            "make it by hand, start as an ordinary user, or set TEAMLEDGER_DATABASE_URL"
        ) from failed


def prepare_data_directory(path: Path) -> Path:
    """Make the directory where it is missing, check it, and return it resolved.

    Made here it is closed to everybody else. Raises DataDirectoryError, before anything is made,
    when the server's user could not pass, and when others may write to it.
    """
    account = server_account()
    try:
        directory = path.expanduser().resolve()
        missing = [p for p in (directory, *directory.parents) if not p.exists()]
        if account is not None:
            check_passable(account, missing[-1].parent if missing else directory)
        for made in reversed(missing):
            _make(made, account, is_data_dir=made == directory)
        mode = directory.stat().st_mode
    except OSError as failed:
        raise DataDirectoryError(
            f"{failed.filename}: {failed.strerror}; "
            "set TEAMLEDGER_DATA_DIR to a directory that this user can make and write"
        ) from failed
    if mode & WRITABLE_BY_OTHERS:
        raise DataDirectoryError(
            f"{directory} may be written by others (mode {stat.S_IMODE(mode):04o}); "
            f"set TEAMLEDGER_DATA_DIR to a directory below it, such as {directory / 'teamledger'}, "
            "which is then made with the right mode"
        )
    return directory


def _make(path: Path, account: Account | None, *, is_data_dir: bool) -> None:
    try:
        path.mkdir(mode=0o700)
    except FileExistsError:
        return
    if account is None:
        path.chmod(MADE_BY_USER)
    elif is_data_dir:
        os.chown(path, 0, account.gid)
        path.chmod(DATA_DIR_OF_ROOT)
    else:
        path.chmod(MADE_BY_ROOT)


def check_passable(account: Account, directory: Path) -> None:
    """Raise DataDirectoryError naming the first directory the server's user cannot pass."""
    for step in (*reversed(directory.parents), directory):
        found = step.stat()
        if not _may_pass(account, found):
            raise DataDirectoryError(
                f"{step} (mode {stat.S_IMODE(found.st_mode):04o}) is closed to the system user "
                f"{account.name!r}, under which the database runs when started as root, and "
                "directories that were there before are never changed. Set TEAMLEDGER_DATA_DIR "
                "to a place such as /var/lib/teamledger, install outside private homes, start as "
                f"an ordinary user, or run: chmod o+x {step}"
            )


def _may_pass(account: Account, found: os.stat_result) -> bool:
    if found.st_uid == account.uid:
        return bool(found.st_mode & stat.S_IXUSR)
    if found.st_gid == account.gid:
        return bool(found.st_mode & stat.S_IXGRP)
    return bool(found.st_mode & stat.S_IXOTH)


@dataclass(slots=True)
class DirectoryLock:
    """At most one service per data directory; the kernel frees the lock of a killed one."""

    path: Path
    _file: int | None = None

    @property
    def held(self) -> bool:
        return self._file is not None

    def acquire(self) -> None:
        """Take the lock or raise DataDirectoryError with the process id of its holder."""
        try:
            file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as failed:
            raise DataDirectoryError(
                f"{self.path}: {failed.strerror}; start teamledger as the user it ran as before"
            ) from failed
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(file, 20).decode(errors="replace").strip() or "unknown"
            os.close(file)
            raise DataDirectoryError(
                f"{self.path.parent} is in use by another teamledger (process {holder}); "
                "stop that one or set TEAMLEDGER_DATA_DIR to another directory"
            ) from None
        os.ftruncate(file, 0)
        os.write(file, f"{os.getpid()}\n".encode())
        self._file = file

    def release(self) -> None:
        """Give the lock free; harmless if it is not held."""
        if self._file is not None:
            os.ftruncate(self._file, 0)
            fcntl.flock(self._file, fcntl.LOCK_UN)  # also for copies held by forked children
            os.close(self._file)
            self._file = None
