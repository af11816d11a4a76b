"""Dynamic programming: counting ways, fewest steps."""

from common.corpora.microproblems.draws import grid, lines, rows
from common.corpora.microproblems.family import Family, Function, Option, Stdin

STAIRS = Family(
    name="stairs",
    difficulty="interview",
    form=Function(("climb", "count_ways", "ways_up"), ("n",), "the number of ways"),
    parameters={
        "jumps": ((1, 2), (1, 3), (2, 3), (1, 2, 3), (1, 4), (2, 3, 5), (1, 2, 5), (1, 3, 4)),
        "broken": range(4, 9),
    },
    wordings=(
        "A staircase has n steps (n ≥ 0). Each jump takes one of these numbers of steps: $jumps. The steps whose "
        "number is a multiple of $broken are broken and must not be stepped on, except for the last one, n. In how "
        "many ways can one get from the ground (0) to step n?",
        "A frog at stone 0 wants to reach stone n (n ≥ 0) exactly; it can leap ahead by $jumps stones. Every stone "
        "with a number divisible by $broken is under water (stones 0 and n are dry in any case). Count the sequences "
        "of leaps.",
    ),
    solutions=(
        """
        def $fn(n):
            ways = [1] + [0] * n
            for step in range(1, n + 1):
                if step % $broken or step == n:
                    ways[step] = sum(ways[step - jump] for jump in $jumps if jump <= step)
            return ways[n]
        """,
        """
        from functools import lru_cache

        def $fn(n):
            @lru_cache(None)
            def onward(step):
                if step == n:
                    return 1
                if step > n or step and step % $broken == 0:
                    return 0
                return sum(onward(step + jump) for jump in $jumps)
            return onward(0)
        """,
    ),
    draw=lambda r, p: [r.choice((r.randint(2, 12), r.randint(10, 40)))],
    edges=lambda p: [[0], [1], [p.broken], [2 * p.broken], [p.broken + 1]],
)


FEWEST_COINS = Family(
    name="fewest_coins",
    difficulty="interview",
    form=Stdin("One integer: the amount, 0 or more.", "The number of coins, or '$never'."),
    parameters={
        "coins": (
            (1, 3, 4),
            (1, 5, 7),
            (2, 5),
            (3, 5),
            (3, 7, 8),
            (4, 6, 9),
            (5, 7, 11),
            (1, 6, 10),
            (2, 7, 9),
            (1, 8, 11),
            (4, 7),
            (6, 10, 15),
            (1, 4, 9),
            (3, 8, 10),
        ),
        "never": ("impossible", "-1"),
    },
    wordings=(
        "In a country there are coins of $coins only. With how few coins can an amount be paid exactly, without "
        "change? Print '$never' if it cannot.",
        "$person collects points; each throw gives $coins points (one of these). Find the least number of throws that "
        "gives exactly the wanted total, or print '$never'.",
    ),
    solutions=(
        """
        amount = int(input())
        least = [0] + [None] * amount
        for total in range(1, amount + 1):
            before = [least[total - c] for c in $coins if c <= total and least[total - c] is not None]
            if before:
                least[total] = min(before) + 1
        print($never if least[amount] is None else least[amount])
        """,
        """
        amount = int(input())
        reached, level, count = {0}, {0}, 0
        while level and amount not in reached:
            level = {a + c for a in level for c in $coins if a + c <= amount} - reached
            reached |= level
            count += 1
        print(count if amount in reached else $never)
        """,
    ),
    draw=lambda r, p: lines(r.choice((r.randint(2, 20), r.randint(10, 60), r.randint(60, 300)))),
    edges=lambda p: [lines(0), lines(1), lines(p.coins[-1]), lines(2 * p.coins[1]), lines(p.coins[0] + p.coins[1])],
)


GRID_PATHS = Family(
    name="grid_paths",
    difficulty="interview",
    form=Stdin(
        "The first line holds n, the number of rows. Each of the next n lines is a row of '.' (free) and '$wall' "
        "(wall).",
        "The number of ways modulo $modulus.",
    ),
    parameters={
        "steps": (
            Option("right or down", "((0, 1), (1, 0))"),
            Option("right, down or diagonally (right and down at once)", "((0, 1), (1, 0), (1, 1))"),
            Option("down, or diagonally down to the left or to the right", "((1, 0), (1, -1), (1, 1))"),
            Option("right, or two cells down (the cell between does not matter)", "((0, 1), (2, 0))"),
        ),
        "wall": ("#", "x"),
        "modulus": (7, 100, 1000, 1009),
    },
    wordings=(
        "In how many ways can one go from the upper left to the lower right cell of a grid over free cells, if each "
        "step goes $steps? Print the number modulo $modulus. Walls are marked '$wall', and they may be at both ends.",
        "A robot in the upper left corner moves $steps, and never onto '$wall' or outside. Count its ways to the "
        "lower right corner and print the count modulo $modulus; a wall in one of the two corners means 0 ways.",
    ),
    solutions=(
        """
        rows = [input() for _ in range(int(input()))]
        height, width = len(rows), len(rows[0])
        ways = [[0] * width for _ in rows]
        for i in range(height):
            for j in range(width):
                if rows[i][j] == $wall:
                    continue
                ways[i][j] = int(i == j == 0)
                for di, dj in $steps:
                    if i >= di and 0 <= j - dj < width:
                        ways[i][j] += ways[i - di][j - dj]
        print(ways[-1][-1] % $modulus)
        """,
        """
        rows = [input() for _ in range(int(input()))]
        known = {}

        def ways(i, j):
            if i >= len(rows) or not 0 <= j < len(rows[0]) or rows[i][j] == $wall:
                return 0
            if (i, j) == (len(rows) - 1, len(rows[0]) - 1):
                return 1
            if (i, j) not in known:
                known[i, j] = sum(ways(i + di, j + dj) for di, dj in $steps)
            return known[i, j]

        print(ways(0, 0) % $modulus)
        """,
    ),
    draw=lambda r, p: rows(_free_corners(grid(r, "......" + p.wall, 3, 8))),
    edges=lambda p: [rows(["."]), rows([p.wall]), rows(["." * 3] * 5), rows(["." * 9] * 9)],
)


def _free_corners(cells: list[str]) -> list[str]:
    first, *others = cells
    return ["." + first[1:], *others[:-1], others[-1][:-1] + "."]


FAMILIES = (STAIRS, FEWEST_COINS, GRID_PATHS)
