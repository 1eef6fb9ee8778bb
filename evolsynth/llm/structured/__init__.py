"""Answers that are JSON of a given form: the schema, the grammar made of it, asking, checking."""
