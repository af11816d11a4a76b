"""XLCoST's marker tokens, treated in one place for queries and documents, training and evaluation.

The programs are published as tokens between blanks. NEW_LINE ends a line, INDENT and DEDENT open and close a block
(Python), ▁ is a blank inside a string, STRNEWLINE and TABSYMBOL are the escapes \\n and \\t inside a string. Languages
with braces carry NEW_LINE after preprocessor lines and line comments only.
"""

from __future__ import annotations

from collections.abc import Sequence

from common.corpora.sources.config import Markers

INDENT = "    "
_IN_STRINGS = {"STRNEWLINE": "\\n", "TABSYMBOL": "\\t"}


def restored(tokens: Sequence[str], markers: Markers) -> str:
    """The text that a model reads: the tokens as they are, joined by one space (`keep`), or laid out (`layout`).

    In the layout ▁ goes away, since the spaces that join the tokens around it are the blank that it stands for.
    Indentation never falls below zero, whatever the tokens say.
    """
    if markers == "keep":
        return " ".join(tokens)
    lines: list[str] = []
    depth = 0
    words: list[str] = []

    def end_line() -> None:
        if words:
            lines.append(INDENT * depth + " ".join(words))
            words.clear()

    for token in tokens:
        if token == "NEW_LINE":
            end_line()
        elif token in ("INDENT", "DEDENT"):
            end_line()
            depth = max(0, depth + (1 if token == "INDENT" else -1))
        elif token != "▁":
            words.append(_IN_STRINGS.get(token, token))
    end_line()
    return "\n".join(lines)
