"""Search spaces over a job's configuration: axes with conditions; their grid and their random points. Pure.

A point is a mapping of dotted keys to values. A key that does not apply at a point, by its condition or because the
point's PEFT method has no such parameter, is absent from it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import Any

from pydantic import Field, model_validator

from common.adapters.methods import METHODS, PeftSpec
from common.config import Config, keys, merge, nearest
from common.errors import ConfigError

Point = Mapping[str, Any]
METHOD = "peft.method"
FIXED = ("model", "revision", "data", "prompt", "encoder", "run_dir", "cluster", "tracking", "name", "alias", "start",
         "export", "push", "index", "per_language", "shared_start", "refine", "evaluation")  # fmt: skip
"""Keys of the jobs that hold for a whole sweep: its trials share base and data, and are scored alike."""


class Axis(Config):
    """The values that one key may take: a list, or a range."""

    values: tuple[Any, ...] = ()
    """Choices."""
    low: float | None = None
    """Least value of a range."""
    high: float | None = None
    """Largest value of a range."""
    log: bool = False
    """Spread the range evenly in the logarithm: for rates."""
    integer: bool = False
    """Whole numbers of the range only."""
    when: dict[str, tuple[Any, ...]] = Field(default_factory=dict)
    """Other axes and the values of theirs at which this one applies; none = always."""

    @model_validator(mode="before")
    @classmethod
    def _short(cls, given: Any) -> Any:
        """A plain list is `values`; a condition's single value is a list of one."""
        if isinstance(given, list | tuple):
            return {"values": given}
        if isinstance(given, dict) and isinstance(given.get("when"), dict):
            when = {key: value if isinstance(value, list | tuple) else [value] for key, value in given["when"].items()}
            return {**given, "when": when}
        return given

    @model_validator(mode="after")
    def _complete(self) -> Axis:
        ranged = self.low is not None or self.high is not None
        if bool(self.values) == ranged:
            raise ValueError("give `values`, or `low` and `high`")
        if ranged and (self.low is None or self.high is None or self.low >= self.high):
            raise ValueError("a range needs `low` below `high`")
        if self.log and (self.low is None or self.low <= 0):
            raise ValueError("`log` needs a range above 0")
        if self.integer and not self.values and not self.whole():
            raise ValueError("there is no whole number between `low` and `high`")
        return self

    def draw(self, random: Random) -> Any:
        """One value, evenly."""
        if self.values:
            return random.choice(self.values)
        assert self.low is not None and self.high is not None
        if self.integer and not self.log:
            return random.choice(self.whole())
        if not self.log:
            return random.uniform(self.low, self.high)
        low, high = (self.whole()[0], self.whole()[-1]) if self.integer else (self.low, self.high)
        value = math.exp(random.uniform(math.log(low), math.log(high)))
        return round(value) if self.integer else value

    def whole(self) -> range:
        """The whole numbers of a range."""
        assert self.low is not None and self.high is not None
        return range(math.ceil(self.low), math.floor(self.high) + 1)


PRESETS: dict[str, dict[str, Axis]] = {
    "loracode": {"peft.rank": Axis(values=(16, 32, 64)), "peft.alpha": Axis(values=(32.0, 64.0, 128.0))},
    "peft-study": {"peft.rank": Axis(values=(8, 16, 32, 64)), "peft.alpha": Axis(values=(16.0, 32.0, 64.0, 128.0))},
    "techniques": {
        METHOD: Axis(values=("full", "lora", "ia3", "prompt", "prefix", "qlora-8bit", "qlora-4bit")),
    },
}
"""The studies' grids: LoRACode's ranks and alphas, the PEFT study's, and its seven techniques."""


