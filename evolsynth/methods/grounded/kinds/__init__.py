"""Kinds of tasks about a text that a program makes alone, one in each module."""
