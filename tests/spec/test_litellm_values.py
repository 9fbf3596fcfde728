"""What becomes of LiteLLM's values that cannot be kept as they are."""

from datetime import UTC, datetime
from decimal import Decimal

import orjson
import pytest

from services.cli.litellm.columns import VOLATILE
from services.cli.litellm.values import Record, Refused, content, unfit

NAN, INFINITY = float("nan"), float("inf")


def said(record: Record) -> list[str]:
    return [finding.why for finding in record.findings]


@pytest.mark.parametrize(
    ("value", "kept", "notes"),
    [
        (None, None, 0),
        (0.1, Decimal("0.1"), 0),
        (1e12, Decimal(10) ** 12, 0),
        (1e-18, Decimal("1E-18"), 0),
        (NAN, None, 1),
        (INFINITY, None, 1),
        (-INFINITY, Decimal(0), 1),
        (-0.01, Decimal(0), 1),
        (1e13, Decimal(10) ** 12, 1),
        (1.5e-18, Decimal("2E-18"), 1),
    ],
)
def test_budgets(value: float | None, kept: Decimal | None, notes: int) -> None:
    record = Record({"max_budget": value})
    assert record.money("max_budget") == kept
    assert len(record.findings) == notes


@pytest.mark.parametrize(
    ("value", "kept"), [(None, 0), (0.0, 0), (2.5, Decimal("2.5")), (NAN, 0), (-1.0, 0)]
)
def test_spending(value: float | None, kept: Decimal | int) -> None:
    assert Record({"spend": value}).spent() == kept


@pytest.mark.parametrize(("value", "kept"), [(None, None), (0, 0), (5, 5), (-1, 0)])
def test_limits(value: int | None, kept: int | None) -> None:
    assert Record({"tpm_limit": value}).limit("tpm_limit") == kept


@pytest.mark.parametrize(
    ("value", "kept"),
    [(None, None), ("30d", "30d"), ("1w", "1w"), ("daily", "1d"), ("0d", "1d"), ("99999d", None)],
)
def test_durations(value: str | None, kept: str | None) -> None:
    record = Record({"budget_duration": value})
    assert record.duration() == kept
    assert bool(record.findings) == (value != kept)


@pytest.mark.parametrize(
    ("raw", "kept"),
    [(None, {}), ("{}", {}), ("[]", {}), ("null", {}), ('{"a": 1}', {"a": 1}), ('"{}"', {})],
)
def test_documents(raw: str | None, kept: object) -> None:
    assert Record({"metadata": raw}).document("metadata") == kept


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        ("[1]", "is no JSON object"),
        ('"text"', "metadata: "),
        ('{"a": ' * 40 + "1" + "}" * 40, "more than 32"),
        (orjson.dumps({"a": "x" * 70_000}).decode(), "the limit is 65536"),
        ('{"a": 1e999}', "metadata: "),
    ],
)
def test_documents_that_cannot_be_kept(raw: str, why: str) -> None:
    with pytest.raises(Refused, match=why):
        Record({"metadata": raw}).document("metadata")


@pytest.mark.parametrize("identity", [None, "", 7, "x" * 256, "a\nb", "a\x7f", "\x85"])
def test_ids_that_cannot_be_kept(identity: object) -> None:
    assert unfit(identity) is not None


@pytest.mark.parametrize("identity", ["a", "a/b c", "ü" * 255])
def test_ids_that_can(identity: str) -> None:
    assert unfit(identity) is None


def test_moments_are_utc() -> None:
    record = Record({"created_at": datetime(2024, 1, 2, 3, 4)})  # noqa: DTZ001
    assert record.moment("created_at") == datetime(2024, 1, 2, 3, 4, tzinfo=UTC)
    assert record.moment("updated_at") is None


def test_what_nothing_reads_is_said() -> None:
    record = Record({"policies": ["p"], "model_max_budget": "{}", "team_id": None})
    record.not_kept("policies", "model_max_budget", "team_id", "absent")
    assert [finding.what for finding in record.findings] == ["policies"]
    assert said(record) == ["is not kept: nothing here reads it"]


def test_content_is_what_is_said_in_any_order_but_for_its_use() -> None:
    one = content({"a": 1, "b": None, "spend": 5.0, "c": "{}"}, VOLATILE)
    other = content({"spend": 6.0, "a": 1, "d": []}, VOLATILE)
    assert one == other
    assert content({"a": 2}, VOLATILE) != one
