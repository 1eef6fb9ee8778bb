"""Ways to spoil a good text of which the spoiled one still says how it was."""
