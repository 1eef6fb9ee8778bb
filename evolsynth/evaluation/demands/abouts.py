"""Groups of what demands are about, by which kinds name the others that they clash with."""

from __future__ import annotations

__all__ = ["GIVEN", "LISTS", "SHAPES"]

#: Words, names or signs that an answer must have as they are given.
GIVEN = ("beginning", "ending", "headings", "labels", "postscript", "request", "summary", "data")
#: Points of a list.
LISTS = ("list", "list_order", "item_length", "item_beginning")
#: How the whole of an answer is built.
SHAPES = (
    *("choice", "data", "headings", "labels", "lines", "paragraphs", "parts", "plan"),
    *("postscript", "quotes", "request", "table", "thesis", "title", "versions"),
)
