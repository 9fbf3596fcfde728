"""Expected failures end a command with one clear text, not a traceback."""

import errno
import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import psycopg
import typer

from services.broker import BrokerUnusable, Unreadable
from services.cli.ledger_client import ServiceRefused
from services.cli.litellm.source import SourceUnusable
from services.command.application.relay_place import LogReplaced
from services.command.application.requests import Unavailable
from services.database.backup import ArchiveError
from services.database.backup.load import RestoreRefused
from services.database.connections import DatabaseUnusable
from services.database.data_directory import DataDirectoryError
from services.database.migrations import MigrationError
from services.database.programs import EmbeddedServerError
from services.database.secrets import SecretsError
from services.database.unused import StillUsed
from services.database.vault import WrongRootKey
from services.projection.feed import FeedBroken
from services.projection.filling.crew import FillingFailed, FillingInterrupted
from services.projection.materialise import DestinationUnusable
from services.projection.projector import FactFailed
from services.projection.rebuild import RebuildFailed
from services.projection.runner import NotReached
from services.projection.seal.signing import NothingSigned
from services.projection.staging import ExportChanged
from services.proof.checkpoint import BadCheckpoint
from services.proof.export import BadExport, Unwritable
from services.settings import SettingsError
from services.tracing import TracingUnusable


class AddressUnusable(Exception):
    """The address to listen on is taken or is none of this machine."""


class ListUnusable(Exception):
    """A list of users is not there, or is none."""


class NoDeadLetter(Exception):
    """There is none at a place that was named."""


class NothingToArchive(Exception):
    """There is no checkpoint to archive up to, or the log does not give it."""


EXPECTED = (
    AddressUnusable,
    ArchiveError,
    BadCheckpoint,
    BadExport,
    BrokerUnusable,
    DatabaseUnusable,
    DataDirectoryError,
    DestinationUnusable,
    EmbeddedServerError,
    ExportChanged,
    FactFailed,
    FeedBroken,
    FillingFailed,
    FillingInterrupted,
    ListUnusable,
    LogReplaced,
    MigrationError,
    NoDeadLetter,
    NotReached,
    NothingSigned,
    NothingToArchive,
    RebuildFailed,
    RestoreRefused,
    SecretsError,
    ServiceRefused,
    SettingsError,
    SourceUnusable,
    StillUsed,
    TracingUnusable,
    Unavailable,
    Unreadable,
    Unwritable,
    WrongRootKey,
    psycopg.OperationalError,
)
UNFIT = (
    psycopg.errors.InsufficientPrivilege,
    psycopg.errors.UndefinedColumn,
    psycopg.errors.UndefinedTable,
)
NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
P = ParamSpec("P")
R = TypeVar("R")


def explained(command: Callable[P, R]) -> Callable[P, R]:
    """Exit with status 2 and the text of an expected failure.

    Such are a database of another release, too, and no room for what is printed.
    """

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except EXPECTED as failure:
            raise _ended(str(failure)) from None
        except UNFIT as unfit:
            raise _ended(
                f"the database is not as this release has it: {unfit.diag.message_primary}; "
                "start a service of this release on it first, as the user who owns it"
            ) from None
        except OSError as failed:
            if failed.errno not in NO_ROOM:
                raise
            raise _ended(f"what is printed finds no room: {failed.strerror}") from None

    return run


def _ended(text: str) -> typer.Exit:
    typer.echo(f"error: {text}", err=True)
    return typer.Exit(2)
