"""One small file for each format that rows are written in."""
