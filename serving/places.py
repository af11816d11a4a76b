"""An adapter's files on this machine: where they lie already, or a copy of what the registry has.

CACHE/NAME/VERSION-DIGEST12        the adapter's folder, as it was registered
CACHE/NAME/VERSION-DIGEST12.json   its manifest, which the catalogue reads without the weights

Several processes may share a cache: one downloads, the others wait for it.
"""

from __future__ import annotations

import fcntl
import re
import shutil
from pathlib import Path

from common.adapters.folder import adapter_digest
from common.adapters.registry import fetch
from common.errors import AdapterError, UserError
from serving.records import Adapter

PATIENCE = 10.0
"""Seconds to wait for a registry that does not answer: requests are waiting as well."""
_DIGEST = re.compile(r"[0-9a-f]{64}")
_SHOWN = 12  # hexadecimal digits of a digest in a folder's name


def local(adapter: Adapter, cache: Path, *, patience: float = PATIENCE) -> Path:
    """The folder with the adapter's files: `place.folder` as it is, or a download of its version in the registry.

    A copy in the cache is checked against the adapter's digest each time, and fetched again where it was damaged.
    Raises `AdapterError` where the files cannot be had, are not those of the digest, or would not lie in the cache.
    """
    place = adapter.place
    if place.folder is not None:
        return place.folder
    if place.registry is None or adapter.version is None:
        raise AdapterError(f"nothing says where the files of {adapter} are", "give it a folder, or register it")
    folder = home(cache.expanduser(), adapter.name, adapter.version, adapter.digest)
    if _digest(folder) == adapter.digest:
        return folder
    try:
        _download(adapter, place.registry, folder, patience)
    except AdapterError:
        raise
    except UserError as error:
        reason = without_credentials(error.message)
        raise AdapterError(f"the files of {adapter} cannot be had: {reason}", error.remedy) from error
    except OSError as error:
        raise AdapterError(
            f"the files of {adapter} cannot be kept in {cache}: {error}", "look at the disk and its permissions"
        ) from error
    return folder


def home(cache: Path, name: str, version: str, digest: str) -> Path:
    """`cache/NAME/VERSION-DIGEST12`. Raises `AdapterError` for what a registry may say and no path may hold."""
    if name in {"", ".", ".."} or set(name) & set("/\\\0"):
        raise AdapterError(f"{name!r} is no name for an adapter's folder", "register it under another name")
    if not (version.isascii() and version.isdigit()) or not _DIGEST.fullmatch(digest):
        raise AdapterError(
            f"{name!r} has a version or a digest that is none: {version!r}, {digest!r}", "register the adapter again"
        )
    return cache / name / f"{version}-{digest[:_SHOWN]}"


def without_credentials(text: str) -> str:
    """`text` without the user and password of the addresses in it: clients and logs are told of failures."""
    return re.sub(r"(?<=://)[^/@\s]+@", "", text)


def _digest(folder: Path) -> str | None:
    """Of the weights in it; None where there are none."""
    try:
        return adapter_digest(folder)
    except (AdapterError, OSError):
        return None


def _download(adapter: Adapter, uri: str, folder: Path, patience: float) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f".{folder.name}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # given back with the file, also by a process that is killed
        if _digest(folder) == adapter.digest:
            return  # another process had the lock before
        draft = folder.with_name(f".{folder.name}.draft")
        shutil.rmtree(draft, ignore_errors=True)
        try:
            found = fetch(f"{adapter.name}@{adapter.version}", uri=uri, destination=draft, patience=patience)
            if (digest := adapter_digest(found)) != adapter.digest:
                raise AdapterError(
                    f"the registry's files of {adapter} have digest {digest[:_SHOWN]}…, "
                    f"it says {adapter.digest[:_SHOWN]}…",
                    "they were changed or damaged: register the adapter again",
                )
            shutil.rmtree(folder, ignore_errors=True)
            found.rename(folder)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
