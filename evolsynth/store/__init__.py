"""The run store: every answer is on disk before anybody uses it."""
