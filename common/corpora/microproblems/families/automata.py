"""Cells that live and die."""

from common.corpora.microproblems.draws import grid, numbers, rows
from common.corpora.microproblems.family import Family, Function, Option, Stdin

AUTOMATON = Family(
    name="automaton",
    difficulty="interview",
    form=Function(("evolve", "next_rows", "grow_cells"), ("cells", "steps"), "the row of cells after that"),
    parameters={
        "rule": (18, 22, 26, 30, 45, 54, 60, 73, 90, 94, 105, 106, 110, 122, 126, 146, 150, 154, 182, 62),
        "edge": (
            Option("The row is a circle: its ends are neighbours", "cells[-1:] + cells + cells[:1]", "%"),
            Option("Beyond both ends all cells count as 0", "[0] + cells + [0]", "-"),
        ),
    },
    wordings=(
        "A row of cells holds 0 or 1. In a step each cell looks at its left neighbour, itself and its right "
        "neighbour, reads them as a binary number v from 0 to 7 (left is 4, itself 2, right 1) and becomes the bit of "
        "value 2^v of the number $rule. All cells change at once. $edge. Carry out the given number of steps (0 or "
        "more).",
        "Simulate the elementary cellular automaton with rule $rule (in the usual numbering: bit v of the rule is the "
        "new cell for the neighbourhood v = 4 * left + 2 * middle + right) on a list of 0 and 1. $edge.",
    ),
    solutions=(
        """
        def $fn(cells, steps):
            for _ in range(steps):
                wide = $edge
                cells = [$rule >> (4 * a + 2 * b + c) & 1 for a, b, c in zip(wide, wide[1:], wide[2:])]
            return cells
        """,
        """
        def $fn(cells, steps):
            n, circle = len(cells), "$edge_other" == "%"
            table = [int(bit) for bit in reversed(format($rule, "08b"))]
            for _ in range(steps):
                new = []
                for i in range(n):
                    code = 0
                    for j in (i - 1, i, i + 1):
                        inside = circle or 0 <= j < n
                        code = code * 2 + (cells[j % n] if inside else 0)
                    new.append(table[code])
                cells = new
            return cells
        """,
    ),
    draw=lambda r, p: [numbers(r, 0, 1, 4, 12), r.randint(1, 6)],
    edges=lambda p: [[[1], 0], [[0, 0, 0, 1, 0, 0, 0], 3], [[1, 0, 0, 0, 1], 1], [[1] * 4, 2]],
)


LIFE = Family(
    name="life",
    difficulty="competition",
    form=Stdin(
        "The first line holds the number of generations and n, the number of rows. Each of the next n lines is a row "
        "of '#' (alive) and '.' (dead).",
        "The rows afterwards.",
    ),
    parameters={
        "born": ((2,), (3,), (1, 3), (2, 4), (3, 6), (3, 4)),
        "stay": ((2, 3), (1, 2), (2,), (2, 3, 4), (1, 3, 5), (0, 3, 4)),
    },
    wordings=(
        "Cells on a grid have eight neighbours each, fewer at the border. In a generation a dead cell comes alive if "
        "its number of living neighbours is one of $born; a living cell stays alive if it is one of $stay, else it "
        "dies. All change at once. Print the grid after the given number of generations (0 or more).",
        "$person varies a well-known game: birth with a count of $born living neighbours, survival with $stay (any "
        "number of those lists), death otherwise; neighbours touch at a side or corner, and outside of the grid "
        "nothing lives.",
    ),
    solutions=(
        """
        generations, n = map(int, input().split())
        cells = [input() for _ in range(n)]

        def living(i, j):
            near = [row[max(0, j - 1):j + 2] for row in cells[max(0, i - 1):i + 2]]
            return "".join(near).count("#") - (cells[i][j] == "#")

        for _ in range(generations):
            cells = [
                "".join(
                    "#" if living(i, j) in ($stay if cell == "#" else $born) else "."
                    for j, cell in enumerate(row)
                )
                for i, row in enumerate(cells)
            ]
        print("\\n".join(cells))
        """,
        """
        generations, n = map(int, input().split())
        rows = [input() for _ in range(n)]
        width = len(rows[0])
        alive = {(i, j) for i in range(n) for j in range(width) if rows[i][j] == "#"}
        for _ in range(generations):
            count = {}
            for i, j in alive:
                for a in (i - 1, i, i + 1):
                    for b in (j - 1, j, j + 1):
                        if (a, b) != (i, j) and 0 <= a < n and 0 <= b < width:
                            count[a, b] = count.get((a, b), 0) + 1
            stay = {cell for cell in alive if count.get(cell, 0) in $stay}
            alive = stay | {cell for cell in count if cell not in alive and count[cell] in $born}
        for i in range(n):
            print("".join("#" if (i, j) in alive else "." for j in range(width)))
        """,
    ),
    draw=lambda r, p: rows(grid(r, "#.", 3, 7), r.randint(1, 3)),
    edges=lambda p: [rows(["#"], 1), rows(["."], 2), rows(["#.#", "..."], 0), rows([".....", ".###.", "....."], 1)],
)


FAMILIES = (AUTOMATON, LIFE)
