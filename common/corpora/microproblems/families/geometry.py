"""Points and rectangles with whole coordinates."""

from random import Random

from common.corpora.microproblems.draws import rows
from common.corpora.microproblems.family import Family, Function, Option, Stdin

NEAR_POINTS = Family(
    name="near_points",
    difficulty="introductory",
    form=Stdin(
        "The first line holds n (n ≥ 1). Each of the next n lines holds x and y of a point, both integers.",
        "The number of points.",
    ),
    parameters={
        "k": range(2, 10),
        "measure": (
            Option("|dx| + |dy|", "abs(dx) + abs(dy) <= $k", "sum((dx, -dx)[dx < 0] + (dy, -dy)[dy < 0] <= $k"),
            Option("max(|dx|, |dy|)", "max(abs(dx), abs(dy)) <= $k", "sum(-$k <= dx <= $k and -$k <= dy <= $k"),
            Option(
                "the length of the straight line",
                "dx * dx + dy * dy <= $k * $k",
                "sum(dx * dx <= ($k - dy) * ($k + dy)",
            ),
        ),
        "centre": ((0, 0), (1, 2), (-3, 4)),
    },
    wordings=(
        "The distance of two points that differ by dx and dy is $measure here. How many of the given points are at a "
        "distance of at most $k from the point ($centre)?",
        "A lamp at ($centre) lights everything within the distance $k, where distance means $measure with the "
        "differences dx and dy of the coordinates. Count the points with light; the same point given twice counts "
        "twice.",
    ),
    solutions=(
        """
        count = 0
        for _ in range(int(input())):
            x, y = map(int, input().split())
            dx, dy = x - $centre[0], y - $centre[1]
            if $measure:
                count += 1
        print(count)
        """,
        """
        import sys
        values = list(map(int, sys.stdin.read().split()))[1:]
        cx, cy = $centre
        pairs = zip(values[::2], values[1::2])
        print($measure_other for dx, dy in ((x - cx, y - cy) for x, y in pairs)))
        """,
    ),
    draw=lambda r, p: rows(
        [
            (p.centre[0] + r.randint(-p.k - 1, p.k + 1), p.centre[1] + r.randint(-p.k - 1, p.k + 1))
            for _ in range(r.randint(3, 12))
        ]
    ),
    edges=lambda p: [
        rows([p.centre]),
        rows([(p.centre[0] + p.k, p.centre[1])]),
        rows([(p.centre[0] + p.k, p.centre[1] - 1), (p.centre[0] + p.k, p.centre[1] + p.k), (p.k + 90, 0)]),
    ],
)


GROWN_RECTANGLES = Family(
    name="grown_rectangles",
    difficulty="interview",
    form=Function(("shared_area", "common_part", "overlap"), ("first", "second"), "the $what of the common part"),
    parameters={
        "k": range(8),
        "what": (
            Option("area", "width * height", "len(xs) * len(ys)"),
            Option("perimeter", "2 * (width + height)", "2 * (len(xs) + len(ys))"),
            Option("longer side", "max(width, height)", "max(len(xs), len(ys))"),
        ),
    },
    wordings=(
        "Two rectangles are given as [x1, y1, x2, y2] with x1 < x2 and y1 < y2, their sides parallel to the axes. The "
        "first one is made larger by $k on each of its four sides. Find the part that it then shares with the second, "
        "and of it the $what; if they share no area, the result is 0.",
        "A garden and a field are rectangles [left, bottom, right, top]. Around the garden (the first) runs a path $k "
        "wide, corners included, which belongs to it. What is the $what of the part that garden and field have in "
        "common (0 if its area is 0)?",
    ),
    solutions=(
        """
        def $fn(first, second):
            left, bottom = max(first[0] - $k, second[0]), max(first[1] - $k, second[1])
            right, top = min(first[2] + $k, second[2]), min(first[3] + $k, second[3])
            width, height = right - left, top - bottom
            return $what if width > 0 and height > 0 else 0
        """,
        """
        def $fn(first, second):
            xs = set(range(first[0] - $k, first[2] + $k)) & set(range(second[0], second[2]))
            ys = set(range(first[1] - $k, first[3] + $k)) & set(range(second[1], second[3]))
            return $what_other if xs and ys else 0
        """,
    ),
    draw=lambda r, p: [_rectangle(r, 0, 6), _rectangle(r, -p.k, 8 + p.k)],
    edges=lambda p: [
        [[0, 0, 1, 1], [0, 0, 1, 1]],
        [[0, 0, 2, 2], [2 + p.k, 0, 5 + p.k, 2]],
        [[0, 0, 2, 2], [1 + p.k, -p.k - 3, 9 + p.k, 2]],
        [[0, 0, 9, 9], [3, 4, 5, 5]],
    ],
)


def _rectangle(rng: Random, low: int, high: int) -> list[int]:
    x, y = rng.randint(low, high), rng.randint(low, high)
    return [x, y, x + rng.randint(1, 9), y + rng.randint(1, 9)]


COVERED_CELLS = Family(
    name="covered_cells",
    difficulty="interview",
    form=Stdin(
        "The first line holds n (n ≥ 1). Each of the next n lines holds x1 y1 x2 y2 of a rectangle, x1 < x2, y1 < y2.",
        "The number of cells.",
    ),
    parameters={
        "k": range(1, 5),
        "compared": (Option("exactly", "==", "!="), Option("at least", ">=", "<")),
        "skip": (
            Option("all cells", "True", "False"),
            Option("only the cells with an even x + y", "(x + y) % 2 == 0", "(x - y) % 2"),
            Option("only the cells with x ≥ 0", "x >= 0", "x < 0"),
            Option(
                "only the cells that lie on one of the diagonals x = y and x = -y", "x * x == y * y", "abs(x) != abs(y)"
            ),
        ),
    },
    wordings=(
        "A rectangle covers the unit cells (x, y) with x1 ≤ x < x2 and y1 ≤ y < y2. How many cells are covered by "
        "$compared $k of the rectangles? Count $skip.",
        "$person lays n rectangular carpets on a floor of unit cells; a carpet covers the cells with x1 ≤ x < x2 and "
        "y1 ≤ y < y2. Find the number of cells on which $compared $k carpets lie, counting $skip.",
    ),
    solutions=(
        """
        from collections import Counter
        cover = Counter()
        for _ in range(int(input())):
            x1, y1, x2, y2 = map(int, input().split())
            cover.update((x, y) for x in range(x1, x2) for y in range(y1, y2))
        print(sum(1 for (x, y), times in cover.items() if times $compared $k and $skip))
        """,
        """
        carpets = [list(map(int, input().split())) for _ in range(int(input()))]
        cells = 0
        for x in range(min(c[0] for c in carpets), max(c[2] for c in carpets)):
            for y in range(min(c[1] for c in carpets), max(c[3] for c in carpets)):
                if $skip_other:
                    continue
                times = sum(c[0] <= x < c[2] and c[1] <= y < c[3] for c in carpets)
                if times $compared_other $k:
                    continue
                cells += 1
        print(cells)
        """,
    ),
    draw=lambda r, p: rows([_rectangle(r, -4, 2) for _ in range(r.randint(p.k, p.k + 3))]),
    edges=lambda p: [rows([(0, 0, 1, 1)]), rows([(-2, -2, 2, 2)] * p.k), rows([(-3, -2, 3, 2)] * (p.k + 1))],
)


FAMILIES = (NEAR_POINTS, GROWN_RECTANGLES, COVERED_CELLS)
