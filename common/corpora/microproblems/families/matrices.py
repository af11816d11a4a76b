"""Tables of numbers."""

from common.corpora.microproblems.draws import matrix, numbers, rows
from common.corpora.microproblems.family import Family, Function, Option, Stdin

PATTERN_SUM = Family(
    name="pattern_sum",
    difficulty="introductory",
    form=Stdin(
        "The first line holds n, the number of rows. Each of the next n lines is a row of integers.", "The $what."
    ),
    parameters={
        "k": range(2, 6),
        "rest": range(4),
        "where": (
            Option("row + column", "i + j"),
            Option("row * column", "i * j"),
            Option("2 * row + column", "2 * i + j"),
        ),
        "what": (
            Option("sum", "sum(chosen)", "total"),
            Option("largest value (0 without any)", "max(chosen, default=0)", "0 if best is None else best"),
        ),
    },
    where=lambda p: p.rest < p.k and (p.k, p.where.code) != (2, "2 * i + j"),
    wordings=(
        "In a table of integers (rows and columns are counted from 0) look at the cells for which ($where) leaves the "
        "remainder $rest when divided by $k. Find the $what of the numbers there.",
        "$person colours every cell of a table whose value of $where, with numbering from 0, is $rest more than a "
        "multiple of $k. Print the $what over the coloured cells.",
    ),
    solutions=(
        """
        table = [list(map(int, input().split())) for _ in range(int(input()))]
        chosen = [x for i, row in enumerate(table) for j, x in enumerate(row) if ($where) % $k == $rest]
        print($what)
        """,
        """
        n = int(input())
        total, best = 0, None
        for i in range(n):
            row = input().split()
            for j in range(len(row)):
                if ($where - $rest) % $k:
                    continue
                x = int(row[j])
                total += x
                if best is None or x > best:
                    best = x
        print($what_other)
        """,
    ),
    draw=lambda r, p: rows(matrix(r, -9, 20, 2, 6)),
    edges=lambda p: [rows([[5]]), rows([[-1, -2], [-3, -4]]), rows([[*range(9)]]), rows([[x] for x in range(7)])],
)


SPIRAL = Family(
    name="spiral",
    difficulty="interview",
    form=Function(("spiral", "unroll", "walk_inwards"), ("table",), "the list of these numbers"),
    parameters={
        "corner": (
            Option("upper left", "table", "0"),
            Option("upper right", "[row[::-1] for row in table]", "1"),
            Option("lower left", "table[::-1]", "2"),
            Option("lower right", "[row[::-1] for row in table[::-1]]", "3"),
        ),
        "first": (Option("along the row", "t", "0"), Option("along the column", "[list(c) for c in zip(*t)]", "1")),
        "k": (1, 2, 3),
    },
    wordings=(
        "Walk over a table of numbers in a spiral: from the $corner corner first $first, then on along the border, "
        "inwards and inwards, until every cell has been met. Note the first number and from then on every ${k}th one "
        "($k = 1: all).",
        "A snail starts in the $corner corner of a rectangular table, sets out $first, turns only where it would "
        "leave the table or meet its own track, and ends inside. List each number whose place on its way (counted "
        "from 0) is a multiple of $k.",
    ),
    solutions=(
        """
        def $fn(table):
            t = $corner
            t = $first
            way = []
            while t:
                way += t[0]
                t = [list(row) for row in zip(*t[1:])][::-1]
            return way[::$k]
        """,
        """
        def $fn(table):
            n, m = len(table), len(table[0])
            i, j = ($corner_other // 2) * (n - 1), ($corner_other % 2) * (m - 1)
            right, down = (0, -1 if $corner_other % 2 else 1), (-1 if $corner_other // 2 else 1, 0)
            one, two = (down, right) if $first_other else (right, down)
            turns = [one, two, (-one[0], -one[1]), (-two[0], -two[1])]
            seen, way, turn = set(), [], 0
            while len(way) < n * m:
                seen.add((i, j))
                way.append(table[i][j])
                for _ in range(2):
                    a, b = i + turns[turn][0], j + turns[turn][1]
                    if 0 <= a < n and 0 <= b < m and (a, b) not in seen:
                        break
                    turn = (turn + 1) % 4
                i, j = a, b
            return [x for place, x in enumerate(way) if place % $k == 0]
        """,
    ),
    draw=lambda r, p: [matrix(r, 0, 99, 2, 5)],
    edges=lambda p: [[[[1]]], [[[1, 2, 3, 4, 5]]], [[[1], [2], [3], [4]]], [[[1, 2, 3], [4, 5, 6], [7, 8, 9]]]],
)


