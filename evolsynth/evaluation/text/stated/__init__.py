"""What a text states, read by rules without a model: statements, dates, lists, tables, terms."""
