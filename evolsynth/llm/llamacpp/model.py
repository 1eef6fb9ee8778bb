"""llama.cpp itself, loaded late, with its log kept from the terminal; and a model that it loads:
its vocabulary, its tokeniser, its chat template."""

from __future__ import annotations

import collections
import ctypes
import functools
import logging
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from evolsynth.errors import InputError, SetupError
from evolsynth.llm.base import Prompt, Segment
from evolsynth.llm.template import ChatTemplate
from evolsynth.llm.thinking import TAGS, Tags, tags_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Model", "TokenisedPrompt", "build", "has_amx", "last_message", "llama"]

_log = logging.getLogger("evolsynth.llamacpp")
_said: collections.deque[str] = collections.deque(maxlen=20)
_ERROR_LEVEL = 4  # GGML_LOG_LEVEL_ERROR


@functools.cache
def llama() -> Any:
    """The module of llama-cpp-python's low-level API, its back end initialised once.

    Raises:
        SetupError: llama-cpp-python is not installed or was built for another processor.
    """
    try:
        import llama_cpp
    except (ImportError, OSError, RuntimeError) as error:
        raise SetupError(
            f"llama-cpp-python cannot be loaded ({error}). "
            'Install it with: pip install "evolsynth[local]"'
        ) from None
    llama_cpp.llama_log_set(_callback(llama_cpp), ctypes.c_void_p(0))
    llama_cpp.llama_backend_init()
    return llama_cpp


def build() -> str:
    """llama.cpp's version, and that of its Python package."""
    native = llama()
    return f"{native.__version__} {native.llama_version().decode('utf-8', 'replace')}"


def has_amx() -> bool:
    """Whether llama.cpp uses the AMX units of some Xeons.

    GCC before version 14 makes a `ldtilecfg` of rubbish of it (its ``_tile_loadconfig`` says
    that 8 of the 64 bytes are read): the first matrix product is then the process's end.
    """
    return b" AMX_INT8 = 1 " in llama().llama_print_system_info()


@functools.cache
def _callback(native: Any) -> Any:
    # Cached, because llama.cpp keeps the pointer for as long as the process lives.
    def hear(level: int, text: bytes, _: Any) -> None:
        line = text.decode("utf-8", "replace").rstrip()
        if line.strip(". "):
            _log.debug("%s", line)
            if level == _ERROR_LEVEL:
                _said.append(line)

    return native.llama_log_callback(hear)


def last_message() -> str:
    """The last error that llama.cpp logged, for an error message of our own."""
    told = (line.strip() for line in reversed(_said) if not line.endswith("failed to load model"))
    return next(told, "llama.cpp gave no reason")  # that a load failed is known


_CONTROL = 1 << 1 | 1 << 3  # LLAMA_TOKEN_ATTR_UNKNOWN, LLAMA_TOKEN_ATTR_CONTROL
_SENTENCEPIECE = 1  # LLAMA_VOCAB_TYPE_SPM


class TokenisedPrompt(NamedTuple):
    """A prompt's tokens in chunks that are read one by one: shared, own, tail.

    Any may be empty. The tail is a forced prefix behind a prompt that is kept for other prefixes.
    """

    shared: tuple[int, ...]
    own: tuple[int, ...]
    tail: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self.shared) + len(self.own) + len(self.tail)

    @property
    def head(self) -> TokenisedPrompt | None:
        """What is kept for other tails; None where there is no tail."""
        return TokenisedPrompt(self.shared, self.own) if self.tail else None


