"""Rows and files of data sets on the Hugging Face Hub, or from its local cache where the machine is offline.

Built against the pages of the repositories and tested with a loader of the same columns and a cache of the same
layout; never run against the Hub itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from common.corpora.sources.files import Row, Rows
from common.errors import DataError


def hub_rows(repository: str, config: str | None, split: str, *, layouts: str, revision: str | None = None) -> Rows:
    """The rows of one split, streamed; offline from the cache, which holds them as files that are mapped.

    The reader raises `DataError` where they cannot be had; `layouts` says what to give as path instead.
    """
    place = Path(f"{repository}:{config or 'default'}:{split}")

    def read() -> Iterator[Row]:
        import datasets  # type: ignore[import-untyped]  # only here: it takes a second

        try:
            offline = datasets.config.HF_HUB_OFFLINE
            rows = datasets.load_dataset(repository, config, split=split, revision=revision, streaming=not offline)
            for number, row in enumerate(rows, start=1):
                yield place, number, dict(row)
        except Exception as error:  # every library below has kinds of its own; what counts is that it is not there
            _refuse(place, error, layouts)

    return read


def hub_file(repository: str, name: str, *, layouts: str) -> Path:
    """A file of a data set's repository, fetched or from the cache. Raises `DataError` like `hub_rows`."""
    from huggingface_hub import hf_hub_download

    try:
        return Path(hf_hub_download(repository, name, repo_type="dataset"))
    except Exception as error:
        _refuse(Path(repository) / name, error, layouts)


def _refuse(place: Path, error: Exception, layouts: str) -> NoReturn:
    reason = next(iter(str(error).splitlines()), "") or type(error).__name__
    raise DataError(
        place, None, None, f"cannot be had from the Hub: {reason}",
        f"connect to the Hub once, or give a local copy as path: {layouts}",
    ) from error  # fmt: skip
