"""Structured text: settings, tables, versions."""

from random import Random

from common.corpora.microproblems.draws import lines, numbers
from common.corpora.microproblems.family import Family, Function, Option, Parameters, Stdin

SETTINGS = Family(
    name="settings",
    difficulty="introductory",
    form=Stdin("One line with one or more entries.", "One integer."),
    parameters={
        "between": (";", ",", "&", "|"),
        "assign": ("=", ":", "->"),
        "twice": (
            Option("only the last one counts", "values[name] = number", "dict(pairs)"),
            Option("only the first one counts", "values.setdefault(name, number)", "dict(pairs[::-1])"),
            Option(
                "they are added up",
                "values[name] = values.get(name, 0) + number",
                "{n: sum(v for m, v in pairs if m == n) for n, _ in pairs}",
            ),
        ),
        "what": (Option("sum", "sum", "sum"), Option("largest", "max", "max")),
    },
    wordings=(
        "A line holds settings such as a${assign}3${between}size${assign}-12: entries separated by '$between', each a "
        "name, '$assign' and an integer. If a name comes more than once, $twice. Print the $what of the values of all "
        "names.",
        "Parse a line of entries name${assign}number, with '$between' from one entry to the next. Several entries of "
        "one name: $twice. What is the $what of the values that the names have then?",
    ),
    solutions=(
        """
        values = {}
        for entry in input().split($between):
            name, number = entry.split($assign)
            number = int(number)
            $twice
        print($what(values.values()))
        """,
        """
        pairs = []
        for entry in input().split($between):
            name, _, number = entry.partition($assign)
            pairs.append((name, int(number)))
        values = $twice_other
        result = None
        for name in values:
            result = values[name] if result is None else $what_other((result, values[name]))
        print(result)
        """,
    ),
    draw=lambda r, p: lines(
        p.between.join(f"{r.choice(('a', 'b', 'size', 'x'))}{p.assign}{x}" for x in numbers(r, -20, 30, 2, 7))
    ),
    edges=lambda p: [
        lines(f"n{p.assign}0"),
        lines(f"n{p.assign}-5{p.between}n{p.assign}-7"),
        lines(f"n{p.assign}9{p.between}m{p.assign}2{p.between}n{p.assign}1"),
    ],
)


TABLE_COLUMN = Family(
    name="table_column",
    difficulty="interview",
    form=Function(("column_value", "evaluate_column", "summarise"), ("table",), "the $what"),
    parameters={
        "mark": (",", ";", "|", "\t"),
        "column": (1, 2, 3),
        "what": (
            Option("sum", "sum(cells)", "total"),
            Option("largest cell (0 without cells)", "max(cells, default=0)", "largest or 0"),
            Option("number of different cells", "len(set(cells))", "len(seen)"),
            Option(
                "number of cells above the mean of all of them",
                "sum(x * len(cells) > sum(cells) for x in cells)",
                "sum(1 for x in read if x > total / len(read))",
            ),
        ),
    },
    where=lambda p: p.mark != "\t",
    wordings=(
        "`table` is a text of several lines. The first line holds the titles; each other line has cells separated by "
        "'$mark'. Take column $column (the first is 1) as integers and determine the $what. Lines with too few cells, "
        "and cells that are empty or blank, are passed over.",
        "A file, given as one text, has a title line and then rows with '$mark' between the cells. Of the integers in "
        "column $column, counted from 1, compute the $what. Skip rows that are too short and cells with nothing but "
        "blanks.",
    ),
    solutions=(
        """
        def $fn(table):
            rows = [line.split($mark) for line in table.split("\\n")[1:]]
            cells = [int(row[$column - 1]) for row in rows if len(row) >= $column and row[$column - 1].strip()]
            return $what
        """,
        """
        import csv

        def $fn(table):
            read, seen, total, largest = [], set(), 0, None
            for number, row in enumerate(csv.reader(table.splitlines(), delimiter=$mark)):
                if number == 0:
                    continue
                try:
                    x = int(row[$column - 1])
                except (IndexError, ValueError):
                    continue
                read.append(x)
                seen.add(x)
                total += x
                largest = x if largest is None else max(x, largest)
            return $what_other
        """,
    ),
    draw=lambda r, p: [_table(r, p)],
    edges=lambda p: [["a"], [p.mark.join("abc") + "\n" + p.mark.join("123")], ["t\n5\n\n-5\n" + p.mark * 3]],
)


def _table(rng: Random, parameters: Parameters) -> str:
    table = [parameters.mark.join(("id", "size", "count"))]
    for _ in range(rng.randint(2, 6)):
        cells = [
            rng.choice(("", " ", " 7", *map(str, numbers(rng, -9, 40, 9, 9)))) for _ in range(rng.choice((2, 3, 3, 3)))
        ]
        table.append(parameters.mark.join(cells))
    return "\n".join(table)


VERSIONS = Family(
    name="versions",
    difficulty="introductory",
    form=Function(("compare_versions", "newer", "order_versions"), ("first", "second"), "one of these texts"),
    parameters={
        "mark": (".", "-", "_", "/"),
        "parts": (
            Option("count as 0", "a != b", "max(len(a), len(b))"),
            Option(
                "are not compared: only as many parts count as the shorter version has", "a != b", "min(len(a), len(b))"
            ),
        ),
        "answers": (("older", "equal", "newer"), ("<", "=", ">"), ("before", "same", "after")),
    },
    wordings=(
        "Compare two versions: numbers separated by '$mark', compared as numbers part by part from the left. Parts "
        "that one of them lacks $parts. Say how the first is related to the second, with one of the texts: $answers "
        "(in the order smaller, the same, larger).",
        "Versions such as 1${mark}10${mark}2 have to be put in order; each part is a number, and the first difference "
        "decides. Missing parts $parts. The answer is, for a first version that is lower, equal or higher: $answers.",
    ),
    solutions=(
        """
        def $fn(first, second):
            a = [int(part) for part in first.split($mark)]
            b = [int(part) for part in second.split($mark)]
            size = $parts_other
            a = (a + [0] * size)[:size]
            b = (b + [0] * size)[:size]
            return $answers[(a > b) - (a < b) + 1]
        """,
        """
        def $fn(first, second):
            lower, same, higher = $answers
            a, b = first.split($mark), second.split($mark)
            for i in range($parts_other):
                x = int(a[i]) if i < len(a) else 0
                y = int(b[i]) if i < len(b) else 0
                if x < y:
                    return lower
                if x > y:
                    return higher
            return same
        """,
    ),
    draw=lambda r, p: _versions(r, p.mark),
    edges=lambda p: [
        ["1", "1"],
        [f"1{p.mark}0", "1"],
        [f"2{p.mark}10", f"2{p.mark}9"],
        ["3", f"3{p.mark}0{p.mark}1"],
        [f"03{p.mark}7", f"3{p.mark}07"],
    ],
)


def _versions(rng: Random, mark: str) -> list[str]:
    first = numbers(rng, 0, 12, 1, 4)
    second = (
        first[: rng.randint(1, len(first))] + numbers(rng, 0, 2, 0, 1)
        if rng.random() < 0.6
        else numbers(rng, 0, 12, 1, 4)
    )
    pair = [mark.join(map(str, parts)) for parts in (first, second)]
    return pair if rng.random() < 0.5 else pair[::-1]


FAMILIES = (SETTINGS, TABLE_COLUMN, VERSIONS)