FILTERED_ROWS = Family(
    name="filtered_rows",
    difficulty="introductory",
    form=Stdin(
        "The first line holds n, the number of rows. Each of the next n lines is a row of integers.",
        "The rows, or '$empty'.",
    ),
    parameters={
        "what": (
            Option("the sum is", "sum(row)"),
            Option("the largest value is", "max(row)"),
            Option("the smallest value is", "min(row)"),
            Option("the difference of the largest and the smallest value is", "max(row) - min(row)"),
        ),
        "compared": (Option("above", ">", "<="), Option("below", "<", ">=")),
        "k": (0, 3, 5, 8, 10),
        "empty": ("empty", "none"),
    },
    where=lambda p: p.k > 0 or (p.compared.words == "above") != ("difference" in p.what.words),
    wordings=(
        "From a table remove every row in which $what $compared $k. Print the other rows as they are, in their order, "
        "or '$empty' if no row is left.",
        "$person deletes rows of a table: those where $what $compared $k go. Show the remaining table; if nothing "
        "remains, print '$empty'.",
    ),
    solutions=(
        """
        kept = []
        for _ in range(int(input())):
            row = list(map(int, input().split()))
            if not ($what $compared $k):
                kept.append(" ".join(map(str, row)))
        print("\\n".join(kept) if kept else $empty)
        """,
        """
        some = False
        for _ in range(int(input())):
            line = input()
            row = sorted(int(token) for token in line.split())
            if $what $compared_other $k:
                print(line)
                some = True
        if not some:
            print($empty)
        """,
    ),
    draw=lambda r, p: rows([numbers(r, -4, 12, 3, 3) for _ in range(r.randint(1, 5))]),
    edges=lambda p: [rows([[p.k]]), rows([[p.k + 1]]), rows([[p.k - 1]]), rows([[0, p.k], [0, p.k + 1], [1, p.k]])],
)


VISIBLE = Family(
    name="line_of_sight",
    difficulty="interview",
    form=Function(("visible_cells", "seen", "count_visible"), ("heights",), "the number of such cells"),
    parameters={
        "sides": (
            Option("the left", "'l'"),
            Option("the top", "'t'"),
            Option("the left or the right", "'lr'"),
            Option("the top or the bottom", "'tb'"),
            Option("any of the four sides", "'lrtb'"),
            Option("the right or the bottom", "'rb'"),
        ),
        "k": range(4),
    },
    wordings=(
        "A grid of houses is given by its rows of heights. A house is seen from a side if every house between it and "
        "that side is lower by more than $k (there may be none). Count the houses that can be seen from $sides.",
        "`heights` is a rectangle of numbers, one list a row. A cell is visible from $sides if, looking straight from "
        "there (one such side is enough), all cells before it plus $k are still smaller than it. How many cells are "
        "visible?",
    ),
    solutions=(
        """
        def $fn(heights):
            count = 0
            for i, row in enumerate(heights):
                for j, height in enumerate(row):
                    column = [other[j] for other in heights]
                    before = {"l": row[:j], "r": row[j + 1:], "t": column[:i], "b": column[i + 1:]}
                    count += any(all(x + $k < height for x in before[side]) for side in $sides)
            return count
        """,
        """
        def $fn(heights):
            n, m = len(heights), len(heights[0])
            lines = {
                "l": [[(i, j) for j in range(m)] for i in range(n)],
                "r": [[(i, j) for j in range(m - 1, -1, -1)] for i in range(n)],
                "t": [[(i, j) for i in range(n)] for j in range(m)],
                "b": [[(i, j) for i in range(n - 1, -1, -1)] for j in range(m)],
            }
            seen = set()
            for side in $sides:
                for line in lines[side]:
                    highest = None
                    for i, j in line:
                        if highest is None or heights[i][j] > highest + $k:
                            seen.add((i, j))
                        if highest is None or heights[i][j] > highest:
                            highest = heights[i][j]
            return len(seen)
        """,
    ),
    draw=lambda r, p: [matrix(r, 0, 9, 2, 5)],
    edges=lambda p: [[[[5]]], [[[2] * 3] * 3], [[[0, p.k, p.k + 1, 2 * p.k + 2]]], [[[0], [p.k + 1], [p.k], [0]]]],
)


FAMILIES = (PATTERN_SUM, SPIRAL, FILTERED_ROWS, VISIBLE)
