"""Search for a place, or for the best answer."""

from random import Random

from common.corpora.microproblems.draws import lines, listing, numbers, rows
from common.corpora.microproblems.family import Family, Function, Option, Stdin

NEAR_VALUES = Family(
    name="near_values",
    difficulty="introductory",
    form=Function(("near_values", "count_near", "neighbours_of"), ("values", "x"), "how many these are"),
    parameters={
        "k": range(1, 10),
        "rule": (
            Option(
                "at most $k away from",
                "abs(value - x) <= $k",
                "bisect_right(values, x + $k) - bisect_left(values, x - $k)",
            ),
            Option("more than $k below", "x - value > $k", "bisect_left(values, x - $k)"),
            Option("at least $k above", "value - x >= $k", "len(values) - bisect_left(values, x + $k)"),
        ),
    },
    wordings=(
        "The list `values` is sorted in ascending order. Count the values that are $rule the number x. (k = $k.)",
        "Given an ascending list of heights and a height x: how many heights are $rule x? The limit k is $k.",
    ),
    solutions=(
        """
        def $fn(values, x):
            return sum(1 for value in values if $rule)
        """,
        """
        from bisect import bisect_left, bisect_right

        def $fn(values, x):
            return $rule_other
        """,
    ),
    draw=lambda r, p: [sorted(numbers(r, -10, 20, 4, 16)), r.randint(-5, 15)],
    edges=lambda p: [[[], 0], [[0, p.k, 2 * p.k], p.k], [[-p.k, 0, 0, p.k], 0], [[-p.k - 1, 1, p.k + 1], 0]],
)


CLOSEST_SUM = Family(
    name="closest_sum",
    difficulty="interview",
    form=Function(("closest_pair_sum", "best_pair", "pair_near"), ("values",), "the sum of this pair"),
    parameters={
        "target": range(-6, 30, 2),
        "ties": (Option("smaller", "total", "min"), Option("larger", "-total", "max")),
    },
    wordings=(
        "Choose two elements of a list (at different places) whose sum is as close to $target as can be. If two sums "
        "are equally close, take the $ties one. The list has at least two elements.",
        "$person wants to spend $target on exactly two things from a price list of two or more entries (negative "
        "prices are vouchers). Which total comes nearest to that? Of two equally near totals, choose the $ties.",
    ),
    solutions=(
        """
        from itertools import combinations

        def $fn(values):
            totals = [a + b for a, b in combinations(values, 2)]
            return min(totals, key=lambda total: (abs(total - $target), $ties))
        """,
        """
        def $fn(values):
            ordered = sorted(values)
            left, right = 0, len(ordered) - 1
            best = {}
            while left < right:
                total = ordered[left] + ordered[right]
                best.setdefault(abs(total - $target), set()).add(total)
                if total < $target:
                    left += 1
                else:
                    right -= 1
            return $ties_other(best[min(best)])
        """,
    ),
    draw=lambda r, p: [_spread(r)],
    edges=lambda p: [[[0, p.target]], [[1, 1]], [[0, p.target - 1, p.target + 1]], [[-50, 60, 100, -9]]],
)


def _spread(rng: Random) -> list[int]:
    return [rng.choice((-1, 1, 1)) * value for value in numbers(rng, 0, rng.choice((12, 60)), 2, 8)]


FAIR_PARTS = Family(
    name="fair_parts",
    difficulty="competition",
    form=Stdin(
        "The first line holds n (n ≥ 1), the second line n positive integers.", "The smallest possible maximum."
    ),
    parameters={"k": range(2, 8), "extra": range(5)},
    wordings=(
        "Cut a row of n weights into at most $k stretches of neighbours, none empty. A stretch costs the sum of its "
        "weights plus $extra for each weight in it. Make the cost of the most expensive stretch as small as possible.",
        "$person hands n jobs, in the given order, to at most $k workers, to each a block of neighbouring jobs. A job "
        "takes the given time and $extra minutes for washing hands. When, at the earliest, can all have finished if "
        "they begin together at 0?",
    ),
    solutions=(
        """
        n = int(input())
        costs = [int(x) + $extra for x in input().split()]
        low, high = max(costs), sum(costs)
        while low < high:
            middle = (low + high) // 2
            parts, load = 1, 0
            for cost in costs:
                if load + cost > middle:
                    parts, load = parts + 1, 0
                load += cost
            if parts <= $k:
                high = middle
            else:
                low = middle + 1
        print(low)
        """,
        """
        n = int(input())
        sums = [0]
        for x in input().split():
            sums.append(sums[-1] + int(x) + $extra)
        best = sums[:]
        for _ in range($k - 1):
            best = [min(max(best[j], sums[i] - sums[j]) for j in range(i + 1)) for i in range(n + 1)]
        print(best[n])
        """,
    ),
    draw=lambda r, p: listing(numbers(r, 1, r.choice((5, 30, 1000)), p.k, 14)),
    edges=lambda p: [listing([7]), listing([1] * p.k), listing([1] * (p.k + 1)), listing([1, 2, 3, 4, 50])],
)


TALKS = Family(
    name="most_talks",
    difficulty="competition",
    form=Stdin(
        "The first line holds n (n ≥ 1). Each of the next n lines holds the start and the end of a talk, start < end.",
        "The largest possible number of talks.",
    ),
    parameters={"k": range(10), "shortest": (1, 2, 3)},
    wordings=(
        "How many talks can one person hear from beginning to end, if talks shorter than $shortest are not worth it "
        "and at least $k must lie between the end of one talk and the start of the next?",
        "$person rents out a hall. Bookings that last less than $shortest are refused, and cleaning takes $k between "
        "one booking's end and the next one's start. What is the largest number of bookings that fit?",
    ),
    solutions=(
        """
        talks = [tuple(map(int, input().split())) for _ in range(int(input()))]
        count, free = 0, None
        for start, end in sorted(talks, key=lambda talk: talk[1]):
            if end - start >= $shortest and (free is None or start >= free):
                count += 1
                free = end + $k
        print(count)
        """,
        """
        talks = []
        for _ in range(int(input())):
            start, end = map(int, input().split())
            if end - start >= $shortest:
                talks.append((start, end))
        talks.sort()
        best = [1] * len(talks)
        for i in range(len(talks) - 1, -1, -1):
            for j in range(i + 1, len(talks)):
                if talks[j][0] - talks[i][1] >= $k:
                    best[i] = max(best[i], 1 + best[j])
        print(max(best) if best else 0)
        """,
    ),
    draw=lambda r, p: rows([(s, s + r.randint(1, 6)) for s in numbers(r, 0, 20 + 6 * p.k, 3, 12)]),
    edges=lambda p: [
        lines(1, [0, 1]),
        rows([(0, 4), (4 + p.k, 8 + p.k)]),
        rows([(0, 4), (3 + p.k, 8 + p.k)]),
        rows([(0, p.shortest), (50, 50 + p.shortest - 1 or 51)]) if p.shortest > 1 else rows([(0, 2), (60, 61)]),
    ],
)


FAMILIES = (NEAR_VALUES, CLOSEST_SUM, FAIR_PARTS, TALKS)
