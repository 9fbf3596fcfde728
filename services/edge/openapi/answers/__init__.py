"""What is answered, as documents: fields, types and what may be null (team-api.md, chapter 2)."""
