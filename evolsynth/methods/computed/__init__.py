"""Problems with their answers, computed: `computed`."""

import evolsynth.methods.computed.computed  # noqa: F401 - it registers itself
