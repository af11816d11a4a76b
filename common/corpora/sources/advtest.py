"""AdvTest (CodeXGLUE's NL-code-search-Adv, Lu et al. 2021): Python; in valid and test the names are obscured.

    FOLDER/{train,valid,test}.jsonl   or in FOLDER/dataset, FOLDER/python; plain or `.gz`

The pool of a split are all its codes; train 251,820, valid 9,604, test 19,210. The test split names its code `function`
and `function_tokens`. From the Hub: `google/code_x_glue_tc_nl_code_search_adv`, built and not run.
"""

from __future__ import annotations

from pathlib import Path

from common.corpora.sources.codesearchnet import HUB_SPLITS, SPLITS
from common.corpora.sources.config import SetConfig
from common.corpora.sources.files import Rows, chosen, folder_of, jsonl, nothing_understood, variant
from common.corpora.sources.functions import Reader, text2code_part
from common.corpora.sources.hub import hub_rows
from common.corpora.sources.part import Part

LAYOUT = "train.jsonl, valid.jsonl, test.jsonl"
HUB = "google/code_x_glue_tc_nl_code_search_adv"


def open_advtest(config: SetConfig) -> tuple[Part, ...]:
    """The one part `python`. Raises `DataError` where none of the three files is there."""
    chosen(config, ["python"])
    reader = Reader("python", config.text, ids=("idx", "id", "url"))
    if config.path is None:
        splits = {split: hub_rows(HUB, None, published, layouts=LAYOUT) for split, published in HUB_SPLITS.items()}
    else:
        splits = _local(folder_of(config))
    return (text2code_part(reader, splits, None, config.limit, "advtest"),)


def _local(path: Path) -> dict[str, Rows]:
    for folder in (path, path / "dataset", path / "python"):
        files = {split: file for split in SPLITS if (file := variant(folder, f"{split}.jsonl"))}
        if files:
            return {split: jsonl([file]) for split, file in files.items()}
    return nothing_understood(path, "AdvTest", (LAYOUT,))
