"""Magpie: a chat model, given only what stands before a user's words, writes such words."""

import evolsynth.methods.magpie.magpie  # noqa: F401 - it registers itself
