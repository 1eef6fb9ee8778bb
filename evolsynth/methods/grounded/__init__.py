"""Tasks about a text, and answers that stand in it."""
