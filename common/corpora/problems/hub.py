"""Problems from the Hugging Face Hub, or from its local cache where the machine is offline.

Built against the pages of the repositories and tested with a loader of the same columns and a cache of the same layout;
never run against the Hub itself. `codeparrot/apps` is a script, which `datasets` no longer runs; the files that the
script reads lie beside it and are fetched as they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from common.corpora.lines import Problem
from common.corpora.problems.reading import LAYOUTS, Layout, parsed, stream_problems
from common.corpora.problems.record import CodeProblem
from common.corpora.sources.hub import hub_file, hub_rows

HubSet = Literal["apps", "humaneval", "mbpp", "mbpp-sanitized"]

_APPS = "codeparrot/apps"
_ROWS: dict[HubSet, tuple[Layout, str, str]] = {
    "humaneval": ("humaneval", "openai/openai_humaneval", "openai_humaneval"),
    "mbpp": ("mbpp", "google-research-datasets/mbpp", "full"),
    "mbpp-sanitized": ("mbpp", "google-research-datasets/mbpp", "sanitized"),
}


def stream_hub(name: HubSet, split: str = "test") -> Iterator[CodeProblem | Problem]:
    """The problems of a set like `stream_problems`; HumanEval has the split test only, MBPP train, validation, test and
    prompt. Raises `DataError`, at the latest with the first problem, where the set cannot be had."""
    layouts = "; ".join(LAYOUTS)
    if name == "apps":
        return stream_problems(hub_file(_APPS, f"{split}.jsonl", layouts=layouts), "apps")
    layout, repository, config = _ROWS[name]
    return parsed(layout, hub_rows(repository, config, split, layouts=layouts)())
