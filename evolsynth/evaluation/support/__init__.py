"""Whether an answer stands in a text, where, and whether it is of the kind that was asked for."""
