"""``python -m evolsynth``: the `evolsynth` command."""

from evolsynth.cli.main import run

run()
