"""Self-Instruct: new tasks from seed tasks, and queries about texts."""
