"""Programs that measure evolsynth: ``python -m evals`` lists them. Evolsynth imports none of it."""
