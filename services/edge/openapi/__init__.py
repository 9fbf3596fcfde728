"""The description of the service: what GET /openapi.json answers, made from what the code knows.

A route is described by one `Operation`, which its service keeps in a table next to its routes; all
else is read off the code: the summary off the endpoint's docstring, bodies and queries off the
models that check them, refusals off the functions that raise them, examples off the functions that
shape answers. Answers are described by pydantic models (`answers`), as requests are, because one
generator then names and shares all schemas; nothing is ever validated or written through them.
"""
