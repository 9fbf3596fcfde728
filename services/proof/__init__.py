"""Proving that a log was only ever appended to: tree, leaves, checkpoints (decision 013)."""