class Space:
    """The axes of a sweep, in an order in which each stands after those that its condition names."""

    def __init__(self, axes: Mapping[str, Axis], method: str = "lora") -> None:
        """`method` is the PEFT method of trials whose point does not say. Raises `ConfigError` where the conditions
        name no axis, go round in a circle, or leave an axis that never applies."""
        self.method = method
        self.axes = {key: axes[key] for key in _ordered(axes)}
        for key in self.axes:
            if not any(key in point for point in self.corners()):
                raise ConfigError(
                    f"space.{key} never applies: no method of this space has it, or its `when` is never met",
                    "drop the axis, or widen peft.method or the condition",
                )

    def applies(self, key: str, point: Point) -> bool:
        """Whether a key counts at a point that has all keys before it."""
        if any(point.get(other) not in allowed for other, allowed in self.axes[key].when.items()):
            return False
        return has_parameter(str(point.get(METHOD, self.method)), key)

    def grid(self) -> list[Point]:
        """All points, each once; raises `ConfigError` where an axis is a range."""
        ranged = [key for key, axis in self.axes.items() if not axis.values]
        if ranged:
            raise ConfigError(
                f"a grid has no end over the range of space.{ranged[0]}",
                "give it a list of values, or take points: random or tpe",
            )
        return list(self._enumerate({key: axis.values for key, axis in self.axes.items()}))

    def size(self) -> int | None:
        """Points of the grid; None where an axis is a range."""
        return len(self.grid()) if all(axis.values for axis in self.axes.values()) else None

    def draw(self, random: Random) -> Point:
        """One random point."""
        point: dict[str, Any] = {}
        for key, axis in self.axes.items():
            value = axis.draw(random)  # drawn in any case: an axis more or less leaves the others' draws alone
            if self.applies(key, point):
                point[key] = value
        return point

    def sample(self, count: int, seed: int) -> list[Point]:
        """So many different random points; fewer where the space has no more."""
        random, found = Random(seed), dict[str, Point]()
        for _ in range(50 * count):
            point = self.draw(random)
            found.setdefault(repr(sorted(point.items())), point)
            if len(found) == count:
                break
        return list(found.values())

    def corners(self) -> Iterator[Point]:
        """Points that meet every choice, and the ends of every range."""
        return self._enumerate({key: axis.values or (axis.low, axis.high) for key, axis in self.axes.items()})

    def _enumerate(self, values: Mapping[str, Sequence[Any]]) -> Iterator[Point]:
        seen = set()
        for combination in itertools.product(*values.values()):
            point: dict[str, Any] = {}
            for key, value in zip(values, combination, strict=True):
                if self.applies(key, point):
                    point[key] = value
            if (known := repr(sorted(point.items()))) not in seen:
                seen.add(known)
                yield point


def has_parameter(method: str, key: str) -> bool:
    """Whether a key means something to a PEFT method: alpha to LoRA's kin, virtual tokens to prompt and prefix."""
    group, _, name = key.partition(".")
    return group != "peft" or name == "method" or method not in METHODS or name in METHODS[method].parameters


def check_keys(axes: Mapping[str, Axis], job: type[Config]) -> None:
    """Raise `ConfigError` where an axis is no key of the job's configuration, or one that trials share."""
    if not axes:
        raise ConfigError("the space is empty", "give `space` at least one key with its values, or a `preset`")
    known = keys(job)
    for key in axes:
        if key.split(".")[0] in FIXED:
            raise ConfigError(
                f"space.{key} cannot differ between trials: they share base and data, and are scored alike",
                "run a sweep for each value",
            )
        if key not in known or any(other.startswith(key + ".") for other in known):
            groups = {other.rpartition(".")[0] for other in known}
            guess = nearest(key, [o for o in known if o.split(".")[0] not in FIXED and o not in groups])
            hint = f"did you mean {guess!r}?" if guess else "the --help of the job lists its keys"
            raise ConfigError(f"space.{key} is no parameter of the job", hint)


def configure(template: Mapping[str, Any], point: Point) -> dict[str, Any]:
    """The values of a trial: the point laid over the template, without parameters that its method does not have."""
    nested: dict[str, Any] = {}
    for key, value in point.items():
        *groups, name = key.split(".")
        inner = nested
        for group in groups:
            inner = inner.setdefault(group, {})
        inner[name] = value
    values = merge(template, nested)
    spec = values.get("peft", {})
    method = spec.get("method", PeftSpec().method)
    # what the template says of one method's rank says nothing to another that has none
    values["peft"] = {name: value for name, value in spec.items() if has_parameter(method, f"peft.{name}")}
    return values


def _ordered(axes: Mapping[str, Axis]) -> list[str]:
    """Keys so that each stands after those of its condition, the method first."""
    needs = {key: set(axis.when) | ({METHOD} & axes.keys() if key != METHOD else set()) for key, axis in axes.items()}
    for key, axis in axes.items():
        if unknown := axis.when.keys() - axes.keys():
            guess = nearest(min(unknown), list(axes))
            hint = f"did you mean {guess!r}?" if guess else "a condition names another axis of the space"
            raise ConfigError(f"space.{key}.when names {min(unknown)!r}, which is no axis", hint)
    order: list[str] = []
    while len(order) < len(axes):
        ready = [key for key in axes if key not in order and needs[key] <= set(order)]
        if not ready:
            raise ConfigError(f"the conditions of space.{next(k for k in axes if k not in order)} go round in a circle")
        order += ready
    return order
