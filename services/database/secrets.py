"""Master key and root key: from the settings, or from files only this user can read.

Next to the embedded database both live in `<data_dir>/secrets`; a first start makes them.
"""

import base64
import os
import secrets
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from services.database.data_directory import prepare_data_directory
from services.database.embedded import EmbeddedServer
from services.settings import Settings
from services.settings.values import ROOT_KEY_BYTES, check_master_key, decode_root_key

MASTER_KEY_FILE = "master.key"
ROOT_KEY_FILE = "root.key"
OPEN_TO_OTHERS = stat.S_IRWXG | stat.S_IRWXO
LONGEST = 4096


class SecretsError(Exception):
    """A file of secrets is missing its protection or its content; names it, never the content."""


@dataclass(frozen=True, slots=True)
class Secrets:
    """`created_master_key` is true on the one start that made it: the moment to show it.

    `previous_master_key` is taken as well.
    """

    master_key: str = field(repr=False)
    root_key: bytes = field(repr=False)
    created_master_key: bool
    previous_master_key: str | None = field(default=None, repr=False)

    @property
    def master_keys(self) -> tuple[str, ...]:
        """All that are taken."""
        previous = self.previous_master_key
        return (self.master_key,) if previous is None else (self.master_key, previous)


def load_secrets(settings: Settings) -> Secrets:
    """The keys of this service. Keys given by settings go before the files and never reach them.

    No root key is made beside a database that was made under one. Raises SecretsError, or
    DataDirectoryError when there is no place for the files.
    """
    master, root = settings.master_key, settings.root_key
    before = settings.previous_master_key
    previous = None if before is None else before.get_secret_value()
    if master is not None and root is not None:
        return Secrets(
            master.get_secret_value(),
            decode_root_key(root.get_secret_value()),
            created_master_key=False,
            previous_master_key=previous,
        )
    if root is None:
        _check_not_lost(settings)
    try:
        directory = _private_directory(prepare_data_directory(settings.data_dir) / "secrets")
        created = master is None and _create_if_missing(
            directory / MASTER_KEY_FILE, "sk-" + secrets.token_urlsafe(24)
        )
        if root is None:
            _create_if_missing(
                directory / ROOT_KEY_FILE,
                base64.b64encode(secrets.token_bytes(ROOT_KEY_BYTES)).decode(),
            )
        return Secrets(
            master.get_secret_value() if master else _stored_master_key(directory),
            decode_root_key(root.get_secret_value()) if root else _stored_root_key(directory),
            created,
            previous,
        )
    except OSError as failed:
        raise SecretsError(f"{failed.filename}: {failed.strerror}") from failed


def _check_not_lost(settings: Settings) -> None:
    path = settings.data_dir / "secrets" / ROOT_KEY_FILE
    try:
        lost = EmbeddedServer(settings.data_dir).exists and not path.exists()
    except OSError as failed:
        raise SecretsError(f"{failed.filename}: {failed.strerror}") from failed
    if lost:
        raise SecretsError(
            f"{path} is missing, and the database beside it was written under that key: put it "
            "back, or set TEAMLEDGER_ROOT_KEY to it"
        )


def known_master_key(settings: Settings) -> str:
    """The master key of a service that has one: for visitors, who make none.

    Raises SecretsError.
    """
    if settings.master_key is not None:
        return settings.master_key.get_secret_value()
    directory = settings.data_dir / "secrets"
    try:
        return _stored_master_key(directory)
    except FileNotFoundError:
        raise SecretsError(
            f"{directory / MASTER_KEY_FILE} does not exist: set TEAMLEDGER_MASTER_KEY, "
            "or TEAMLEDGER_DATA_DIR to where `teamledger serve` keeps it"
        ) from None
    except OSError as failed:
        raise SecretsError(f"{failed.filename}: {failed.strerror}") from failed


def find_root_key(settings: Settings) -> bytes | None:
    """The root key that is set or stored already; None rather than a new one.

    Raises SecretsError for a file that cannot be trusted.
    """
    if settings.root_key is not None:
        return decode_root_key(settings.root_key.get_secret_value())
    directory = settings.data_dir / "secrets"
    try:
        if not (directory / ROOT_KEY_FILE).exists():
            return None
        return _stored_root_key(directory)
    except OSError as failed:
        raise SecretsError(f"{failed.filename}: {failed.strerror}") from failed


def root_key_in(path: Path) -> bytes:
    """The root key that a file of the operator's holds, which nobody else may read.

    Raises SecretsError.
    """
    try:
        return decode_root_key(_read_private(path))
    except OSError as failed:
        raise SecretsError(f"{path}: {failed.strerror}") from failed
    except ValueError as wrong:
        raise SecretsError(f"{path}: {wrong}") from None


def _stored_master_key(directory: Path) -> str:
    path = directory / MASTER_KEY_FILE
    try:
        return check_master_key(_read_private(path))
    except ValueError as wrong:
        raise SecretsError(f"{path}: {wrong}, or remove the file to have one made") from None


def _stored_root_key(directory: Path) -> bytes:
    path = directory / ROOT_KEY_FILE
    try:
        return decode_root_key(_read_private(path))
    except ValueError:
        raise SecretsError(
            f"{path} does not hold {ROOT_KEY_BYTES} bytes in base64; "
            "put back the file this database was made with"
        ) from None


def _private_directory(path: Path) -> Path:
    path.mkdir(mode=0o700, exist_ok=True)
    _check_private(path, path.lstat(), stat.S_ISDIR, "0700")
    return path


def _read_private(path: Path) -> str:
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags), "rb") as file:
        _check_private(path, os.fstat(file.fileno()), stat.S_ISREG, "0600")
        return file.read(LONGEST).decode().strip()


def _check_private(
    path: Path, found: os.stat_result, right_kind: Callable[[int], bool], wanted: str
) -> None:
    if not right_kind(found.st_mode):
        raise SecretsError(f"{path} is not what belongs there; move it away")
    if found.st_uid != os.geteuid():
        raise SecretsError(
            f"{path} belongs to user {found.st_uid} and this process runs as {os.geteuid()}; "
            f"start as that user or run: chown {os.geteuid()} {path}"
        )
    if found.st_mode & OPEN_TO_OTHERS:
        raise SecretsError(
            f"{path} is open to others (mode {stat.S_IMODE(found.st_mode):04o}); "
            f"consider whether they read it, then run: chmod {wanted} {path}"
        )


def _create_if_missing(path: Path, text: str) -> bool:
    """Whether it was made now. Its name appears with its whole content, or not at all."""
    if path.exists():
        return False
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        path.hardlink_to(draft)
    except FileExistsError:
        return False
    finally:
        draft.unlink()
    return True
