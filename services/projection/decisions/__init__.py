"""Decisions for gateways, from memory: whose key it is, what it may, what was spent and is held."""
