"""Kinds of tasks about a text, one or more in a file; `grounded.kind` finds them."""
