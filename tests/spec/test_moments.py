"""Moments as they are stored: of one length, so that they sort as text and are read again."""

from datetime import UTC, datetime

from pydantic import TypeAdapter

from events.values import Moment, timestamp

MOMENTS = [
    datetime.min.replace(tzinfo=UTC),
    datetime(999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
    datetime(2026, 11, 26, tzinfo=UTC),
    datetime(2026, 11, 26, microsecond=7, tzinfo=UTC),
    datetime.max.replace(tzinfo=UTC),
]


def test_they_are_written_in_utc_to_the_microsecond() -> None:
    at = datetime.fromisoformat("2026-11-26T01:02:03+02:00")
    assert timestamp(at) == "2026-11-25T23:02:03.000000Z"


def test_they_sort_as_text_whatever_the_year() -> None:
    written = [timestamp(at) for at in MOMENTS]
    assert written == sorted(written)
    assert {len(text) for text in written} == {27}


def test_each_is_read_again_as_it_was() -> None:
    moment: TypeAdapter[datetime] = TypeAdapter(Moment)
    for at in MOMENTS:
        assert moment.validate_json(moment.dump_json(at)) == at
