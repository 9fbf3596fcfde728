"""The past: what the read models, and the ledger, held at an earlier moment (decision 016)."""
