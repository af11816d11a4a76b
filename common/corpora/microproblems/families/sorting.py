"""Orders, ranks and intervals."""

from common.corpora.microproblems.draws import VOCABULARY, numbers, rows
from common.corpora.microproblems.family import Family, Function, Option, Stdin

SPECIAL_ORDER = Family(
    name="special_order",
    difficulty="introductory",
    form=Function(("special_sort", "arrange", "sort_values"), ("values",), "the sorted list"),
    parameters={
        "k": range(2, 10),
        "key": (
            Option("the remainder when they are divided by $k", "x % $k"),
            Option("their distance from $k", "abs(x - $k)"),
            Option("how often $k goes into them (rounded down)", "x // $k"),
        ),
        "ties": (Option("smaller", "x", "<"), Option("larger", "-x", ">")),
    },
    wordings=(
        "Sort non-negative integers by $key, in ascending order. Among those that are equal in this the $ties comes "
        "first. (k = $k.)",
        "$person puts numbered $things in a row by $key, the least first; if two are level, the $ties number stands "
        "further left. Here k is $k and no number is negative.",
    ),
    solutions=(
        """
        def $fn(values):
            return sorted(values, key=lambda x: ($key, $ties))
        """,
        """
        def $fn(values):
            result = list(values)
            rank = [(lambda x: $key)(x) for x in result]
            for end in range(len(result) - 1, 0, -1):
                for i in range(end):
                    a, b = result[i], result[i + 1]
                    if rank[i] > rank[i + 1] or rank[i] == rank[i + 1] and b $ties_other a:
                        result[i], result[i + 1] = b, a
                        rank[i], rank[i + 1] = rank[i + 1], rank[i]
            return result
        """,
    ),
    draw=lambda r, p: [numbers(r, 0, 5 * p.k, 3, 10)],
    edges=lambda p: [[[]], [[p.k]], [[0, 2 * p.k, p.k, 1]], [[p.k + 2, p.k - 2, 3, 3]]],
)


RANKS = Family(
    name="ranks",
    difficulty="interview",
    form=Stdin(
        "The first line holds n (n ≥ 1). Each of the next n lines holds a name and a whole number of points.",
        "A line for each of them: rank and name.",
    ),
    parameters={
        "k": range(1, 7),
        "first": (Option("most", "-points", ">"), Option("fewest", "points", "<")),
        "rule": (
            Option("the next different result gets the rank that its place in the list has", "place", "len(better)"),
            Option("the next different result gets the next rank", "rank + 1", "len(set(better))"),
        ),
    },
    wordings=(
        "Results of a race: whoever has the $first points is first. Equal points share one rank, and $rule. Print "
        "everybody with rank $k or better, by rank and, within a rank, by name.",
        "$person writes the table of a contest, where the $first points win. Those with equal points have the same "
        "rank; $rule. List the ranks up to $k, each with all its names in alphabetical order.",
    ),
    solutions=(
        """
        people = []
        for _ in range(int(input())):
            name, points = input().split()
            points = int(points)
            people.append(($first, name))
        rank, before = 0, None
        for place, (points, name) in enumerate(sorted(people), 1):
            if points != before:
                rank, before = $rule, points
            if rank <= $k:
                print(rank, name)
        """,
        """
        table = {}
        for _ in range(int(input())):
            name, points = input().split()
            table[name] = int(points)
        listed = []
        for name in table:
            better = [points for points in table.values() if points $first_other table[name]]
            rank = 1 + $rule_other
            if rank <= $k:
                listed.append((rank, name))
        for rank, name in sorted(listed):
            print(rank, name)
        """,
    ),
    draw=lambda r, p: rows([(name, r.randint(1, p.k + 2)) for name in r.sample(VOCABULARY, r.randint(3, 10))]),
    edges=lambda p: [
        rows([("solo", 0)]),
        rows([("d", 1), ("c", 1), ("b", 1), ("a", 1)]),
        rows([("e", 5), ("d", 5), ("c", 4), ("b", 3), ("a", 3), ("f", 1), ("g", 1)]),
    ],
)


MERGED_INTERVALS = Family(
    name="merged_intervals",
    difficulty="interview",
    form=Stdin(
        "The first line holds n (n ≥ 1). Each of the next n lines holds the start and the end of an interval, start < "
        "end.",
        "One integer.",
    ),
    parameters={
        "k": range(8),
        "what": (
            Option("total length of the intervals that result", "sum(b - a for a, b in merged)", "sum(lengths)"),
            Option("number of intervals that result", "len(merged)", "len(lengths)"),
            Option("length of the longest interval that results", "max(b - a for a, b in merged)", "max(lengths)"),
        ),
    },
    wordings=(
        "Intervals that overlap, touch or leave a gap of $k or less are merged into one (which covers the gap too), "
        "as long as there are any. Find the $what.",
        "$person's shifts are written as start and end. Breaks of up to $k between shifts are not counted as breaks, "
        "so that such shifts melt into one; overlapping shifts do so anyway. Work out the $what.",
    ),
    solutions=(
        """
        merged = []
        for start, end in sorted(tuple(map(int, input().split())) for _ in range(int(input()))):
            if merged and start - merged[-1][1] <= $k:
                merged[-1][1] = max(merged[-1][1], end)
            else:
                merged.append([start, end])
        print($what)
        """,
        """
        parts = [list(map(int, input().split())) for _ in range(int(input()))]
        changed = True
        while changed:
            changed = False
            for one in parts:
                for other in parts:
                    if one is not other and one[0] <= other[1] + $k and other[0] <= one[1] + $k:
                        one[0], one[1] = min(one[0], other[0]), max(one[1], other[1])
                        parts = [part for part in parts if part is not other]
                        changed = True
                        break
                if changed:
                    break
        lengths = [end - start for start, end in parts]
        print($what_other)
        """,
    ),
    draw=lambda r, p: rows([(s, s + r.randint(1, 8)) for s in numbers(r, -20, 50, 2, 8)]),
    edges=lambda p: [
        rows([(0, 1)]),
        rows([(0, 5), (5 + p.k, 6 + p.k)]),
        rows([(6 + p.k, 9 + p.k), (0, 5)]),
        rows([(0, 30), (4, 6), (10, 12)]),
    ],
)


FAMILIES = (SPECIAL_ORDER, RANKS, MERGED_INTERVALS)
