"""``python -m evolsynth``: the `evolsynth` command."""

import sys

from evolsynth.cli.main import main

sys.exit(main())
