"""Is an index sound: `python -m jobs.check_index DIR [--repair]`. Ends with 2 where a fault is left."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from pydantic import model_validator
from pydantic_settings import CliPositionalArg

from common.cli import Job, run
from common.config import JobConfig
from common.errors import UserError
from common.runs import Result, lock_folder


class CheckIndexConfig(JobConfig):
    """Check the store of an index, and what is derived from it, file by file."""

    index: CliPositionalArg[Path | None] = None
    """The folder of the index."""
    repair: bool = False
    """Make again from the store what is derived from it and damaged."""

    @model_validator(mode="after")
    def _complete(self) -> CheckIndexConfig:
        if self.index is None:
            raise ValueError("index is required: the folder of an index")
        return self


def main(config: CheckIndexConfig) -> Result:
    """All faults; raises `UserError` where one is left."""
    from jobs.indexing.checking import check_index

    assert config.index is not None
    with lock_folder(config.index) if config.repair else nullcontext():  # a build writes the same files
        found = check_index(config.index, repair=config.repair)
    left = [fault["fault"] for fault in found["faults"] if not fault["repaired"]]
    if left:
        raise UserError("; ".join(left), "--repair makes derived files again; a damaged store has to be built again")
    return found


def _show(result: dict[str, Any]) -> str:
    counts = f"{result['files']:,} files, {result['units']:,} units, {result['texts']:,} texts"
    lines = [f"{result['index']} is sound: generation {result['generation']}, {counts}"]
    lines += [f"  vectors of {name}" for name in result["spaces"]]
    lines += [f"  repaired   {fault['fault']}" for fault in result["faults"]]
    if result["staged_files"]:
        lines.append(f"  a build was cut off: {result['staged_files']:,} files wait for it to be submitted again")
    return "\n".join(lines)


JOB = Job(
    name="jobs.check_index",
    description="Check an index and name every damaged file; with --repair, make it again from the store.",
    config=CheckIndexConfig,
    main=main,
    plan=lambda config: f"check {config.index}",
    show=_show,
)

if __name__ == "__main__":
    sys.exit(run(JOB))
