"""The defect register of the contract, entry by entry, against a running service.

A test is named after the entry it proves: `test_d13_…`. It is short and fails on the behaviour
that the register describes; that the correct behaviour holds in all its corners is proved
elsewhere. `test_coverage.py` knows which entries are still open, and why.
"""
