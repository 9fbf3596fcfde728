"""Benchmarks of the whole service over HTTP; see README.md in this folder."""
