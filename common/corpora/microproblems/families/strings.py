"""Text: characters, ciphers, compression."""

from random import Random

from common.corpora.microproblems.draws import VOCABULARY, letters, lines, words
from common.corpora.microproblems.family import Family, Function, Option, Parameters, Stdin

LETTER_STREAK = Family(
    name="letter_streak",
    difficulty="introductory",
    form=Function(("letter_score", "special_letters", "count_special"), ("text",), "this $what"),
    parameters={
        "chosen": ("aeiou", "xyz", "abc", "rst", "lmno", "aq", "0123456789", "e"),
        "case": (
            Option("capital letters count as well", "text.lower()", "char.lower()"),
            Option("only exactly these characters count", "text", "char"),
        ),
        "what": (
            Option("number of special characters", "sum(marks)", "total"),
            Option(
                "length of the longest run of special characters",
                "max(map(len, ''.join('x' if mark else ' ' for mark in marks).split()), default=0)",
                "longest",
            ),
        ),
    },
    where=lambda p: p.chosen[0].isalpha() or p.case.code == "text",
    wordings=(
        "The characters '$chosen' are special ($case). Find the $what in a text.",
        "$person collects the characters in '$chosen'; $case. For a given text, work out the $what.",
    ),
    solutions=(
        """
        def $fn(text):
            marks = [char in $chosen for char in $case]
            return $what
        """,
        """
        def $fn(text):
            total = longest = run = 0
            for char in text:
                if $case_other in set($chosen):
                    total += 1
                    run += 1
                    longest = max(longest, run)
                else:
                    run = 0
            return $what_other
        """,
    ),
    draw=lambda r, p: [letters(r, p.chosen * 3 + p.chosen.upper() * 2 + "bdgk T7", 3, 20)],
    edges=lambda p: [[""], [p.chosen], [p.chosen.upper() + "-" + p.chosen[0] * 3], ["#" * 3]],
)


SHIFT_CIPHER = Family(
    name="shift_cipher",
    difficulty="introductory",
    form=Stdin("One line of text.", "The changed text."),
    parameters={
        "k": range(1, 10),
        "way": (Option("forward", "+", "1"), Option("backward", "-", "-1")),
        "extent": (
            Option("Only small letters are moved", "'abcdefghijklmnopqrstuvwxyz',", "str.islower"),
            Option(
                "Small letters are moved, and digits likewise on the circle of digits",
                "'abcdefghijklmnopqrstuvwxyz', '0123456789'",
                "str.isalnum",
            ),
        ),
    },
    wordings=(
        "Encrypt a text: every letter moves $k places $way in the alphabet, in a circle (after z comes a). $extent; "
        "everything else stays.",
        "$person's secret writing shifts characters by $k places $way, with z and a as neighbours. $extent. All other "
        "characters, capital letters too, are left as they are.",
    ),
    solutions=(
        """
        text = input()
        result = ""
        for char in text:
            for circle in ($extent):
                if char in circle:
                    result += circle[(circle.index(char) $way $k) % len(circle)]
                    break
            else:
                result += char
        print(result)
        """,
        """
        import sys

        def moved(char):
            if not $extent_other(char) or char.isupper():
                return char
            first, size = (48, 10) if char.isdigit() else (97, 26)
            return chr((ord(char) - first + $way_other * $k) % size + first)

        print("".join(map(moved, sys.stdin.readline().rstrip("\\n"))))
        """,
    ),
    draw=lambda r, p: lines(" ".join(words(r, 1, 3, of=[*VOCABULARY, "Zoo", "x1y2", "2024", "A-z", "007!"]))),
    edges=lambda p: [lines("xyz abc 789 012"), lines("HELLO?"), lines("a")],
)


