"""Put the generator of the documentation site into ``.venv``: ``python3 scripts/docs.py``.

`make docs` calls it, after the setup. Standard library only. A second call sees a stamp and returns
at once, so that the site can be built without a network. Prints one sentence and exits with 1 on
failure.
"""

import sys

import bootstrap
from preflight import SetupProblem
from watched_command import say

STAMP = bootstrap.VENV / ".evolsynth-docs"


def requirements(project: str) -> "list[str]":
    """What the extra `docs` asks for, out of the text of pyproject.toml."""
    import tomllib

    asked: list[str] = tomllib.loads(project)["project"]["optional-dependencies"]["docs"]
    return asked


def main() -> int:
    """Install it if it is not there; the exit status."""
    try:
        project = (bootstrap.ROOT / "pyproject.toml").read_text(encoding="utf-8")
        asked = requirements(project)
        # With the setup's own stamp: a .venv that was made anew has none of this.
        made = bootstrap.fingerprint(*asked, bootstrap.STAMP.read_text(encoding="utf-8"))
        if STAMP.exists() and STAMP.read_text(encoding="utf-8") == made:
            return 0
        say(f"Installing {', '.join(asked)} for the documentation site")
        bootstrap.pip("docs", *asked)
        bootstrap.write_atomically(STAMP, made)
    except FileNotFoundError:
        print("docs: .venv is not set up: run `make setup` first.", file=sys.stderr)
        return 1
    except SetupProblem as problem:
        print(f"docs: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("docs: interrupted; run it again to go on from here.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
