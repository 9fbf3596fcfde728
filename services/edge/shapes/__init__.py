"""Answers in LiteLLM's shapes (team-api.md chapter 2, supporting-api.md 2, 3 and 7).

Pure functions from plain data to plain dicts, shared by both APIs: the command side calls them
with folded state, the projection side with rows. `settings` is always the JSON form of a settings
value of `events`; money in it is text and leaves as a JSON number. Keys stand in the order in
which LiteLLM was recorded to write them. Nothing is copied that is not changed: an answer shares
the objects it was made from and is meant to be serialised at once.
"""
