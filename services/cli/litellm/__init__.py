"""The import of a LiteLLM database: rows are read, turned into facts, and recorded.

`source` reads, `values` says what can be kept of a value, the module of each kind of thing turns
its rows into facts, `ledger` records them once, `report` tells what became of every one.
"""
