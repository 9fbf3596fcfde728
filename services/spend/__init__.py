"""Reading the ledger: what both services know about spend, computed when asked."""