class Model:
    """A GGUF model in memory, shared by all contexts. Free it after the last of them.

    ``name`` is the model's in messages; the file's where none is given. ``think`` and
    ``arguments`` are the chat template's: see `ChatTemplate`.

    Raises:
        InputError: llama.cpp cannot load the file (truncated, of an unknown architecture).
    """

    def __init__(
        self,
        path: Path,
        chat_template: str | None = None,
        *,
        name: str | None = None,
        think: bool | None = None,
        arguments: Mapping[str, Any] = {},
    ) -> None:
        self._native = native = llama()
        params = native.llama_model_default_params()
        params.n_gpu_layers = 0
        # Read, not mapped: a mapped file that is cut while it is used is the end of this process.
        params.load_mode = native.LLAMA_LOAD_MODE_NONE
        self.handle: Any = native.llama_model_load_from_file(os.fsencode(path), params)
        if not self.handle:
            raise InputError(f"{path}: llama.cpp cannot load the model ({last_message()}).")
        self.path = path
        self._chat_template = chat_template
        self._think, self._arguments = think, dict(arguments)
        self.name = path.stem if name is None else name
        self.vocabulary: Any = native.llama_model_get_vocab(self.handle)
        self.vocabulary_size = int(native.llama_vocab_n_tokens(self.vocabulary))
        self.trained_context = int(native.llama_model_n_ctx_train(self.handle))
        self._bos = int(native.llama_vocab_bos(self.vocabulary))
        self._add_bos = bool(native.llama_vocab_get_add_bos(self.vocabulary))
        self._sentencepiece = native.llama_vocab_type(self.vocabulary) == _SENTENCEPIECE

    def close(self) -> None:
        """Free the weights. Safe to call twice."""
        if self.handle:
            self._native.llama_model_free(self.handle)
            self.handle = None

    @functools.cached_property
    def parameters(self) -> int:
        """Numbers in all tensors of the file: the size by which models are called (135M)."""
        return int(self._native.llama_model_n_params(self.handle))

    @functools.cached_property
    def width(self) -> int:
        """Numbers that stand for a token inside the model."""
        return int(self._native.llama_model_n_embd(self.handle))

    @functools.cached_property
    def heads(self) -> int:
        """Heads of attention in a layer."""
        return int(self._native.llama_model_n_head(self.handle))

    @functools.cached_property
    def cache_bytes_per_token(self) -> int:
        """Bytes of keys and values in F16, of all layers."""
        native = self._native
        heads = int(native.llama_model_n_head_kv(self.handle))
        name = self.metadata("general.architecture") or ""
        sizes = (
            self.metadata(f"{name}.attention.{part}_length") or self.width // max(self.heads, 1)
            for part in ("key", "value")
        )
        return int(native.llama_model_n_layer(self.handle)) * heads * sum(map(int, sizes)) * 2

    def metadata(self, key: str) -> str | None:
        """A value of the file's metadata, as text."""
        read = self._native.llama_model_meta_val_str
        buffer = ctypes.create_string_buffer(1 << 14)
        size = read(self.handle, key.encode(), buffer, len(buffer))
        if size >= len(buffer):  # it was cut; the size is that of the whole
            buffer = ctypes.create_string_buffer(size + 1)
            read(self.handle, key.encode(), buffer, len(buffer))
        return buffer.value.decode("utf-8", "replace") if size >= 0 else None

    @functools.cached_property
    def template(self) -> ChatTemplate:
        """The chat template of the file's metadata, or the one that was given instead.

        Raises:
            TemplateError: there is none, or it does not parse.
        """
        source = self._chat_template or self.metadata("tokenizer.chat_template") or ""
        tokens = {
            "bos_token": self._text_of(self._bos),
            "eos_token": self._text_of(int(self._native.llama_vocab_eos(self.vocabulary))),
        }
        return ChatTemplate(
            source,
            {**tokens, **self._arguments},
            model=self.name,
            think=self._think,
            tokens=self._thought_tokens,
        )

    @functools.cached_property
    def thought_tags(self) -> Tags | None:
        """What the model's thoughts stand between; None for one that does not think."""
        source = self._chat_template or self.metadata("tokenizer.chat_template") or ""
        return tags_of(source, self._thought_tokens)

    @functools.cached_property
    def _thought_tokens(self) -> frozenset[str]:
        """Of all that thoughts may stand between, what the vocabulary has a token for."""
        pieces = {piece for tags in TAGS for piece in tags.tokens}
        return frozenset(
            piece
            for piece in pieces
            if piece in map(self._text_of, self._encode(piece, control=True))
        )

    @functools.cached_property
    def end_tokens(self) -> frozenset[int]:
        """Tokens that end an answer."""
        is_end = self._native.llama_vocab_is_eog
        return frozenset(t for t in range(self.vocabulary_size) if is_end(self.vocabulary, t))

    @functools.cached_property
    def pieces(self) -> tuple[bytes, ...]:
        """The bytes that each token stands for; nothing for control tokens, but for those that
        thoughts stand between: without them nobody could tell a thought from an answer."""
        native, buffer = self._native, ctypes.create_string_buffer(512)
        shown = {self.control_tokens.get(t) for t in (self.thought_tags or Tags("", "")).tokens}
        sizes = (
            native.llama_token_to_piece(self.vocabulary, t, buffer, len(buffer), 0, t in shown)
            for t in range(self.vocabulary_size)
        )
        return tuple(buffer.raw[:size] if size > 0 else b"" for size in sizes)

    @functools.cached_property
    def tokens_of(self) -> dict[bytes, tuple[int, ...]]:
        """The tokens that stand for some bytes, without control tokens."""
        found: dict[bytes, tuple[int, ...]] = {}
        control = {*self.control_tokens.values(), *self.end_tokens}
        for token, piece in enumerate(self.pieces):
            if piece and token not in control:
                found[piece] = (*found.get(piece, ()), token)
        return found

    @functools.cached_property
    def first_bytes(self) -> NDArray[np.int16]:
        """The first byte of each token, as ``tokens_of`` has them; -1 of all others."""
        first = np.full(self.vocabulary_size, -1, dtype=np.int16)
        for piece, tokens in self.tokens_of.items():
            first[list(tokens)] = piece[0]
        return first

    @functools.cached_property
    def longest_piece(self) -> int:
        """The number of bytes of the longest token."""
        return max(map(len, self.tokens_of), default=0)

    @functools.cached_property
    def control_tokens(self) -> dict[str, int]:
        """Tokens that no text can give, by the name that templates write."""
        attribute = self._native.llama_vocab_get_attr
        return {
            self._text_of(t): t
            for t in range(self.vocabulary_size)
            if attribute(self.vocabulary, t) & _CONTROL and self._text_of(t)
        }

    def tokenise(
        self, prompt: Prompt, prefix: str = "", *, keep_prompt: bool = False
    ) -> TokenisedPrompt:
        """The tokens of a prompt and of the text that its answer is made to begin with.

        The same as the whole text tokenised at once would give, but for two things: only
        control segments give control tokens, and no token reaches over the shared part's end, nor,
        with ``keep_prompt``, over the prompt's: the prefix is then the tail. Where the prompt has
        nothing but its shared part, which is kept anyway, the prefix is the own chunk.
        """
        shared = self._tokens(prompt.segments[: prompt.shared], first=True)
        own = prompt.segments[prompt.shared :]
        tail: list[int] = []
        if keep_prompt and any(segment.text for segment in own):
            tail = self._tokens((Segment(prefix),), first=False)
        else:
            own = (*own, Segment(prefix))
        return TokenisedPrompt(
            tuple(shared), tuple(self._tokens(own, first=not shared)), tuple(tail)
        )

    def tokenise_continuation(self, continuation: str | Prompt) -> tuple[int, ...]:
        """The tokens of a text that follows a prompt, none reaching over its beginning."""
        prompt = Prompt.of(continuation) if isinstance(continuation, str) else continuation
        return tuple(self._tokens(prompt.segments, first=False))

    def _tokens(self, segments: tuple[Segment, ...], *, first: bool) -> list[int]:
        tokens: list[int] = []
        after_text = not first
        for part in self._parts(segments):
            if isinstance(part, int):
                tokens.append(part)
                after_text = False
            else:
                tokens += self._plain(part, after_text)
                after_text = True
        if first and self._add_bos and tokens[:1] != [self._bos]:
            tokens.insert(0, self._bos)
        return tokens

    def _parts(self, segments: tuple[Segment, ...]) -> Iterator[str | int]:
        """Control tokens, and between them texts as long as can be."""
        text = ""
        for segment in segments:
            if not segment.control:
                text += segment.text
                continue
            for piece in self._control_pattern.split(segment.text):
                token = self.control_tokens.get(piece)
                if token is None:
                    text += piece
                    continue
                if text:
                    yield text
                    text = ""
                yield token
        if text:
            yield text

    def _plain(self, text: str, after_text: bool) -> list[int]:
        if after_text and self._sentencepiece:
            # SentencePiece puts a space before the first word of a text; this is none.
            return self._encode("\n" + text)[len(self._encode("\n")) :]
        return self._encode(text)

    def _encode(self, text: str, *, control: bool = False) -> list[int]:
        data = text.encode("utf-8", "replace")
        size = len(data) + 2
        tokens = (self._native.llama_token * size)()
        count = self._native.llama_tokenize(
            self.vocabulary, data, len(data), tokens, size, False, control
        )
        if count < 0:
            raise InputError(f"A text of {len(data)} bytes could not be tokenised.")
        return list(tokens[:count])

    @functools.cached_property
    def _control_pattern(self) -> re.Pattern[str]:
        longest_first = sorted(self.control_tokens, key=len, reverse=True)
        return re.compile(f"({'|'.join(map(re.escape, longest_first)) or '(?!)'})")

    def _text_of(self, token: int) -> str:
        if token < 0:
            return ""
        text: bytes = self._native.llama_vocab_get_text(self.vocabulary, token)
        return text.decode("utf-8", "replace")
