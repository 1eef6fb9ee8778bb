"""Chosen sets of reasoning-gym."""

import evolsynth.evaluation.problems.gym_sets.sets  # noqa: F401 - they register themselves
