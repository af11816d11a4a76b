"""What a family of problems is: one record, from which any number of problems are drawn."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from random import Random
from string import Template
from types import SimpleNamespace
from typing import Any, Literal

Difficulty = Literal["introductory", "interview", "competition"]
Parameters = SimpleNamespace


@dataclass(frozen=True)
class Option:
    """A parameter that is a piece of program: what the question calls it and what the solutions write.

    All three may name the other parameters.
    """

    words: str
    code: str
    other: str = ""
    """What the second solution writes, as `$NAME_other`, where it goes another way."""


@dataclass(frozen=True)
class Stdin:
    """A program that reads standard input and prints."""

    reads: str
    prints: str


@dataclass(frozen=True)
class Function:
    """A function that is called; its name is one of `names`, chosen by the problem."""

    names: tuple[str, ...]
    arguments: tuple[str, ...]
    returns: str


@dataclass(frozen=True)
class Family:
    """Problems that differ in their parameters. All texts are `string.Template`s over the parameters."""

    name: str
    difficulty: Difficulty
    form: Stdin | Function
    parameters: Mapping[str, Sequence[Any]]
    """The values of each: numbers, strings, tuples or `Option`s."""
    wordings: tuple[str, ...]
    """The task in other words each time. `$person` and `$things` are the story's. All name every parameter."""
    solutions: tuple[str, ...]
    """Correct programs; the first one computes the expected outputs. Strings and numbers come in as literals. A
    function's source ends with the definition of `$fn` and does not call it, so that it can become a method."""
    draw: Callable[[Random, Parameters], Any]
    """One random input: the text of standard input, or the list of arguments."""
    edges: Callable[[Parameters], Sequence[Any]]
    """The inputs that every problem is tested with: the smallest, the empty, the boundary."""
    where: Callable[[Parameters], bool] = lambda _: True
    """Which combinations of parameters make sense (and make another program than a combination before)."""

    def space(self) -> list[Parameters]:
        """Every combination of parameters, in the order in which they are declared."""
        combinations = product(*self.parameters.values())
        all_of_them = (Parameters(**dict(zip(self.parameters, values, strict=True))) for values in combinations)
        return [parameters for parameters in all_of_them if self.where(parameters)]

    def sources(self, parameters: Parameters, fn_name: str | None) -> tuple[str, ...]:
        """The solutions as Python source for these parameters."""
        codes: dict[str, str] = {}
        values = {"fn": fn_name} if fn_name else {}
        for name, value in vars(parameters).items():
            if isinstance(value, Option):
                codes |= {name: value.code, f"{name}_other": value.other}
            else:
                values[name] = repr(value)
        return tuple(_filled(textwrap.dedent(source).strip() + "\n", codes, values) for source in self.solutions)


def prose(text: str, parameters: Parameters, **story: str) -> str:
    """A text of the question for these parameters."""
    values = {name: _words(value) for name, value in vars(parameters).items()}
    return _filled(text, values, values | story)


def _filled(text: str, outer: Mapping[str, str], inner: Mapping[str, str]) -> str:
    """The template filled twice, since what an option brings may name other parameters."""
    return Template(Template(text).safe_substitute(outer)).substitute(inner)


def as_method(source: str, fn_name: str) -> str:
    """The same solution as a method of `class Solution`: what stands above the function stays above the class."""
    above, definition = source.split(f"def {fn_name}(")
    return f"{above}class Solution:\n" + textwrap.indent(f"def {fn_name}(self, {definition}", "    ")


def label(parameters: Parameters) -> str:
    """The parameters in words: no two combinations of a family have the same."""
    return ", ".join(f"{name} = {_words(value)!r}" for name, value in vars(parameters).items())


def _words(value: Any) -> str:
    if isinstance(value, Option):
        return value.words
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
