"""Triangles and polygons with whole coordinates."""

from random import Random

from common.corpora.microproblems.draws import numbers, rows
from common.corpora.microproblems.family import Family, Function, Option, Stdin

POLYGON = Family(
    name="polygon",
    difficulty="competition",
    form=Stdin(
        "The first line holds n (n ≥ 3). Each of the next n lines holds x and y of a corner, both integers. The "
        "corners are given in their order round the polygon, which does not cross itself.",
        "One integer.",
    ),
    parameters={
        "scale": range(1, 9),
        "what": (
            Option("twice the area", "doubled", "2 * inner + border - 2"),
            Option("number of points with whole coordinates on the border", "border", "border"),
            Option(
                "number of points with whole coordinates inside, without the border,",
                "(doubled - border) // 2 + 1",
                "inner",
            ),
        ),
    },
    wordings=(
        "All corners of a polygon are multiplied by $scale. Find the $what of the polygon that results.",
        "$person enlarges a map by the factor $scale, which multiplies all coordinates. A lake on it is a polygon. "
        "Compute the $what of the enlarged lake.",
    ),
    solutions=(
        """
        from math import gcd
        corners = [[$scale * int(v) for v in input().split()] for _ in range(int(input()))]
        doubled = border = 0
        for (x, y), (next_x, next_y) in zip(corners, corners[1:] + corners[:1]):
            doubled += x * next_y - next_x * y
            border += gcd(x - next_x, y - next_y)
        doubled = abs(doubled)
        print($what)
        """,
        """
        corners = [tuple($scale * int(v) for v in input().split()) for _ in range(int(input()))]
        edges = list(zip(corners, corners[1:] + corners[:1]))
        xs, ys = [x for x, y in corners], [y for x, y in corners]
        inner = border = 0
        for px in range(min(xs), max(xs) + 1):
            for py in range(min(ys), max(ys) + 1):
                odd = on = False
                for (ax, ay), (bx, by) in edges:
                    cross = (bx - ax) * (py - ay) - (by - ay) * (px - ax)
                    if cross == 0 and min(ax, bx) <= px <= max(ax, bx) and min(ay, by) <= py <= max(ay, by):
                        on = True
                    if (ay > py) != (by > py) and (cross > 0) == (by > ay):
                        odd = not odd
                border += on
                inner += odd and not on
        print($what_other)
        """,
    ),
    draw=lambda r, p: rows(_polygon(r)),
    edges=lambda p: [
        rows([(0, 0), (1, 0), (0, 1)]),
        rows([(0, 0), (0, 2), (2, 2), (2, 0)]),
        rows([(-1, -1), (2, 0), (0, 3)]),
    ],
)


def _polygon(rng: Random) -> list[tuple[int, int]]:
    """A base from left to right, and above it a line of peaks from right to left: it cannot cross itself."""
    size = rng.randint(2, 5)
    low = rng.randint(-2, 1)
    corners = [(0, low), (size, low)] + [(x, low + rng.randint(1, 5)) for x in range(size, -1, -1)]
    return corners if rng.random() < 0.5 else corners[::-1]


TRIANGLES = Family(
    name="triangles",
    difficulty="interview",
    form=Function(("count_triangles", "triangles", "stick_triangles"), ("sticks",), "their number"),
    parameters={
        "k": range(8, 24),
        "compared": (Option("at most", "<=", ">"), Option("at least", ">=", "<"), Option("exactly", "==", "!=")),
    },
    wordings=(
        "How many different choices of three sticks from a list give a triangle (with an area above 0) whose "
        "perimeter is $compared $k? Sticks at different places of the list are different, even if they are equally "
        "long.",
        "From sticks of the given lengths $person builds triangles, three sticks each, as long as the perimeter is "
        "$compared $k. Count the sets of three places in the list that will do; flat triangles do not.",
    ),
    solutions=(
        """
        from itertools import combinations

        def $fn(sticks):
            count = 0
            for a, b, c in combinations(sorted(sticks), 3):
                count += a + b > c and a + b + c $compared $k
            return count
        """,
        """
        def $fn(sticks):
            count, n = 0, len(sticks)
            for i in range(n):
                for j in range(i):
                    for k in range(j):
                        total = sticks[i] + sticks[j] + sticks[k]
                        longest = max(sticks[i], sticks[j], sticks[k])
                        if total $compared_other $k or 2 * longest >= total:
                            continue
                        count += 1
            return count
        """,
    ),
    draw=lambda r, p: [numbers(r, 1, max(4, p.k // 2 + 1), 4, 11)],
    edges=lambda p: [[[]], [[1, 1, 2]], [[p.k // 3, p.k // 3, p.k - 2 * (p.k // 3)]], [[p.k // 3 + 1] * 4]],
)


FAMILIES = (POLYGON, TRIANGLES)
