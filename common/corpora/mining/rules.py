"""Which functions make a good (documentation, code) pair: small named rules, asked in order, the first failing one
is counted.

Sources: CSN = CodeSearchNet (Husain et al. 2019), GCB = GraphCodeBERT's cleaning of it (Guo et al. 2021), TV = The
Vault (Nguyen et al. 2023). Rules marked "ours" came from reading what the others let through.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from common.corpora.lines import is_unicode
from common.corpora.mining.functions import Function

MIN_WORDS, MAX_TOKENS, MIN_CODE_LINES = 3, 256, 3
MIN_ASCII_LETTERS, MIN_LETTERS = 0.9, 0.6

# What every object has, and what makes one: CSN's lists, and for C, C++ and C#, which it does not have, their like.
_ORDINARY_NAMES = {
    "python": r"__\w+__",
    "java": r"toString|equals|hashCode|clone|finalize|notify|notifyAll",
    "javascript": r"constructor|toString|toLocaleString|valueOf|toJSON",
    "typescript": r"constructor|toString|toLocaleString|valueOf|toJSON",
    "go": r"String|GoString|init",
    "ruby": r"initialize(?:_copy)?|to_s|to_str|to_text|inspect|display|dup|clone|hash|between\?|eql\?|equal\?|\W+",
    "php": r"__\w+",
    "cpp": r"~.*|operator\b.*",
    "csharp": r"~.*|operator\b.*|ToString|Equals|GetHashCode|Finalize|ReferenceEquals|MemberwiseClone",
}
_ORDINARY = {language: re.compile(names) for language, names in _ORDINARY_NAMES.items()}
_NAMED_LIKE_THE_CLASS = frozenset({"java", "cpp", "csharp"})

_TAG = re.compile(
    r"\s*(?:@\w+|\\(?:param|returns?|throws?|brief|details|sa|see|note)\b|:[a-z][^:\n]*:(?:\s|$)|>>>|\.\. \w[\w-]*::"
    r"|</?(?:param|typeparam|returns|remarks|exception|example|value)\b"
    r"|\w+ \(`[^)]*\):(?:\s|$))"  # Hugging Face's parameters: name (`type`, *optional*): what it is
)
_INLINE_TAG = re.compile(r"\s@(?:param|returns?|throws|exception)\b")
_SECTION = re.compile(
    r"\s*(?:args|arguments|parameters|params|returns?|yields?|raises?|examples?|usage|notes?|attributes|see also)"
    r"\s*:?\s*$",
    re.IGNORECASE,
)
_UNDERLINE = re.compile(r"\s*([-=~^*])\1{2,}\s*$")
_LINK = re.compile(r"\w+://|\bwww\.|<img\b|<a\s+href", re.IGNORECASE)
_UNFINISHED = re.compile(
    r"\b(?:TODO|FIXME|XXX|HACK|TBD|WIP)\b|(?i:\bdeprecated|\bobsolete\b|\bnot (?:yet )?implemented)"
)
_DEPRECATED = re.compile(r"(?m)^[ \t]*(?:@deprecated\b|Deprecated: )")
_GENERATED = re.compile(  # about the code itself: "cleans up auto-generated files" describes what a function does
    r"(?i)^\W*(?:auto[- ]?(?:matically )?)?generated\b|\bdo not edit\b"
    r"|\b(?:this|code|file|function|method|class)\b.{0,12}\b(?:is|was|are|been)"
    r" (?:auto[- ]?(?:matically )?)?generated\b"
)
_COMMENTED_OUT = re.compile(r"[;{}]\s*\Z|\A\s*(?:if|for|while|switch)\s*\(|\A#\s*(?:if|define|include)\b")
_CALL = r"[A-Za-z_][\w.:]*\([^()]*(?:\([^()]*\)[^()]*)*\)"
_SIGNATURE = re.compile(rf"\s*{_CALL}\s*(?:(?:-+>|=>)\s*(?P<value>.*)|(?:--?\s|:\s)\s*(?P<prose>.*)|[.:]?\s*$)")
_VALUE = re.compile(r"(?:[(\[{][^)\]}]*[)\]}]|[^(\[{])*?(?:\s--?\s|[.,:]\s+|$)")
_POINTER = re.compile(r"(?i)(?:see (?!if\b|whether\b|how\b|what\b)|cf\.|refer to )")


def summary(documentation: str) -> str:
    """The first paragraph on one line: what stands before a blank line, a tag, a section heading or a doctest (CSN).

    A signature on the first line is passed over.
    """
    taken: list[str] = []
    for line in _without_signature(documentation):
        if not line.strip() or _TAG.match(line) or _SECTION.match(line):
            break
        if tag := _INLINE_TAG.search(line):
            taken.append(line[: tag.start()])
            break
        if _UNDERLINE.match(line):  # the line before was a heading
            taken = taken[:-1]
            break
        taken.append(line)
    return " ".join(" ".join(taken).split()).lstrip("+*-# ")


def _without_signature(documentation: str) -> list[str]:
    """The lines without a leading `name(args) -> value`, which C code and what imitates it begin with.

    Left in, it would give the name away, and stand where the description should. Prose after it on its line is kept.
    """
    lines = documentation.strip().splitlines()
    while lines and (found := _SIGNATURE.match(lines[0])):
        prose = found["prose"] or _VALUE.sub("", found["value"] or "", count=1)
        if len(prose.split()) >= MIN_WORDS and (prose[0].isupper() or len(prose.split()) > MIN_WORDS):
            return [prose, *lines[1:]]
        lines.pop(0)
        while lines and not lines[0].strip():
            lines.pop(0)
    return lines


def documented(function: Function, query: str) -> bool:
    """CSN: there is documentation at all."""
    return bool(function.documentation.strip())


def ordinary_method(function: Function, query: str) -> bool:
    """CSN: no constructors, and nothing like `__str__`, `toString`, `equals`, by language."""
    names = _ORDINARY.get(function.language)
    if names and names.fullmatch(function.name):
        return False
    owner = function.symbol.rsplit(".", 2)[-2:-1]
    return function.language not in _NAMED_LIKE_THE_CLASS or owner != [function.name]


def no_test(function: Function, query: str) -> bool:
    """CSN: nothing whose name contains `test`."""
    return "test" not in function.name.lower()


def enough_words(function: Function, query: str) -> bool:
    """CSN, GCB: the query has at least 3 words; signs and numbers are none."""
    return len(re.findall(r"[^\W\d_]{2,}|\b[aAI]\b", query)) >= MIN_WORDS


def not_too_long(function: Function, query: str) -> bool:
    """GCB: the query has at most 256 tokens, split at white space."""
    return len(query.split()) <= MAX_TOKENS


def enough_code(function: Function, query: str) -> bool:
    """CSN: without its documentation the function has at least 3 lines that are not blank."""
    return sum(1 for line in function.code.splitlines() if line.strip()) >= MIN_CODE_LINES


def does_something(function: Function, query: str) -> bool:
    """Ours: no stub (`pass`, `raise NotImplementedError`): such code answers no query."""
    return not function.is_stub


def valid_characters(function: Function, query: str) -> bool:
    """Ours: no NUL and no half surrogate pair, which UTF-8 files and tokenizers cannot hold."""
    return "\0" not in query + function.code and is_unicode(query + function.code)


def no_link(function: Function, query: str) -> bool:
    """GCB: no URL, no `<img`."""
    return not _LINK.search(query)


def english(function: Function, query: str) -> bool:
    """GCB: English only. A heuristic: 90 % of the letters are ASCII, so German or French without accents pass."""
    letters = [sign for sign in query if sign.isalpha()]
    return sum(sign.isascii() for sign in letters) >= MIN_ASCII_LETTERS * len(letters)


def finished(function: Function, query: str) -> bool:
    """TV: no TODO, deprecation or not-implemented notes; a tag `@deprecated` counts wherever it stands."""
    return not (_UNFINISHED.search(query) or _DEPRECATED.search(function.documentation))


def written_by_hand(function: Function, query: str) -> bool:
    """TV: no notes of generators."""
    return not _GENERATED.search(query)


def no_signature(function: Function, query: str) -> bool:
    """Ours: the query does not begin with a call of the function itself, which would give its name away."""
    return not re.match(rf"(?:\w+\.)?{re.escape(function.name)}\(", query)


def no_question(function: Function, query: str) -> bool:
    """TV: documentation that asks something is a note between developers."""
    return not query.endswith("?")


def no_commented_code(function: Function, query: str) -> bool:
    """Ours: code that was commented out is no description."""
    return function.language == "python" or not _COMMENTED_OUT.search(query)


def no_pointer(function: Function, query: str) -> bool:
    """Ours: documentation that only sends the reader elsewhere ("See the base class") describes nothing."""
    return not _POINTER.match(query)


def mostly_letters(function: Function, query: str) -> bool:
    """TV: at least 60 % of what is not a blank are letters; formulas, tables and ASCII art are not."""
    signs = [sign for sign in query if not sign.isspace()]
    return sum(sign.isalpha() for sign in signs) >= MIN_LETTERS * len(signs)


@dataclass(frozen=True)
class Rule:
    """A named predicate over a function and its query; a function is kept where all hold."""

    name: str
    holds: Callable[[Function, str], bool]


RULES: tuple[Rule, ...] = tuple(
    Rule(check.__name__, check)
    for check in (
        documented, ordinary_method, no_test, enough_words, not_too_long, enough_code, does_something, valid_characters,
        no_link,
        english, finished, written_by_hand, no_question, no_signature, no_pointer,
        no_commented_code, mostly_letters,
    )
)  # fmt: skip


def first_failing(function: Function) -> str | None:
    """The name of the first rule the function breaks, None where it keeps all."""
    query = summary(function.documentation)
    return next((rule.name for rule in RULES if not rule.holds(function, query)), None)


@dataclass(frozen=True)
class Filtered:
    """The functions kept, in order, and how many each rule dropped; `seen` = kept + dropped."""

    kept: tuple[Function, ...]
    seen: int
    dropped: dict[str, int]


def apply_rules(functions: Iterable[Function]) -> Filtered:
    """Keep the functions that break no rule."""
    kept: list[Function] = []
    dropped: Counter[str] = Counter()
    for function in functions:
        broken = first_failing(function)
        if broken is None:
            kept.append(function)
        else:
            dropped[broken] += 1
    counts = {rule.name: dropped[rule.name] for rule in RULES}
    return Filtered(tuple(kept), len(kept) + sum(counts.values()), counts)
