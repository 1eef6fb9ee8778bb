"""Rows in the formats that trainers take."""
