"""What fields and parameters mean that have to do with the log itself: proofs and the feed."""

from collections.abc import Mapping

HISTORY: Mapping[str, str] = {
    "leaf_index": "Which leaf of the tree it is, from 0.",
    "leaf_hash": "SHA-256 of a zero byte and the bytes of the leaf.",
    "size": "Leaves of the tree.",
    "root": "The hash of the whole tree.",
    "path": "Hashes of subtrees, the nearest first (RFC 9162, 2.1).",
    "from_size": "Leaves of the earlier tree.",
    "from_root": "The hash of the earlier tree.",
    "to_size": "Leaves of the later tree.",
    "to_root": "The hash of the later tree.",
    "note": "Size and root, signed: a C2SP checkpoint.",
    "verifier": "The key that the signature is verified by, as signed notes have it.",
    "events": "Facts, in the order of the log.",
    "more": "Whether there is more already.",
    "specversion": "Of CloudEvents.",
    "subject": "Kind and id of the thing that the fact is about.",
    "time": "When it was recorded.",
    "datacontenttype": "Always JSON.",
    "dataschema": "Which JSON Schema the data follows.",
    "incarnation": "The version of the fact that began the present life of the thing.",
    "commandid": "The same for all facts of one command.",
    "commandindex": "Which fact of its command it is, from 0.",
    "commandcount": "How many facts its command has.",
    "actorrole": "The role for which the command was decided.",
    "onbehalfof": "For whom the caller said he acted: a pseudonym, sealed like his name.",
    "correlationid": "The request that it came from.",
    "entries": "One for each fact, in the order that was asked for.",
    "event_id": "The id of the fact, as the change feed has it.",
    "actor_email": "The address of the user who has that id now, if it is for you to see.",
    "actor_role": "The role for which the command was decided.",
    "actor_key": "The sha256 of the key that was presented, if it is for you to see.",
    "command_id": "The same for all facts of one command.",
    "correlation_id": "The request that it came from.",
    "sentence": "Who did what, in plain words.",
    "changes": "The fields that changed, with their values on both sides.",
    "field": "The name of a field; below `members.{user_id}` what a member has.",
    "live": "Whether there was the thing at that moment.",
    "fields": "Each field with the fact that set it last.",
    "set_by": "The fact that set it last.",
    "added_by": "The fact that added him.",
    "first_at": "When the first of these calls was refused.",
    "last_at": "When the last of these calls was refused.",
    "times": "How many calls of that minute were refused alike.",
    "route": "The route, with the names of what stands in its path.",
    "key_hash_prefix": "The first 16 hex digits of the sha256 of the key that was presented; null "
    "where it was no key, or where many wrong ones are told together.",
    "causationid": "The event that it follows from, where the service itself went on.",
}

HISTORY_PARAMETERS: Mapping[str, str] = {
    "as_of": "As it was then, spend included: a time (ISO 8601, without an offset UTC), or the "
    "position of an event. `X-Event-Position` of the answer is that of the last event by then. Who "
    "may see it is judged now. An extension of ours.",
    "position": "That of an event.",
    "usage_position": "That of a record of usage, which is a leaf with those booked with it.",
    "tree_size": "Of how many leaves the tree is that it is proved for.",
    "from_size": "Leaves of the earlier tree, by default the first alone.",
    "types": "Names of facts between commas; `*` stands for anything.",
    "subject": "Kind and id of one thing, such as `team/core`.",
}
