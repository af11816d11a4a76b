"""Boards and maps of characters."""

from random import Random

from common.corpora.microproblems.draws import grid, lines, numbers, rows
from common.corpora.microproblems.family import Family, Function, Option, Parameters, Stdin

MINES = Family(
    name="mines",
    difficulty="interview",
    form=Function(("count_mines", "mark_mines", "mine_map"), ("field",), "the new field as a list of texts"),
    parameters={
        "mine": ("*", "#", "x"),
        "near": (
            Option("at most 1 away in each direction (so diagonal ones too)", "max(abs(i - a), abs(j - b)) <= 1"),
            Option("next to it in its row or column", "abs(i - a) + abs(j - b) <= 1"),
            Option("at most 2 away in each direction", "max(abs(i - a), abs(j - b)) <= 2"),
            Option("anywhere in its row or column", "i == a or j == b"),
        ),
        "none": (".", "0", "-"),
    },
    wordings=(
        "`field` is a list of texts of equal length; '$mine' is a mine and '.' is free. Replace every free cell by "
        "the number of mines that are $near, or by '$none' if there is none. Mines stay. (No number is above 9; "
        "fields are small.)",
        "On a map each '$mine' is a hole, each '.' is ground. For every cell of ground count the holes that are $near "
        "and write the digit there, but '$none' in place of 0. No count is above 9.",
    ),
    solutions=(
        """
        def $fn(field):
            holes = [(a, b) for a, row in enumerate(field) for b, cell in enumerate(row) if cell == $mine]
            result = []
            for i, row in enumerate(field):
                text = ""
                for j, cell in enumerate(row):
                    count = sum(1 for a, b in holes if $near)
                    text += cell if cell == $mine else str(count) if count else $none
                result.append(text)
            return result
        """,
        """
        def $fn(field):
            counts = [[0] * len(row) for row in field]
            for a in range(len(field)):
                for b in range(len(field[0])):
                    if field[a][b] != $mine:
                        continue
                    for i in range(len(field)):
                        for j in range(len(field[0])):
                            counts[i][j] += bool($near)
            for i, row in enumerate(field):
                counts[i] = "".join(cell if cell != "." else str(n or $none) for cell, n in zip(row, counts[i]))
            return counts
        """,
    ),
    draw=lambda r, p: [grid(r, "..." + p.mine, 2, 5)],
    edges=lambda p: [[["."]], [[p.mine]], [["..", ".."]], [["." * 5, f"..{p.mine}..", "." * 5]]],
)


TILTED = Family(
    name="tilted_board",
    difficulty="interview",
    form=Function(("tilt", "slide", "tip_board"), ("board",), "the board afterwards, as a list of texts"),
    parameters={
        "way": (
            Option("to the left", "board", "0"),
            Option("to the right", "[row[::-1] for row in board]", "1"),
            Option("up", "[''.join(c) for c in zip(*board)]", "2"),
            Option("down", "[''.join(c) for c in zip(*board[::-1])]", "3"),
        ),
        "ball": ("o", "O", "@"),
        "wall": ("#", "|"),
        "sticky": (
            Option("Balls stop where they touch a wall, the edge or another ball", "n"),
            Option(
                "At most one ball finds room in each stretch between walls: of several only one is left", "min(n, 1)"
            ),
        ),
    },
    wordings=(
        "A board is a list of texts of equal length with balls '$ball', walls '$wall' and empty cells '.'. It is "
        "tilted $way, and all balls roll that way as far as they can; walls stay. $sticky.",
        "Gravity on $person's board acts $way. '$ball' are balls that roll, '$wall' are fixed, '.' is air. $sticky. "
        "What does the board look like when nothing moves any more?",
    ),
    solutions=(
        """
        def $fn(board):
            turned = $way
            rolled = []
            for line in turned:
                parts = []
                for part in line.split($wall):
                    n = part.count($ball)
                    n = $sticky
                    parts.append($ball * n + "." * (len(part) - n))
                rolled.append($wall.join(parts))
            board = rolled
            if $way_other < 2:
                return $way
            columns = ["".join(c) for c in zip(*board)]
            return columns if $way_other == 2 else columns[::-1]
        """,
        """
        def $fn(board):
            cells = [list(row) for row in board]
            n, m = len(cells), len(cells[0])
            di, dj = ((0, -1), (0, 1), (-1, 0), (1, 0))[$way_other]
            single = (lambda n: $sticky)(2) == 1
            moved = True
            while moved:
                moved = False
                for i in range(n):
                    for j in range(m):
                        a, b = i + di, j + dj
                        if cells[i][j] != $ball or not (0 <= a < n and 0 <= b < m):
                            continue
                        if cells[a][b] == ".":
                            cells[a][b] = $ball
                        elif not (single and cells[a][b] == $ball):
                            continue
                        cells[i][j] = "."
                        moved = True
            return ["".join(row) for row in cells]
        """,
    ),
    draw=lambda r, p: [_board(r, p.ball, p.wall)],
    edges=lambda p: [
        [["."]],
        [[p.ball]],
        [[p.wall + "." + p.ball + p.ball + "." + p.wall]],
        [[".", p.ball, ".", p.wall]],
    ],
)


def _board(rng: Random, ball: str, wall: str) -> list[str]:
    return grid(rng, "..." + ball * 2 + wall, 2, 6)


