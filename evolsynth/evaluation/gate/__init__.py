"""The gate: what becomes of a row, and why."""
