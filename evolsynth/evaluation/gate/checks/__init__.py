"""The checks of the gate, a file for each part of a row."""
