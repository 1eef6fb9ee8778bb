"""Duplicates among many texts: exact, near, and by meaning."""
