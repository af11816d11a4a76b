"""The families of problems, a module a theme. Every record is complete in itself; tests check each of them."""

from common.corpora.microproblems.families import (
    arithmetic,
    automata,
    bits,
    boards,
    choices,
    counting,
    dates,
    divisibility,
    geometry,
    graphs,
    lists,
    matrices,
    notation,
    parsing,
    polygons,
    searching,
    sets,
    simulation,
    sorting,
    strings,
    ways,
    windows,
    words,
)
from common.corpora.microproblems.family import Family

THEMES = (
    arithmetic, automata, bits, boards, choices, counting, dates, divisibility, geometry, graphs, lists, matrices,
    notation, parsing, polygons, searching, sets, simulation, sorting, strings, ways, windows, words,
)  # fmt: skip
FAMILIES: tuple[Family, ...] = tuple(family for theme in THEMES for family in theme.FAMILIES)
