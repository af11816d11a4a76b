"""From the name of a data set to its parts."""

from __future__ import annotations

from collections.abc import Callable

from common.corpora.sources.advtest import open_advtest
from common.corpora.sources.challenge import open_challenge
from common.corpora.sources.codesearchnet import open_codesearchnet
from common.corpora.sources.codetrans import open_codetrans
from common.corpora.sources.config import SetConfig, SetName
from common.corpora.sources.cosqa import open_cosqa
from common.corpora.sources.humaneval_x import open_humaneval_x
from common.corpora.sources.part import Part
from common.corpora.sources.xlcost import open_xlcost

_OPEN: dict[SetName, Callable[[SetConfig], tuple[Part, ...]]] = {
    "codesearchnet": open_codesearchnet,
    "csn-challenge": open_challenge,
    "cosqa": open_cosqa,
    "xlcost": open_xlcost,
    "codetrans": open_codetrans,
    "advtest": open_advtest,
    "humaneval-x": open_humaneval_x,
}


def open_set(config: SetConfig) -> tuple[Part, ...]:
    """The languages or directions of a set, at least one.

    Raises `DataError` where nothing is there or the layout is not understood (it says which are), `ConfigError` for a
    language that is not there (it says which are).
    """
    return _OPEN[config.name](config)
