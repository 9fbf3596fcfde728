"""A company that does not exist: the same for the same seed, told as calls of the API."""

from services.cli.company.cast import cast
from services.cli.company.changes import change, finish
from services.cli.company.founding import found
from services.cli.company.script import Call, Script
from services.cli.company.teams import MARKER, TEAMS

__all__ = ["MARKER", "TEAMS", "Call", "script_of"]


def script_of(seed: int) -> list[Call]:
    """All calls in their order. They may be repeated from the start: the end is the same."""
    company, script = cast(seed), Script()
    found(company, script)
    change(company, script)
    finish(company, script, MARKER)
    return script.calls
