"""Backup and restore: the event database as one file (docs/decisions/005-backup-archive.md)."""

from collections.abc import Callable

Told = Callable[[int, int], None]
"""Told how much is done, and of how much in all; the unit is that of whoever tells."""


class ArchiveError(Exception):
    """An archive cannot be written, or is not what it should be; the text names the file."""
