"""Self-Instruct: new tasks from seed tasks, and queries about texts."""

import evolsynth.methods.self_instruct.queries
import evolsynth.methods.self_instruct.tasks  # noqa: F401 - it registers itself
