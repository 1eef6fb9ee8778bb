"""The `evolsynth` command."""
