"""What gateways report over a topic, read by the rules of POST /v1/usage."""

from services.broker.message import Message
from services.command.application.usage_batch import Read
from services.command.application.usage_consumer import ReadMessage
from services.edge.usage.delivery import Unread
from services.edge.usage.message import read


def reading(source: str) -> ReadMessage:
    """Messages are read as those of this source; CloudEvents have to name it."""

    def one(message: Message) -> Read:
        found = read(message.headers, message.value, message.size, source)
        if isinstance(found, Unread):
            return Read(message, None, found.reason)
        return Read(message, found)

    return one
