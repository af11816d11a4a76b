"""Stretches and pairs of a list."""

from random import Random

from common.corpora.microproblems.draws import listing, numbers
from common.corpora.microproblems.family import Family, Function, Option, Stdin

RUNNING_VALUE = Family(
    name="running_value",
    difficulty="introductory",
    form=Function(("running", "running_values", "accumulate_values"), ("values",), "the new list"),
    parameters={
        "what": (
            Option("largest value", "max(part)", "value if start else max(state, value)"),
            Option("smallest value", "min(part)", "value if start else min(state, value)"),
            Option("sum of the values", "sum(part)", "value if start else state + value"),
            Option(
                "number of changes of the value",
                "sum(a != b for a, b in zip(part, part[1:]))",
                "0 if start else state + (value != values[i - 1])",
            ),
        ),
        "k": range(2, 10),
    },
    wordings=(
        "Go through a list of integers from left to right and replace each element by the $what so far. At the index "
        "0 and after every $k elements start afresh: what came before is forgotten.",
        "A list is cut into blocks of $k elements (the last block may be shorter). Within each block every element "
        "becomes the $what from the block's beginning up to it, itself included.",
    ),
    solutions=(
        """
        def $fn(values):
            result = []
            for i in range(len(values)):
                part = values[i - i % $k:i + 1]
                result.append($what)
            return result
        """,
        """
        def $fn(values):
            result = []
            for i, value in enumerate(values):
                start = i % $k == 0
                state = $what_other
                result.append(state)
            return result
        """,
    ),
    draw=lambda r, p: [numbers(r, -5, 5, 2, 3 * p.k)],
    edges=lambda p: [[[]], [[7]], [[1] * (p.k + 1)], [list(range(p.k, -p.k, -1))]],
)


BEST_WINDOW = Family(
    name="best_window",
    difficulty="interview",
    form=Stdin(
        "The first line holds n, the number of values; the second line n integers.",
        "One integer, or 'short' if there are fewer than $k values.",
    ),
    parameters={
        "k": range(2, 10),
        "what": (
            Option("largest sum", "max(map(sum, windows))", "max(sums)"),
            Option("smallest sum", "min(map(sum, windows))", "min(sums)"),
            Option(
                "largest difference between maximum and minimum", "max(max(w) - min(w) for w in windows)", "max(spans)"
            ),
            Option(
                "smallest difference between maximum and minimum", "min(max(w) - min(w) for w in windows)", "min(spans)"
            ),
        ),
    },
    wordings=(
        "Of all stretches of $k neighbouring values find the $what.",
        "$person counts $things every day. Looking at any $k days in a row, what is the $what?",
    ),
    solutions=(
        """
        n = int(input())
        values = list(map(int, input().split()))
        windows = [values[i:i + $k] for i in range(n - $k + 1)]
        print($what if windows else "short")
        """,
        """
        n, values = int(input()), [int(x) for x in input().split()]
        if n < $k:
            print("short")
        else:
            sums, spans = [], []
            total = sum(values[:$k - 1])
            for i in range($k - 1, n):
                total += values[i]
                sums.append(total)
                total -= values[i - $k + 1]
                ordered = sorted(values[i - $k + 1:i + 1])
                spans.append(ordered[-1] - ordered[0])
            print($what_other)
        """,
    ),
    draw=lambda r, p: listing(numbers(r, -9, 20, p.k, p.k + 8)),
    edges=lambda p: [listing([5]), listing([4] * p.k), listing([3] * (p.k - 1)), listing(range(-p.k, p.k))],
)


COUNTED_PAIRS = Family(
    name="counted_pairs",
    difficulty="interview",
    form=Stdin("The first line holds n (n ≥ 1), the second line n integers.", "The number of pairs."),
    parameters={
        "k": range(2, 11),
        "what": (
            Option("their difference is $k or -$k", "abs(a - b) == $k", "(value - $k, value + $k)"),
            Option("their sum is divisible by $k", "(a + b) % $k == 0", "(x for x in seen if (x + value) % $k == 0)"),
            Option(
                "they leave the same remainder when divided by $k",
                "a % $k == b % $k",
                "(x for x in seen if (x - value) % $k == 0)",
            ),
        ),
    },
    wordings=(
        "How many pairs (i, j) with i < j are there in a list so that for the values at i and j holds: $what? (k is "
        "$k.)",
        "$person draws two of the n numbered $things at once. Count the draws for which $what. Equal numbers at "
        "different places are different draws; k = $k.",
    ),
    solutions=(
        """
        n = int(input())
        values = list(map(int, input().split()))
        print(sum(1 for i, a in enumerate(values) for b in values[i + 1:] if $what))
        """,
        """
        from collections import Counter
        input()
        seen, pairs = Counter(), 0
        for value in map(int, input().split()):
            pairs += sum(seen[x] for x in $what_other)
            seen[value] += 1
        print(pairs)
        """,
    ),
    draw=lambda r, p: listing(numbers(r, -12, 25, 2, 12)),
    edges=lambda p: [listing([p.k]), listing([0] * 4), listing([1, 1 + p.k, 1 - p.k, 1])],
)


STEADY_STRETCH = Family(
    name="steady_stretch",
    difficulty="interview",
    form=Stdin("The first line holds n (n ≥ 1), the second line n integers.", "The length of the stretch."),
    parameters={
        "k": range(1, 10),
        "rule": (
            Option("at most $k", "<= $k", "> $k"),
            Option("at least $k", ">= $k", "< $k"),
            Option("exactly $k", "== $k", "!= $k"),
        ),
    },
    wordings=(
        "Find the longest stretch of neighbouring values in which every value differs from the one before it by "
        "$rule. A single value is a stretch of length 1. (The limit is $k.)",
        "$person records the temperature each hour. How long is the longest time, in records, during which it changes "
        "by $rule from one record to the next, up or down? One record alone counts 1; here k = $k.",
    ),
    solutions=(
        """
        n = int(input())
        values = list(map(int, input().split()))
        best = length = 1
        for before, after in zip(values, values[1:]):
            length = length + 1 if abs(after - before) $rule else 1
            best = max(best, length)
        print(best)
        """,
        """
        n = int(input())
        v = [int(x) for x in input().split()]
        cuts = [0] + [i for i in range(1, n) if abs(v[i] - v[i - 1]) $rule_other] + [n]
        print(max(b - a for a, b in zip(cuts, cuts[1:])))
        """,
    ),
    draw=lambda r, p: listing(_walk(r, p.k)),
    edges=lambda p: [listing([0]), listing([0, p.k]), listing([0, -p.k - 1]), listing([5, 5, 5])],
)


def _walk(rng: Random, k: int) -> list[int]:
    values = [0]
    for _ in range(rng.randint(3, 14)):
        values.append(values[-1] + rng.choice((-1, 1)) * rng.choice((k, k, k, k - 1, k + 1, k + 2, 0)))
    return values


FAMILIES = (RUNNING_VALUE, BEST_WINDOW, COUNTED_PAIRS, STEADY_STRETCH)
