"""Apache Kafka: how we connect, and which topics we need. What flows is decided elsewhere."""


class BrokerUnusable(Exception):
    """The cluster, or a topic, cannot be used; the text says why and what to do."""


class Unreadable(Exception):
    """A record that kafka-python cannot decode, and so nothing behind it; the text says where."""


class BrokerAway(BrokerUnusable):
    """No broker answers now; one may in a while."""
