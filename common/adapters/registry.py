"""MLflow's model registry as the registry of adapters: versions, and aliases that move."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from common.adapters.manifest import Manifest, write_manifest
from common.errors import UserError
from common.tracking import PATIENCE, client, is_away, patiently


def register(
    folder: Path, manifest: Manifest, *, uri: str, run_id: str, alias: str, patience: float = PATIENCE
) -> Manifest:
    """Upload an adapter folder to its run and register it as the next version, with the alias pointing at it.

    Returns the manifest with version and run, which is also what the folder then holds. An adapter with the same
    digest that this run registered before is not registered twice, so it is safe to do again, which is also what
    happens, for `patience` seconds, while MLflow does not answer.
    """
    return patiently(uri, lambda: _register(folder, manifest, uri, run_id, alias), patience)


def _register(folder: Path, manifest: Manifest, uri: str, run_id: str, alias: str) -> Manifest:
    from mlflow.exceptions import MlflowException

    store = client(uri)
    try:
        store.create_registered_model(manifest.name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    artifact = f"{manifest.name}/{manifest.digest[:12]}"  # its own folder: another version must not overwrite it
    version = _registered(store, manifest, run_id)
    if version is None:
        source = f"{store.get_run(run_id).info.artifact_uri}/{artifact}"
        version = store.create_model_version(
            manifest.name, source, run_id, tags={"digest": manifest.digest, "base": manifest.base.id}
        ).version
    manifest = manifest.model_copy(update={"version": str(version), "run_id": run_id})
    write_manifest(folder, manifest)
    store.log_artifacts(run_id, str(folder), artifact_path=artifact)
    store.set_registered_model_alias(manifest.name, alias, str(version))
    return manifest


def fetch(name: str, *, uri: str, destination: Path, patience: float = PATIENCE) -> Path:
    """Download a registered adapter; `name` is NAME, NAME@ALIAS or NAME@VERSION. Returns its folder."""
    return patiently(uri, lambda: _fetch(name, uri, destination), patience)


def _fetch(name: str, uri: str, destination: Path) -> Path:
    from mlflow.artifacts import download_artifacts
    from mlflow.exceptions import MlflowException

    store = client(uri)
    model, _, which = name.partition("@")
    try:
        if which.isdigit():
            version = store.get_model_version(model, which)
        elif which:
            version = store.get_model_version_by_alias(model, which)
        else:
            version = max(store.search_model_versions(f"name = '{model}'"), key=lambda v: int(v.version))
    except (MlflowException, ValueError) as error:
        if is_away(uri, error):
            raise
        known = ", ".join(sorted(m.name for m in store.search_registered_models())) or "none"
        raise UserError(f"no adapter {name!r} is registered at {uri}", f"registered are: {known}") from error
    return Path(download_artifacts(version.source, dst_path=str(destination), tracking_uri=uri))


def _registered(store: Any, manifest: Manifest, run_id: str) -> str | None:
    for version in store.search_model_versions(f"name = '{manifest.name}' and run_id = '{run_id}'"):
        if version.tags.get("digest") == manifest.digest:
            return version.version
    return None
