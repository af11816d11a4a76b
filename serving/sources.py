"""Where adapters come from: an MLflow registry, a watched folder. Each read gives all that is there now."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from common.adapters.folder import WEIGHTS, adapter_digest, is_peft
from common.adapters.manifest import MANIFEST, Manifest, read_manifest
from common.errors import AdapterError
from common.tracking import SQLITE, client, is_away
from serving.places import home, without_credentials
from serving.records import Adapter, Place

_PAGE = 1000
"""Entries in one answer of the registry: the most that it gives of registered models."""


@dataclass(frozen=True)
class Reading:
    """What a source holds."""

    adapters: Sequence[Adapter]
    problems: Sequence[str]
    """A sentence for each entry that is no adapter to be served."""
    damaged: Sequence[Adapter] = ()
    """Those that were whole before and are not now: who asks for one is told so, and not that it is unknown."""


class Away(Exception):
    """A source that cannot be read now; the message says why."""


class Source(Protocol):
    """What the catalogue asks for adapters."""

    @property
    def name(self) -> str:
        """What people call it; of several, each has its own."""

    def read(self) -> Reading:
        """All adapters in it; raises `Away`. One thread at a time."""


class Registry:
    """The versions in an MLflow registry that `common.adapters.registry.register` made; those of others are passed by.

    A read is one question for each thousand models or versions, and a manifest for each new version. Manifests are
    kept under `cache` (serving/places.py says where).
    """

    def __init__(self, uri: str, cache: Path, *, downloads: int = 8) -> None:
        """`downloads`: how many manifests are fetched side by side."""
        self.name = without_credentials(uri)
        self._uri, self._cache, self._downloads = uri, cache.expanduser(), downloads
        self._store: Any = None
        self._manifests: dict[tuple[str, str, str], Manifest] = {}

    def read(self) -> Reading:
        """All versions with the aliases that point at them."""
        aliases, versions = self._list()
        keys = [_key(version) for version in versions]
        new = [one for one, key in zip(versions, keys, strict=True) if key not in self._manifests]
        problems = self._read_manifests(new) if new else []
        self._manifests = {key: self._manifests[key] for key in keys if key in self._manifests}
        adapters = [
            _adapter(
                self._manifests[key],
                name=version.name,
                version=key[1],
                aliases=tuple(
                    sorted(alias for alias, to in aliases.get(version.name, {}).items() if str(to) == key[1])
                ),
                place=Place(registry=self._uri),
                run_id=version.run_id or None,
                mtime=version.creation_timestamp / 1000,
            )
            for version, key in zip(versions, keys, strict=True)
            if key in self._manifests
        ]
        return Reading(adapters, problems)

    def _list(self) -> tuple[Mapping[str, Mapping[str, str]], list[Any]]:
        """Model → alias → version, and the versions that are ours."""
        file = Path(self._uri.removeprefix(SQLITE).partition("?")[0]) if self._uri.startswith(SQLITE) else None
        if file and not file.is_file():  # MLflow would make an empty one
            raise Away(f"there is no file {file}")
        try:
            store = self._store = self._store or client(self._uri)
            # Aliases first: the version that one points at is then in the second answer
            models = _pages(store.search_registered_models, ["name ASC"])
            versions = _pages(store.search_model_versions, ["name ASC", "version_number ASC"])
        except Exception as error:  # a registry's client raises what its database, its network and its files raise
            raise Away(without_credentials(" ".join(str(error).split()))) from error
        ours = {_key(one): one for one in versions if {"digest", "base"} <= one.tags.keys()}
        return {model.name: model.aliases for model in models}, list(ours.values())

    def _read_manifests(self, versions: Sequence[Any]) -> list[str]:
        """Fetch them; returns a sentence for each that could not be had."""
        os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")  # a bar for each manifest
        problems: list[str] = []
        pool = ThreadPoolExecutor(self._downloads, thread_name_prefix="manifest")
        try:
            for version, found in zip(versions, pool.map(self._manifest, versions), strict=True):
                if isinstance(found, str):
                    problems.append(f"{version.name}@{version.version}: {found}")
                else:
                    self._manifests[_key(version)] = found
        finally:
            pool.shutdown(cancel_futures=True)  # a registry that went away is not asked for the rest
        return problems

    def _manifest(self, version: Any) -> Manifest | str:
        """From the cache, or downloaded into it; or why not."""
        name, number, digest = _key(version)
        try:
            folder = home(self._cache, name, number, digest)
            kept = folder.with_name(f"{folder.name}.json")
            with contextlib.suppress(OSError, ValueError):  # absent or damaged: downloaded below
                return Manifest.model_validate_json(kept.read_bytes())
            return self._download(version, kept)
        except AdapterError as error:
            return without_credentials(error.message)
        except OSError as error:
            return f"its {MANIFEST} cannot be kept in {self._cache}: {error}"

    def _download(self, version: Any, kept: Path) -> Manifest | str:
        from mlflow.artifacts import download_artifacts

        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept.parent, prefix=".manifest-") as draft:
            try:
                file = download_artifacts(f"{version.source}/{MANIFEST}", dst_path=draft, tracking_uri=self._uri)
            except Exception as error:  # as many kinds as there are stores of artifacts
                if is_away(self._uri, error):
                    raise Away(without_credentials(str(error))) from error
                return f"its {MANIFEST} cannot be had (yet): {without_credentials(' '.join(str(error).split()))}"
            manifest = _usable(read_manifest(Path(file).parent))
            if manifest.digest != version.tags["digest"]:
                return f"its {MANIFEST} is of other weights ({manifest.digest[:12]}…) than the registry says"
            Path(file).replace(kept)
            return manifest


class Folder:
    """A watched folder: it is an adapter itself, or each folder in it that has a manifest is one.

    Weights are read when their file has changed, and held against the manifest: a folder that is still being written
    is told as a problem, and looked at again by the next read.
    """

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        self._path = path
        self._known: dict[Path, tuple[object, Adapter]] = {}

    def read(self) -> Reading:
        """All adapters with whole files, the latest written first."""
        adapters, problems = {}, []
        try:
            folders = [self._path] if (self._path / MANIFEST).is_file() else sorted(self._path.iterdir())
        except OSError as error:
            raise Away(f"the folder cannot be read: {error.strerror}") from error
        for folder in folders:
            try:
                if _is_adapter(folder):
                    adapters[folder] = self._adapter(folder)
            except (AdapterError, OSError) as error:
                problems.append(f"{folder.name}: {error.message if isinstance(error, AdapterError) else error}")
        self._known = {folder: self._known[folder] for folder in folders if folder in self._known}
        damaged = [known for folder, (_, known) in self._known.items() if folder not in adapters]
        return Reading(sorted(adapters.values(), key=lambda one: -one.mtime), problems, damaged)

    def _adapter(self, folder: Path) -> Adapter:
        state = _state(folder)
        if folder in self._known and self._known[folder][0] == state:
            return self._known[folder][1]
        manifest = _usable(read_manifest(folder))
        if (digest := adapter_digest(folder)) != manifest.digest:
            raise AdapterError(
                f"its weights have digest {digest[:12]}…, its {MANIFEST} says {manifest.digest[:12]}…: "
                "damaged, or still being written"
            )
        adapter = _adapter(
            manifest,
            name=manifest.name,
            version=manifest.version,
            place=Place(folder=folder.absolute()),
            run_id=manifest.run_id,
            mtime=(folder / MANIFEST).stat().st_mtime,
        )
        self._known[folder] = state, adapter
        return adapter


def _usable(manifest: Manifest) -> Manifest:
    """Raises `AdapterError` where it lacks what the record of a manifest leaves open and a server needs."""
    if not isinstance(manifest.peft.get("method"), str):
        raise AdapterError(f"its {MANIFEST} names no method", "train it again, or write `peft.method` into it")
    return manifest


def _adapter(
    manifest: Manifest, *, name: str, version: str | None, place: Place, run_id: str | None, mtime: float,
    aliases: tuple[str, ...] = (),
) -> Adapter:  # fmt: skip
    return Adapter(
        name=name,
        version=version,
        aliases=aliases,
        digest=manifest.digest,
        place=place,
        base=manifest.base.id,
        base_digest=manifest.base.digest,
        task=manifest.task,
        language=manifest.language,
        method=manifest.peft["method"],
        run_id=run_id,
        scores=manifest.scores,
        mtime=mtime,
    )


def _key(version: Any) -> tuple[str, str, str]:
    """Name, number and digest of a version in MLflow."""
    return version.name, str(version.version), version.tags["digest"]


def _pages(search: Any, order: Sequence[str]) -> list[Any]:
    """All entries of a search in MLflow; one twice where another was entered between two pages."""
    found: list[Any] = []
    token = None
    while True:
        page = search(max_results=_PAGE, order_by=list(order), page_token=token)
        found += page
        token = page.token
        if not token:
            return found


def _is_adapter(folder: Path) -> bool:
    """Whether it means to be one: it has one of the files. Hidden folders are drafts."""
    if folder.name.startswith(".") or not folder.is_dir():
        return False
    return (folder / MANIFEST).is_file() or is_peft(folder) or (folder / WEIGHTS).is_file()


def _state(folder: Path) -> object:
    """What changes when a file does: a copy can bring an old time of writing along, but not of its change here."""
    files = [file for file in folder.iterdir() if file.name == MANIFEST or file.suffix == ".safetensors"]
    stats = {file.name: file.stat() for file in files}
    return {name: (stat.st_size, stat.st_ino, stat.st_ctime_ns) for name, stat in stats.items()}
