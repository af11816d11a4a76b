"""Giving a finished adapter away: into a folder, or to the Hub."""

from __future__ import annotations

import shutil
from pathlib import Path

from common.errors import UserError
from common.runs import Result

HUB = "hub:"
_PARTS = ("adapter", "merged")


def push(target: str, run: Path) -> Result:
    """Copy RUN/adapter (and RUN/merged) below the folder `target`, or push it to the Hub where it is hub:OWNER/NAME.

    Each part is moved into place whole. Raises `UserError` where the target cannot be written.
    """
    parts = [run / name for name in _PARTS if (run / name).is_dir()]
    if target.startswith(HUB):
        return {"to": [_to_hub(part, target.removeprefix(HUB)) for part in parts]}
    folder = Path(target).absolute()
    try:
        return {"to": [str(_copied(part, folder / part.name)) for part in parts]}
    except OSError as error:
        raise UserError(f"cannot write to {folder}: {error.strerror}", "name another folder with --push") from error


def _copied(source: Path, destination: Path) -> Path:
    draft = destination.with_name(f".{destination.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    shutil.copytree(source, draft)
    shutil.rmtree(destination, ignore_errors=True)
    draft.rename(destination)
    return destination


def _to_hub(part: Path, repository: str) -> str:
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    name = repository if part.name == _PARTS[0] else f"{repository}-{part.name}"
    try:
        api = HfApi()
        api.create_repo(name, exist_ok=True, private=True)
        return str(api.upload_folder(repo_id=name, folder_path=part))
    except (HfHubHTTPError, HFValidationError, OSError) as error:
        raise UserError(
            f"cannot push to {name} on the Hub: {' '.join(str(error).split())[:160]}",
            "log in (HF_TOKEN, or `hf auth login`); the same command goes on from here",
        ) from error
