"""The ledger as both services know it: spend computed when asked, followed, and held."""
