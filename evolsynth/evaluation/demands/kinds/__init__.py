"""The kinds of demands, a file for each thing that they are about."""
