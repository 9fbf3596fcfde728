"""Running `teamledger import-litellm` as an operator does, and reading what it reports."""

import json
from typing import Any

from tests.support.cli import invoked
from tests.support.service import MASTER_KEY, on_database


def env(url: str) -> dict[str, str]:
    return {"TEAMLEDGER_MASTER_KEY": MASTER_KEY, **on_database(url)}


def run(source: str, target: str, *options: str) -> tuple[int, dict[str, Any]]:
    """The exit status, and what `--json` says."""
    ended = invoked("import-litellm", "--database-url", source, "--json", *options, **env(target))
    assert ended.exit_code in {0, 1}, ended.output
    return ended.exit_code, json.loads(ended.stdout)


def of(report: dict[str, Any], identity: str) -> dict[str, tuple[str, str]]:
    """What the report says of one thing: the sort and the reason by what it is about."""
    entries = (e for e in report["entries"] if e["id"] == identity)
    return {e["what"]: (e["sort"], e["why"]) for e in entries}
