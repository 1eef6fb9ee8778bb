"""The command that makes rows about texts."""
