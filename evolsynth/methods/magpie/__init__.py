"""Magpie: a chat model, given only what stands before a user's words, writes such words."""
