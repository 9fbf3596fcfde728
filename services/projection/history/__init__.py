"""What happened to one thing: changes, sentences, and states folded from them (issue 6)."""
