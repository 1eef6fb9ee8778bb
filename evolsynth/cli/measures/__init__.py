"""Commands that measure rows: what they are worth, how varied they are, what they lost."""
