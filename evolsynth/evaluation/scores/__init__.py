"""Scores of rows: a judge's, IFD, and how the best rows are selected by them."""
