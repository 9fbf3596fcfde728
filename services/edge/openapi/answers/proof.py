"""Checkpoints and proofs; hashes are hexadecimal."""

from services.edge.openapi.schema import Document


class Checkpoint(Document):
    """A signed note (C2SP tlog-checkpoint): its tree has `size` leaves."""

    size: int
    note: str
    verifier: str


class Inclusion(Document):
    """RFC 9162, 2.1.3: that a leaf is in the tree of a size and root."""

    leaf_index: int
    leaf_hash: str
    size: int
    root: str
    path: list[str]


class Consistency(Document):
    """RFC 9162, 2.1.4: that a tree is the beginning of a later one."""

    from_size: int
    from_root: str
    to_size: int
    to_root: str
    path: list[str]
