"""Replays recorded LiteLLM exchanges against a running service and compares the answers."""
