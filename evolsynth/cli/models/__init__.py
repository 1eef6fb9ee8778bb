"""`evolsynth models`."""
