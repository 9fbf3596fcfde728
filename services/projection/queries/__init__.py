"""Questions to the read models.

Each is one statement, so that rows and position are of one snapshot; only what is too large for
one answer is read by several statements, in a transaction that gives them one snapshot.
"""
