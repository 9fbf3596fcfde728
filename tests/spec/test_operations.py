"""What operators read: every alert has its section, every setting its row, every link leads on."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from pydantic.fields import FieldInfo
from ruamel.yaml import YAML

from services.cli.main import app
from services.settings import ConsumerSettings, RelaySettings, Settings

ROOT = Path(__file__).parents[2]
READ = [
    *(ROOT / "README.md", ROOT / "CHANGELOG.md"),
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "deploy").rglob("README.md")),
]
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
BLOCK = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#]*)(?:#([^)]+))?\)")
TYPED = re.compile(r"(?:`|^ *\$ (?:[A-Z_]+=\S* )*)teamledger ([a-z][^`\n#|>;&]*)", re.MULTILINE)
ROW = re.compile(r"^\| (`TEAMLEDGER_[^|]*) \| ([^|]*) \|.*$", re.MULTILINE)
VARIABLE = re.compile(r"\bTEAMLEDGER_[A-Z_]*[A-Z]\b")
OF_LITELLM = {f"TEAMLEDGER_{name}" for name in ("URL", "GATEWAY_KEY", "HOLD_USD")}
CODE = re.compile(r"`([^`]+)`")
each_file = pytest.mark.parametrize("path", READ, ids=lambda p: p.relative_to(ROOT).as_posix())


def anchors(path: Path) -> list[str]:
    """Of the headings of a file, as the forge makes them."""
    found = HEADING.findall(BLOCK.sub("", path.read_text()))
    return [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in found]


def test_every_alert_has_a_section_and_every_section_an_alert() -> None:
    rules = YAML(typ="safe").load(ROOT / "deploy/prometheus/alerts.yaml")
    leads = [
        rule["annotations"]["runbook_url"] for group in rules["groups"] for rule in group["rules"]
    ]
    guide = "docs/operations/guide.md"
    told = [f"{guide}#{anchor}" for anchor in anchors(ROOT / guide) if "teamledger-" in anchor]
    assert sorted(leads) == sorted(told)


@each_file
def test_a_link_finds_one_heading(path: Path) -> None:
    """Of two the second has another anchor, and is found by nobody."""
    found = anchors(path)
    versions = {"added", "changed", "removed", "fixed"} if path.name == "CHANGELOG.md" else set()
    assert [each for each in found if found.count(each) > 1 and each not in versions] == []


@each_file
def test_every_link_leads_somewhere(path: Path) -> None:
    for file, anchor in LINK.findall(path.read_text()):
        if file.startswith("https:"):
            continue
        target = (path.parent / file).resolve() if file else path
        assert target.exists(), file
        assert not anchor or anchor in anchors(target), f"{file}#{anchor}"


def commands(found: Any, *names: str) -> Iterator[tuple[str, set[str]]]:  # noqa: ANN401
    """Each by its whole name, with its options."""
    yield " ".join(names), {option for each in found.params for option in each.opts}
    for name, below in getattr(found, "commands", {}).items():
        yield from commands(below, *names, name)


COMMANDS = dict(commands(typer.main.get_command(app)))


@each_file
def test_every_command_and_option_that_is_named_exists(path: Path) -> None:
    for typed in TYPED.findall(path.read_text().replace("\\\n", " ")):
        words = typed.split()
        name = " ".join(words[:2]) if " ".join(words[:2]) in COMMANDS else words[0]
        assert name in COMMANDS, typed
        named = {word.rstrip(".,:)") for word in words if word.startswith("--")}
        assert named <= COMMANDS[name] | {"--help"}, typed


def settings() -> dict[str, FieldInfo]:
    """What can be set, by variable."""
    classes = (Settings, RelaySettings, ConsumerSettings)
    fields = [field for each in classes for field in each.model_fields.items()]
    return {f"TEAMLEDGER_{name.upper()}": field for name, field in fields}


def rows() -> Iterator[tuple[list[str], list[str]]]:
    """Of the README's tables: variables, `…_X` being beside another, and defaults."""
    for row in ROW.finditer((ROOT / "README.md").read_text()):
        first = CODE.findall(row[1])[0]
        beside = [first.rpartition("_")[0] + each for each in re.findall(r"`…(_\w+)`", row[0])]
        yield [first, *beside], CODE.findall(row[2])


@each_file
def test_every_variable_that_is_named_is_a_setting(path: Path) -> None:
    named = set(VARIABLE.findall(path.read_text()))
    assert named <= settings().keys() | OF_LITELLM


def shown(default: object) -> str:
    match default:
        case bool():
            return str(default).lower()
        case float():
            return f"{default:g}"
        case tuple():
            return ",".join(map(str, default))
    return str(default)


def test_every_setting_has_a_row_and_every_row_a_setting() -> None:
    told = [name for names, _ in rows() for name in names]
    assert sorted(told) == sorted(settings())


def test_defaults_are_as_they_are_told() -> None:
    known = settings()
    compared = 0
    for names, defaults in rows():
        for name, told in zip(names, defaults, strict=False):
            if name != "TEAMLEDGER_DATA_DIR":  # goes by who starts it
                assert shown(known[name].default) == told, name
                compared += 1
        if not defaults:
            assert known[names[0]].default in (None, ()), names
    assert compared >= 30
