"""Control tokens of chat templates in a text: used, as a model leaks them, or spoken of.

"Name a river in Peru.<|im_end|>" ends in one; "What is <|im_end|> for?" asks about it. What tells
the two apart is where the token stands: inside of a sentence, in quotes or in code it is spoken of;
at the edge of the text, behind the end of a sentence, or at the beginning of a line it is used,
unless the text is about tokens and shows some.
"""

from __future__ import annotations

import re

__all__ = ["about_tokens", "leaked"]

#: The tokens of the families of models, and what several of them have in common.
_TOKEN = re.compile(
    r"<\|(?! )[\w▁/:. -]{1,40}(?<! )\|>"  # llama, qwen, phi, granite, cohere, harmony, glm
    r"|<[｜|](?! )[\w▁ .-]{1,40}[｜|]>"  # deepseek
    r"|<\|[a-z_]{2,20}>|<[a-z_]{2,20}\|>"  # gemma from 4 on
    r"|</?(?:start|end)_of_(?:turn|image|audio)>|<(?:unused\d+|extra_id_\d+|0x[0-9a-f]{2})>"
    r"|\[/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS|TOOL_CONTENT|THINK)\]"
    r"|<</?SYS>>|\[(?:CLS|SEP|PAD|UNK|gMASK)\]|<(?:bos|eos|pad|unk|sep|cls|sop|eop)>|\A<s>|</s>\Z"
    r"|</?think(?:ing)?>|</?thought>|</?seed:think>|◁/?think▷"
    r"|</?tool_?(?:call|calls|response|result|results|use)>|</?function_?(?:call|calls|results)>"
    r"|<function=\w+>",
    re.I,
)
#: Those of tools, which a conversation with tools holds by right.
_OF_TOOLS = re.compile(r"[<\[]/?(?:tool|function)", re.I)

_CODE = re.compile(r"```.*?(?:```|\Z)|~~~.*?(?:~~~|\Z)|`[^`\n]*`", re.S)
_QUOTES = "\"'“”‘’«»„「」『』（）()`*_"
#: What stands right before a word that is spoken of, and right behind it.
_BEFORE = re.compile(
    r"(?:\b(?:the|an?|of|and|or|with|between|like|as|is|are|was|tokens?|tags?|markers?|symbols?|words?|"
    r"write|writes|wrote|print|see|sees|called|named|by|to|from|in|into|on|use|uses|using|used|add|adds|"
    r"emit|emits|insert|remove|strip|drop|before|after|behind|without|than|vs\.?|versus|for|does|do|"
    r"means?|via|through|that|this|special|reserved|opening|closing|end|start|literal|string|"
    r"not|both|e\.g\.|i\.e\.|such as|including|contains?|has|have|outputs?|generates?)"
    r"|[,/+:;&=(]|>)\s*\Z",
    re.I,
)
_BEHIND = re.compile(
    r"\s*(?:(?:-|–)?(?:tokens?|tags?|markers?|symbols?|blocks?|elements?|delimiters?|sections?|pairs?|"
    r"strings?|is|are|was|means?|stands?|and|or|vs|versus|appears?|comes?|marks?|works?|does|do|in|"
    r"at|to|for|inside|from|before|after|instead|should|must|can|will|used|itself|when|if|as)\b"
    r"|['’]s\b|[,;:)](?:\s|\Z))",
    re.I,
)
_SENTENCE_END = re.compile(r"[.!?。！？।؟…:][\"'”’»」)]*\s*\Z")
_WORDS_ABOUT = re.compile(
    r"\b(?:tokens?|tokeni[sz]\w*|tags?|chat ?templates?|prompt templates?|templates?|chatml|markup|"
    r"html|xml|delimiters?|placeholders?|sentinels?|separators?|padding|jinja2?|"
    r"(?:prompt|chat|instruction) formats?|headings?|special (?:symbols?|strings?)|markdown|"
    r"reasoning models?|chain[- ]of[- ]thought|токен\w*|тег\w*|шаблон\w*|vorlage\w*|platzhalter|"
    r"balises?|jetons?|etiquetas?|plantillas?|etiket\w*|belirteç\w*|şablon\w*)\b"
    r"|トークン|タグ|テンプレート|标记|標記|标签|標籤|令牌|模板|分词|词元|토큰|태그|템플릿|رمز|وسم|قالب|टोकन|टैग"
    r"|โทเค็น|แท็ก|אסימון|תגית|טוקן|ετικέτ|σύμβολ",
    re.I,
)


def about_tokens(text: str) -> bool:
    """Whether a text speaks of tokens, tags or templates, in words or by naming some."""
    return bool(_WORDS_ABOUT.search(text)) or _TOKEN.search(text) is not None


def leaked(text: str, *, about: bool = False, tools: bool = False) -> re.Match[str] | None:
    """The first control token that a text uses rather than speaks of.

    Args:
        about: what the text answers is about tokens: it may show some.
        tools: the row has tools, so that calls of them are no leak.
    """
    if about:
        return None
    speaks = _WORDS_ABOUT.search(text) is not None
    text = _CODE.sub(_blank, text)
    begin, end = len(text) - len(text.lstrip()), len(text.rstrip())
    for match in _TOKEN.finditer(text):
        if tools and _OF_TOOLS.match(match.group()):
            continue
        if match.group() == "</s>" and re.search(r"<s>\s*\S", text[1 : match.start()]):
            continue  # struck out, in HTML
        first, last = match.start() <= begin, match.end() >= end
        around = text[max(match.start() - _NEAR, 0) : match.start()], text[match.end() :][:_NEAR]
        if not _is_spoken_of(*around, first=first, last=last, speaks=speaks):
            return match
    return None


_NEAR = 80  # characters on either side of a token that tell how it stands there


def _blank(match: re.Match[str]) -> str:
    """Code, out of the way."""
    return " " * len(match.group())


def _is_spoken_of(before: str, behind: str, *, first: bool, last: bool, speaks: bool) -> bool:
    """Whether what stands between two pieces of a text is spoken of there.

    Args:
        first, last: whether it stands at the text's beginning, at its end.
        speaks: whether the text is about tokens.
    """
    line, rest = before.rpartition("\n")[2], behind.partition("\n")[0]
    if before and behind and before[-1] in _QUOTES and behind[0] in _QUOTES:
        return True
    if first:
        return bool(_BEHIND.match(rest)) or bool(speaks and _WORDS_ABOUT.match(rest.lstrip()))
    attached = (
        bool(line) and not line[-1].isspace() and (line[-1].isascii() or line[-1] in "。！？")
    )
    if attached and last and (line[-1].isalnum() or _SENTENCE_END.search(line)):
        return False
    inside = bool(line.strip()) and _SENTENCE_END.search(line) is None
    if inside and (_BEFORE.search(line) or _BEHIND.match(rest)):
        return True
    return speaks
