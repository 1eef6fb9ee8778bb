"""Evol-Instruct: instructions that ask for more, round by round."""

import evolsynth.methods.evolve.evolve  # noqa: F401 - it registers itself
