"""Small programming problems from a seed, in APPS' layout: its stand-in where there is no network, for demo and tests.

Comes in: a seed and how many problems of each family. Goes out: rows as on the Hub, in three splits.

    family.py      what a family of problems is
    families/      the families, by theme: a new one is a record there
    draws.py       random inputs
    run.py         runs a family's own solution to learn the expected outputs
    wording.py     the text of a question
    generate.py    the problems and their splits

May import: common.errors, common.runs, common.corpora.splits.
"""

from common.corpora.microproblems.generate import Microproblems, microproblems

__all__ = ["Microproblems", "microproblems"]
