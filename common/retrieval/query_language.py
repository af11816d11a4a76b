"""Which programming language a query is about: by what it names, by libraries and idioms, by syntax. Pure.

Each cue that is found adds its log-odds to the languages it speaks for; a cue counts once however often it occurs.
The softmax over ten languages and "none of them" gives the confidence, and below `CERTAIN` there is no language: the
adapter of a wrong language is worse than the combined one. As in naive Bayes the cues are taken for independent, but
the weights are set by hand: 5 and more for what is hardly met elsewhere, about 3 for what two or three languages
share, below 2 for a hint. One cue of 4.5 suffices where nothing speaks against it.

Measured on data held out from the lexicon (share that is given a language / share of those that is right): CosQA
questions 0.95 / 1.00, CoNaLa 0.61 / 0.999, first paragraphs of documentation in six languages 0.03 / 0.94, since they
seldom tell; the first three lines of functions in nine languages 0.90 / 0.998, of C only 0.11, which could be C++.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from common.corpora.mining.languages import LANGUAGES
from common.retrieval.query_cues import ASKED, IN, MENTIONS, NAMES, NONE, SYNTAX, WORDS

CERTAIN = 0.8
"""The confidence from which on a language is named."""
_NONE_SCORE = 2.5  # most questions fit any language
_ASKED_FOR, _MENTIONED = 7.0, 4.0  # “… in Python” asks; “runs the JavaScript of a page” may not
_READ = 2000  # characters: a query says what it is about at its beginning, and a pasted file need not be read whole


@dataclass(frozen=True)
class Guess:
    """What a query says about its language."""

    language: str | None
    """One of `LANGUAGES`, None where the query does not tell."""
    confidence: float
    """0…1: the share of the likeliest language, also where that is too little."""
    cues: tuple[str, ...]
    """What spoke for the language, the strongest first; empty where it is None."""


class _Cue(NamedTuple):
    label: str  # empty: what was found is its own label
    pattern: re.Pattern[str]
    weights: dict[str, float]


def classify(query: str) -> Guess:
    """The language that a question or a piece of code is about. Any text is allowed; the result depends on it only."""
    scores = dict.fromkeys(LANGUAGES, 0.0) | {NONE: _NONE_SCORE}
    found = dict(_found(query[:_READ]))
    for weights in found.values():
        for language, weight in weights.items():
            scores[language] += weight
    best = max(LANGUAGES, key=scores.__getitem__)
    confidence = 1 / sum(math.exp(score - scores[best]) for score in scores.values())
    if confidence < CERTAIN:
        return Guess(None, confidence, ())
    own = [label for label, weights in found.items() if weights.get(best, 0) > 0]
    return Guess(best, confidence, tuple(sorted(own, key=lambda label: -found[label][best])))


def _found(text: str) -> Iterator[tuple[str, dict[str, float]]]:
    """(label, weights) of every cue in the text."""
    is_code = _is_code(text)
    name_scale, word_scale, syntax_scale = (0.65, 0.5, 1.0) if is_code else (1.0, 1.0, 0.5)
    for language, asked, mentioned in _NAME_PATTERNS:
        if match := mentioned.search(text):
            yield _label(match), {language: name_scale * (_ASKED_FOR if asked.search(text) else _MENTIONED)}
    for cue in _MENTION_CUES:
        if match := cue.pattern.search(text):
            yield _label(match), _scaled(cue.weights, name_scale)
    for match in _WORD.finditer(text):
        word = match[1].lower().replace("-", " ")
        yield word, _scaled(_WEIGHTS[word], word_scale)
    for cue in _SYNTAX_CUES:
        if cue.pattern.search(text):
            yield cue.label, _scaled(cue.weights, syntax_scale)


def _is_code(text: str) -> bool:
    """In code, names of languages and libraries stand in comments and strings; in prose, signs are punctuation."""
    signs = len(_SIGN.findall(text))
    return (signs >= 3 and signs >= 0.05 * len(text)) or bool(_CODE_LINE.search(text))


def _label(match: re.Match[str]) -> str:
    return " ".join(match[0].split())


def _scaled(weights: dict[str, float], scale: float) -> dict[str, float]:
    return {language: scale * weight for language, weight in weights.items()}


# --- names of languages. "go", "c" and "ruby" are words as well and need another word beside them.
def _weights_by_word() -> dict[str, dict[str, float]]:
    weights: dict[str, dict[str, float]] = {}
    for language, rows in WORDS.items():
        for weight, words in rows.items():
            for word in words.split(", "):
                weights.setdefault(word, {})[language] = weight
    return weights


_WEIGHTS = _weights_by_word()
_WORD = re.compile(  # the longest first: "angular service" before "angular"
    r"(?<![\w.])("
    + "|".join(re.escape(word).replace(r"\ ", "[ -]") for word in sorted(_WEIGHTS, key=len, reverse=True))
    + r")s?(?!\w)",
    re.IGNORECASE,
)
_NAME_PATTERNS = tuple(
    (
        language,
        re.compile(rf"\A\W*(?:{name})|{IN}\s+(?:{name})|(?:{name})(?=\s*[?.]?\s*\Z|\s{ASKED}\b)", re.IGNORECASE),
        re.compile(name, re.IGNORECASE),
    )
    for language, name in NAMES
)
_MENTION_CUES = tuple(_Cue("", re.compile(pattern), weights) for pattern, weights in MENTIONS)
_SYNTAX_CUES = tuple(_Cue(label, re.compile(pattern, re.MULTILINE), weights) for label, pattern, weights in SYNTAX)
_SIGN = re.compile(r"[(){}\[\];=<>$*&#@|+_]|:\s*$|\.(?=\w)", re.MULTILINE)
_CODE_LINE = re.compile(
    r"^[ \t]*(?:def\s+[\w.]+[?!]?\s*$|end\s*$|#\s*include\b|return\b.*;\s*$|import\s+[\w.]+;?\s*$)", re.MULTILINE
)