RUN_LENGTH = Family(
    name="run_length",
    difficulty="interview",
    form=Function(("compress", "shorten_runs", "encode_runs"), ("text",), "the compressed text"),
    parameters={
        "least": range(2, 6),
        "order": (
            Option("the character and then the length", "char + $mark + str(length)"),
            Option("the length and then the character", "str(length) + $mark + char"),
        ),
        "mark": ("", "*", ":", "x"),
    },
    wordings=(
        "A run is a longest stretch of one and the same character. Compress a text: each run of $least or more "
        "characters is replaced by $order, with '$mark' between them (nothing, where the quotes are empty). Shorter "
        "runs stay.",
        "Write $order, joined by '$mark', in place of each maximal block of $least or more equal characters in a row; "
        "copy shorter blocks.",
    ),
    solutions=(
        """
        from itertools import groupby

        def $fn(text):
            parts = []
            for char, run in groupby(text):
                length = len(list(run))
                parts.append($order if length >= $least else char * length)
            return "".join(parts)
        """,
        """
        def $fn(text):
            result, start = "", 0
            for end in range(1, len(text) + 1):
                if end == len(text) or text[end] != text[start]:
                    char, length = text[start], end - start
                    if length < $least:
                        result += text[start:end]
                    else:
                        result += $order
                    start = end
            return result
        """,
    ),
    draw=lambda r, p: ["".join(r.choice("abcd") * r.choice((1, 1, 2, 3, 4, 5, 12)) for _ in range(r.randint(1, 7)))],
    edges=lambda p: [[""], ["z" * p.least], ["z" * (p.least - 1)], ["ab" + "c" * 10]],
)


NEARLY_PALINDROME = Family(
    name="nearly_palindrome",
    difficulty="interview",
    form=Function(("nearly_palindrome", "reads_both_ways", "is_mirror"), ("text",), "True or False"),
    parameters={"ignored": (" ", ".,", "-_", "aeiou", "xyz", "!?"), "k": range(4)},
    wordings=(
        "Take the characters '$ignored' out of a text. What is left is nearly a palindrome if at most $k pairs of "
        "characters that mirror each other (the first and the last, the second and the last but one, ...) differ. "
        "Find out whether it is nearly a palindrome. Capital and small letters are different.",
        "Without the characters '$ignored', compare the text with its mirror image, pair by pair from the outside. Is "
        "the number of unequal pairs $k or less?",
    ),
    solutions=(
        """
        def $fn(text):
            kept = [char for char in text if char not in $ignored]
            half = len(kept) // 2
            return sum(kept[i] != kept[-1 - i] for i in range(half)) <= $k
        """,
        """
        def $fn(text):
            for char in $ignored:
                text = text.replace(char, "")
            wrong, left, right = 0, 0, len(text) - 1
            while left < right:
                if text[left] != text[right]:
                    wrong += 1
                left, right = left + 1, right - 1
            return wrong < $k + 1
        """,
    ),
    draw=lambda r, p: [_mirrored(r, p)],
    edges=lambda p: [[""], ["bcdfghj"[: p.k + 1] + "bkplmnt"[: p.k + 2]], ["bc" + p.ignored[0] + "b"], ["rR" * 5]],
)


def _mirrored(rng: Random, parameters: Parameters) -> str:
    half = letters(rng, "bcdf", 4, 6)
    other = list(half[::-1])
    for place in rng.sample(range(len(other)), parameters.k + rng.randint(0, 1)):
        other[place] = "T"
    text = half + rng.choice(("", "g")) + "".join(other)
    for _ in range(rng.randint(0, 3)):
        place = rng.randint(0, len(text))
        text = text[:place] + rng.choice(parameters.ignored) + text[place:]
    return text


MASKED = Family(
    name="masked",
    difficulty="introductory",
    form=Function(("mask", "hide", "conceal"), ("text",), "the masked text"),
    parameters={
        "k": range(1, 6),
        "end": (
            Option("last", "$mark * (len(text) - $k) + text[-$k:]", "i >= len(text) - $k"),
            Option("first", "text[:$k] + $mark * (len(text) - $k)", "i < $k"),
        ),
        "mark": ("*", "#", "x", "."),
    },
    wordings=(
        "Hide a number on a card: all characters but the $end $k are replaced by '$mark'. A text of $k or fewer "
        "characters is not changed.",
        "Only the $end $k characters of a text may stay readable. Replace each of the others by '$mark'.",
    ),
    solutions=(
        """
        def $fn(text):
            return text if len(text) <= $k else $end
        """,
        """
        def $fn(text):
            return "".join(char if $end_other else $mark for i, char in enumerate(text))
        """,
    ),
    draw=lambda r, p: [letters(r, "abcdefgh 0123456789-", 1, 14)],
    edges=lambda p: [[""], ["ABCDEFG"[: p.k]], ["ABCDEFG"[: p.k + 1]]],
)


FAMILIES = (LETTER_STREAK, SHIFT_CIPHER, RUN_LENGTH, NEARLY_PALINDROME, MASKED)
