"""The topics of usage: what gateways send, and what of it could not be booked (decision 021)."""

USAGE_TOPIC = "teamledger.usage.v1"
USAGE_PARTITIONS = 12
USAGE_DAYS = 7
DEAD_TOPIC = "teamledger.usage.dead.v1"
DEAD_PARTITIONS = 1
DEAD_DAYS = 30
SOURCE = "kafka"
"""The source of all that comes over the topic, unless an operator names another one."""

MOST_BYTES = 1_000_000
"""Of a message, key and headers included: a copy with a reason must fit where it did itself."""

CUT_BYTES = 1_024
"""What a dead letter keeps of a value, or a key, of a message that is larger."""

DEAD_HEADERS = {
    "dead_reason": "Why it could not be booked, as POST /v1/usage would have said it.",
    "dead_topic": "The topic it came over.",
    "dead_topicid": "The id of that topic, which is another one once it was made again.",
    "dead_partition": "Its partition.",
    "dead_offset": "Its offset. Topic id, partition and offset tell repeats.",
    "dead_timestamp": "Its own timestamp: milliseconds since 1970.",
}
CUT_HEADER = "dead_cut"
CUT_MEANS = "`true` where the message was too large: the value is only its beginning."
