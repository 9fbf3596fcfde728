"""The defect registers of the contract and its matrix, entry by entry, against a running service.

A test is named after the entry it proves: D of team-api.md chapter 5 (`test_d13_…`), A of auth.md
chapter 9, S of supporting-api.md chapter 8, and M for the rows of the matrix in team-api.md 1.4. It
is short and fails on the behaviour that the register describes; that the correct behaviour holds in
all its corners is proved elsewhere. `test_coverage.py` knows which entries are still open, and why.
"""
