"""Back ends: what a request is, and who answers it."""
