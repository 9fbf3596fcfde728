"""What operators read: every alert has its section, and every link leads somewhere."""

import re
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from services.cli.main import app

ROOT = Path(__file__).parents[2]
OPERATIONS = ROOT / "docs/operations"
READ = [*OPERATIONS.glob("*.md"), *(ROOT / "deploy").glob("*.md"), ROOT / "deploy/router/README.md"]
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
LINK = re.compile(r"\]\(([^)#]*)(?:#([^)]+))?\)")


def anchors(path: Path) -> set[str]:
    """Of the headings of a file, as the forge makes them."""
    found = HEADING.findall(path.read_text())
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in found}


def test_every_alert_has_a_section_and_every_section_an_alert() -> None:
    rules = YAML(typ="safe").load(ROOT / "deploy/prometheus/alerts.yaml")
    leads = [
        rule["annotations"]["runbook_url"] for group in rules["groups"] for rule in group["rules"]
    ]
    guide = "docs/operations/guide.md"
    told = {f"{guide}#{anchor}" for anchor in anchors(ROOT / guide) if "teamledger-" in anchor}
    assert sorted(leads) == sorted(told - {f"{guide}#running-teamledger"})


@pytest.mark.parametrize("path", READ, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_link_leads_somewhere(path: Path) -> None:
    for file, anchor in LINK.findall(path.read_text()):
        if file.startswith("https:"):
            continue
        target = (path.parent / file).resolve() if file else path
        assert target.exists(), file
        assert not anchor or anchor in anchors(target), f"{file}#{anchor}"


@pytest.mark.parametrize("path", READ, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_command_that_is_named_exists(path: Path) -> None:
    commands = {command.name for command in app.registered_commands}
    groups = {group.name for group in app.registered_groups}
    named = re.findall(r"(?:`|^\$ )teamledger ([a-z][a-z-]+)", path.read_text(), re.MULTILINE)
    assert set(named) <= commands | groups
