"""Texts that a model says in another way: `transformed`."""

import evolsynth.methods.transformed.transformed  # noqa: F401 - it registers itself
