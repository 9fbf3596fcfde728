"""Clients and tools of other projects against a running service: `make test-marked`.

LiteLLM's own client and command run unmodified, in an environment of their own. Of the others a
module says what it sends, in which order, and what it makes of the answers; `test_…` asks the
question that its user would ask. A client that meets a defect is never helped around it: the test
is an expected failure, strict, so that it has to be unmarked once the defect is gone.
"""
