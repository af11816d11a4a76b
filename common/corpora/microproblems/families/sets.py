"""Sets and groups."""

from common.corpora.microproblems.draws import letters, numbers, rows
from common.corpora.microproblems.family import Family, Function, Option, Stdin

ANAGRAMS = Family(
    name="anagram_groups",
    difficulty="interview",
    form=Function(("anagram_groups", "group_words", "letter_groups"), ("words",), "this number"),
    parameters={
        "k": range(2, 5),
        "same": (
            Option("the same letters equally often", "''.join(sorted(word))", "sorted(a) == sorted(b)"),
            Option("the same set of letters, however often", "''.join(sorted(set(word)))", "set(a) == set(b)"),
            Option(
                "the same first letter and the same length", "(word[0], len(word))", "a[0] == b[0] and len(a) == len(b)"
            ),
        ),
        "what": (
            Option(
                "number of groups with $k or more words",
                "sum(size >= $k for size in sizes)",
                "sum(1 for c in counts if c >= $k)",
            ),
            Option(
                "number of words in groups of at most $k words",
                "sum(size for size in sizes if size <= $k)",
                "sum(c for c in counts if c <= $k)",
            ),
            Option(
                "number of words outside of the $k largest groups",
                "sum(sorted(sizes, reverse=True)[$k:])",
                "sum(counts) - sum(sorted(counts)[-$k:])",
            ),
        ),
    },
    wordings=(
        "Two words are in one group if they have $same. For a list of words (small letters; a word may come several "
        "times and counts each time) compute the $what.",
        "$person puts word cards on heaps: cards of one heap have $same. From the list of words work out the $what.",
    ),
    solutions=(
        """
        from collections import Counter

        def $fn(words):
            sizes = Counter($same for word in words).values()
            return $what
        """,
        """
        def $fn(words):
            heads, counts = [], []
            for a in words:
                for i, b in enumerate(heads):
                    if $same_other:
                        counts[i] += 1
                        break
                else:
                    heads.append(a)
                    counts.append(1)
            return $what_other
        """,
    ),
    draw=lambda r, p: [[letters(r, "abe", 1, 3) for _ in range(r.randint(3, 16))]],
    edges=lambda p: [[[]], [["a"]], [["ab", "ba", "aab", "abb", "bab"]], [["ab"] * p.k + ["ac"] * (p.k - 1)]],
)


FEW_KINDS = Family(
    name="few_kinds",
    difficulty="interview",
    form=Function(("longest_part", "longest_piece", "widest_range"), ("text",), "its length"),
    parameters={
        "k": range(1, 9),
        "rule": (
            Option("at most $k different characters", "len(count) <= $k", "len(set(part)) > $k"),
            Option(
                "no character more than $k times", "max(count.values()) <= $k", "any(part.count(c) > $k for c in part)"
            ),
            Option(
                "no vowel (a, e, i, o, u) beyond $k of them in all",
                "sum(count[c] for c in 'aeiou') <= $k",
                "sum(c in 'aeiou' for c in part) > $k",
            ),
        ),
    },
    wordings=(
        "Find the longest stretch of neighbouring characters in a text that contains $rule.",
        "A piece of a text, cut out without gaps, is good if it has $rule. How long is the longest good piece?",
    ),
    solutions=(
        """
        from collections import Counter

        def $fn(text):
            best, start, count = 0, 0, Counter()
            for end, char in enumerate(text):
                count[char] += 1
                while not ($rule):
                    count[text[start]] -= 1
                    if not count[text[start]]:
                        del count[text[start]]
                    start += 1
                best = max(best, end - start + 1)
            return best
        """,
        """
        def $fn(text):
            best = 0
            for start in range(len(text)):
                for end in range(start + 1, len(text) + 1):
                    part = text[start:end]
                    if $rule_other:
                        break
                    best = max(best, len(part))
            return best
        """,
    ),
    draw=lambda r, p: [letters(r, r.choice(("abcdefghijkl", "aeioubcd", "ab", "aaae")), p.k, 4 * p.k + 6)],
    edges=lambda p: [[""], ["a"], ["e" * (p.k + 1)], ["abcdefghijklm" + "a" * p.k]],
)


GAPS = Family(
    name="missing_terms",
    difficulty="introductory",
    form=Function(("missing_terms", "find_missing", "gaps"), ("values",), "the missing numbers in ascending order"),
    parameters={"start": (0, 1, 2, 5, 10), "step": range(1, 7)},
    wordings=(
        "The numbers $start, $start + $step, $start + 2 * $step, ... should all be in a list, up to the largest value "
        "of the list. Find those that are missing. The list may hold other numbers too, in any order; it may be empty.",
        "Seats are numbered from $start in steps of $step. $person knows a list of taken numbers, some of which are "
        "no seats at all. Name all seats that are not in the list and not above its maximum (none for an empty list).",
    ),
    solutions=(
        """
        def $fn(values):
            taken = set(values)
            return [x for x in range($start, max(values, default=$start - 1) + 1, $step) if x not in taken]
        """,
        """
        def $fn(values):
            missing, x = [], $start
            for value in sorted(values):
                while x <= value:
                    if x < value:
                        missing.append(x)
                    x += $step
            return missing
        """,
    ),
    draw=lambda r, p: [[p.start + p.step * x if r.random() < 0.8 else p.start + x for x in numbers(r, 0, 10, 2, 9)]],
    edges=lambda p: [[[]], [[p.start]], [[p.start - 1]], [[p.start + 2 * p.step, p.start]]],
)


IN_HOW_MANY = Family(
    name="in_how_many",
    difficulty="introductory",
    form=Stdin(
        "The first line holds m, the number of lists. Each of the next m lines is a list of integers.",
        "The numbers in one line, separated by blanks, or 'none'.",
    ),
    parameters={
        "k": range(1, 7),
        "compared": (
            Option("exactly", "==", "!="),
            Option("at least", ">=", "<"),
            Option("fewer than", "<", ">="),
        ),
        "order": (Option("ascending", "False", "1"), Option("descending", "True", "-1")),
    },
    where=lambda p: (p.k, p.compared.words) not in ((1, "at least"), (1, "fewer than"), (2, "fewer than")),
    wordings=(
        "Find the numbers that are in $compared $k of the lists (in one or more, in any case) and print them in "
        "$order order. A number that stands in one list twice is in one list.",
        "Several people each name some numbers. Which numbers were named by $compared $k people? Print them $order; a "
        "number that nobody named does not count, and a person naming it twice counts once.",
    ),
    solutions=(
        """
        from collections import Counter
        m = int(input())
        count = Counter(x for _ in range(m) for x in set(map(int, input().split())))
        chosen = sorted((x for x in count if count[x] $compared $k), reverse=$order)
        print(*chosen or ["none"])
        """,
        """
        lists = [[int(x) for x in input().split()] for _ in range(int(input()))]
        chosen = []
        for x in sorted(sum(lists, [])):
            if sum(x in numbers for numbers in lists) $compared_other $k or x in chosen:
                continue
            chosen.append(x)
        print(" ".join(map(str, chosen[::$order_other])) if chosen else "none")
        """,
    ),
    draw=lambda r, p: rows([numbers(r, -3, 9, 1, 9) for _ in range(r.randint(p.k, p.k + 3))]),
    edges=lambda p: [rows([[4]]), rows([[1, 1, 1]] * p.k), rows([[2, 1, 2]] * p.k + [[2]])],
)


FAMILIES = (ANAGRAMS, FEW_KINDS, GAPS, IN_HOW_MANY)
