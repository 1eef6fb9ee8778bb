"""Models behind a server, asked over HTTP."""
