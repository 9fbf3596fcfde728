"""Usage over a real Kafka: booked once, with its place, or a dead letter with the reason."""

import pytest

from tests.support.broker import Broker
from tests.support.eventlog import create_store
from tests.support.usage import rows
from tests.support.usage_topic import Sent, Topics, consumed, item

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(120)]


@pytest.fixture
def url(database_url: str) -> str:
    create_store(database_url)
    return database_url


@pytest.fixture
def topics(kafka: Broker, topic: str) -> Topics:
    found = Topics(kafka, topic)
    found.make()
    return found


async def test_what_is_sent_is_booked(url: str, topics: Topics) -> None:
    topics.send(Sent(item(number), key=f"team-{number % 7}") for number in range(200))
    await consumed(url, topics)
    assert rows(url, "SELECT count(*), sum(cost) FROM usage.records") == [(200, 200)]
