"""Problems said in other words by a model, where no fact is lost."""

from __future__ import annotations

from evolsynth.llm.base import LLM
from evolsynth.methods.transformed.saying import able_to_say, say
from evolsynth.rows import Row

__all__ = ["Reworder"]

_PROMPT = "computed/reword"


class Reworder:
    """Asks a model for other words.

    Args:
        llm: the model.
        seed: of the run.

    Raises:
        CapabilityError: it cannot be asked.
    """

    def __init__(self, llm: LLM, seed: int) -> None:
        able_to_say(llm, by="computed with reword")
        self.llm, self.seed = llm, seed

    async def row(self, row: Row) -> Row:
        """The row with its instruction in other words; as it was, where none would do."""
        asked = row.instruction or ""
        said = await say(self.llm, _PROMPT, asked, key=row.id, seed=self.seed)
        made, answered = row.provenance["instruction"], row.provenance["response"]
        made = {**made, "reworded": said.how}
        if said.text is None:
            return row.replace(provenance={**row.provenance, "instruction": made})
        ground = {**answered["ground"], "reworded": True}
        return row.replace(
            instruction=said.text,
            provenance={"instruction": made, "response": {**answered, "ground": ground}},
        )
