"""Code that was found for a question, put before it as something to look at. Pure.

A solved example shows how to answer; a snippet shows what there is to call or to imitate. It therefore becomes a part
of the instruction, in the wording of the template, and not a block of its own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import dedent

from common.prompts.template import Template

_BACKTICKS = re.compile(r"`+")


@dataclass(frozen=True)
class Snippet:
    """A piece of code and where it stands."""

    place: str
    """PATH:LINE, for the model and for people."""
    symbol: str
    """Dotted name in its file."""
    source: str
    """As it stands in the file."""


def with_snippets(template: Template, instruction: str, snippets: Sequence[Snippet]) -> str:
    """The instruction with the snippets before it in their order, the nearest first; without any, as it is.

    Sources lose the indentation that all their lines share, blanks in empty lines and outer empty lines, nothing else.
    """
    if not snippets:
        return instruction
    return template.context.format(snippets="".join(_block(template, one) for one in snippets)) + instruction


def _block(template: Template, snippet: Snippet) -> str:
    source = dedent(snippet.source).strip("\n")
    longest = max(map(len, _BACKTICKS.findall(source)), default=0)
    fence = "`" * max(3, longest + 1)  # a fence inside the source must not close this one
    return template.snippet.format(place=snippet.place, symbol=snippet.symbol, source=source, fence=fence)
