"""Filling: empty tables get what a log comes to up to a position, stream by stream, in parallel."""