REGIONS = Family(
    name="regions",
    difficulty="interview",
    form=Stdin(
        "The first line holds n, the number of rows. Each of the next n lines is a row of '$land' and '.'.",
        "One integer.",
    ),
    parameters={
        "land": ("#", "o", "x"),
        "near": (
            Option("by a side", "((0, 1), (1, 0), (0, -1), (-1, 0))", "abs(a - c) + abs(b - d) == 1"),
            Option(
                "by a side or a corner",
                "[(a, b) for a in (-1, 0, 1) for b in (-1, 0, 1) if a or b]",
                "max(abs(a - c), abs(b - d)) == 1",
            ),
        ),
        "what": (
            Option("number of islands", "len(sizes)"),
            Option("size of the largest island (0 without land)", "max(sizes, default=0)"),
            Option("number of islands with 3 or more cells", "sum(size >= 3 for size in sizes)"),
            Option("number of cells in islands of 1 or 2 cells", "sum(size for size in sizes if size < 3)"),
        ),
    },
    wordings=(
        "On a map '$land' is land and '.' is water. Land cells that touch $near belong to one island. Find the $what.",
        "$person looks at a picture of '$land' on '.'. Cells '$land' are connected if they touch $near, and connected "
        "cells make an island. Print the $what.",
    ),
    solutions=(
        """
        rows = [input() for _ in range(int(input()))]
        open_cells = {(i, j) for i, row in enumerate(rows) for j, cell in enumerate(row) if cell == $land}
        sizes = []
        while open_cells:
            stack, size = [open_cells.pop()], 0
            while stack:
                i, j = stack.pop()
                size += 1
                for di, dj in $near:
                    if (i + di, j + dj) in open_cells:
                        open_cells.remove((i + di, j + dj))
                        stack.append((i + di, j + dj))
            sizes.append(size)
        print($what)
        """,
        """
        rows = [input() for _ in range(int(input()))]
        cells = [(i, j) for i in range(len(rows)) for j in range(len(rows[0])) if rows[i][j] == $land]
        group = {cell: number for number, cell in enumerate(cells)}
        for a, b in cells:
            for c, d in cells:
                if $near_other and group[a, b] != group[c, d]:
                    old, new = group[a, b], group[c, d]
                    for cell in cells:
                        if group[cell] == old:
                            group[cell] = new
        numbers = list(group.values())
        sizes = [numbers.count(number) for number in set(numbers)]
        print($what)
        """,
    ),
    draw=lambda r, p: rows(grid(r, r.choice(("..", ".", "...")) + p.land, 3, 7)),
    edges=lambda p: [rows(["."]), rows([p.land]), rows([p.land + ".", "." + p.land]), rows([p.land * 4] * 2)],
)


LEAPER = Family(
    name="leaper",
    difficulty="competition",
    form=Stdin(
        "One line with five integers: the size n of the board, then row and column of the start and of the aim, from "
        "1.",
        "The number of moves, or '$never'.",
    ),
    parameters={
        "a": (0, 1, 2, 3),
        "b": (1, 2, 3, 4),
        "king": (
            Option("It has no other moves", "0"),
            Option("It may also go to a cell beside it in its row or column", "1"),
        ),
        "never": ("never", "-1"),
    },
    where=lambda p: p.a <= p.b and not (p.king.code == "1" and (p.a, p.b) == (0, 1)),
    wordings=(
        "A piece on an n by n board moves $a cells in one direction and $b cells at a right angle to it (either of "
        "the two may be along the row, and to both sides). $king. With how few moves does it get from the start to "
        "the aim? Print '$never' if it cannot. It must not leave the board.",
        "$person invents a knight that leaps by ($a, $b) or ($b, $a), with any signs, and stays on the board of n by "
        "n cells. $king. Print the length of its shortest way, or '$never' if there is none.",
    ),
    solutions=(
        """
        from collections import deque
        n, i, j, x, y = map(int, input().split())
        leaps = {(s * p, t * q) for p, q in (($a, $b), ($b, $a)) for s in (1, -1) for t in (1, -1)}
        if $king:
            leaps |= {(0, 1), (0, -1), (1, 0), (-1, 0)}
        far, queue = {(i, j): 0}, deque([(i, j)])
        while queue:
            cell = queue.popleft()
            for di, dj in leaps:
                new = cell[0] + di, cell[1] + dj
                if new not in far and 1 <= new[0] <= n and 1 <= new[1] <= n:
                    far[new] = far[cell] + 1
                    queue.append(new)
        print(far.get((x, y), $never))
        """,
        """
        n, i, j, x, y = map(int, input().split())
        now, reached, moves = {(i, j)}, {(i, j)}, 0
        while now and (x, y) not in reached:
            new = set()
            for r in range(1, n + 1):
                for c in range(1, n + 1):
                    for p, q in now:
                        steps = sorted((abs(r - p), abs(c - q)))
                        if steps == [$a, $b] or $king and steps == [0, 1]:
                            new.add((r, c))
            now = new - reached
            reached |= new
            moves += 1
        print(moves if (x, y) in reached else $never)
        """,
    ),
    draw=lambda r, p: _leap(r, p),
    edges=lambda p: [lines([1, 1, 1, 1, 1]), lines([p.b + 1, 1, 1, p.a + 1, p.b + 1]), lines([8, 1, 1, 8, 8])],
)


def _leap(rng: Random, parameters: Parameters) -> str:
    size = rng.randint(max(3, parameters.b), 9)
    return lines([size, *numbers(rng, 1, size, 4, 4)])


FAMILIES = (MINES, TILTED, REGIONS, LEAPER)
