"""Good texts, spoiled by a program, to be mended: `inverse`."""

import evolsynth.methods.inverse.inverse  # noqa: F401 - it registers itself
