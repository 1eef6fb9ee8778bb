"""Tasks about a text, and answers that stand in it."""

import evolsynth.methods.grounded.answer
import evolsynth.methods.grounded.grounded  # noqa: F401 - they register themselves
