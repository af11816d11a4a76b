"""What git would leave out: every `.gitignore` on the way down, and `.git/info/exclude` of each repository.

Patterns are pathspec's, which follow git's own; a deeper file overrides a higher one, and what lies below an ignored
folder cannot be had back. A user's global excludes file is not looked at: it says nothing about the tree.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

LARGEST = 1_000_000  # bytes; a longer ignore file is none


@dataclass(frozen=True)
class _Rules:
    folder: str
    """Where the file lies: an absolute path that ends with `/`."""
    patterns: GitIgnoreSpec


@dataclass(frozen=True)
class Ignore:
    """The rules that hold in one folder, the deepest last."""

    rules: tuple[_Rules, ...] = ()

    def entered(self, folder: Path) -> Ignore:
        """The rules inside `folder`; a repository of its own begins with its own rules."""
        rules = self.rules
        if is_repository(folder):
            rules = _read(folder, git_folder(folder) / "info" / "exclude")
        return Ignore(rules + _read(folder, folder / ".gitignore"))

    def ignores(self, path: str, *, folder: bool) -> bool:
        """Whether an entry of this folder, by its absolute path, is left out."""
        for rule in reversed(self.rules):
            found = rule.patterns.check_file(path.removeprefix(rule.folder) + "/" * folder).include
            if found is not None:
                return found
        return False


def above(root: Path) -> Ignore:
    """The rules that the repository around `root` has for what is in it.

    None where the repository ignores `root` itself: then somebody asked for it by name.
    """
    top = next((folder for folder in root.parents if is_repository(folder)), None)
    if top is None or is_repository(root):
        return Ignore()
    ignore, folder = Ignore().entered(top), top
    for part in root.relative_to(top).parts:
        folder = folder / part
        if ignore.ignores(folder.as_posix(), folder=True):
            return Ignore()
        if folder != root:
            ignore = ignore.entered(folder)
    return ignore


def is_repository(folder: Path) -> bool:
    """Whether a git repository begins here; a worktree and a submodule have a file instead of a folder."""
    try:
        return (folder / ".git").exists()
    except OSError:
        return False


def git_folder(repository: Path) -> Path:
    """Where git keeps what it knows of a repository."""
    entry = repository / ".git"
    try:
        if not entry.is_file():
            return entry
        folder = repository / entry.read_text("utf-8").removeprefix("gitdir:").strip()
        shared = folder / "commondir"  # of a worktree
        return folder / shared.read_text("utf-8").strip() if shared.is_file() else folder
    except (OSError, ValueError):
        return entry


def _read(folder: Path, file: Path) -> tuple[_Rules, ...]:
    """The rules of one file; none where it is missing, no regular file, or says nothing that can be used."""
    from pathspec import GitIgnoreSpec

    try:
        if not file.is_file() or file.stat().st_size > LARGEST:
            return ()
        lines = file.read_text("utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return ()
    usable = [line for line in lines if _is_pattern(line)]
    return (_Rules(folder.as_posix().rstrip("/") + "/", GitIgnoreSpec.from_lines(usable)),) if usable else ()


def _is_pattern(line: str) -> bool:
    """Git passes over a pattern that cannot be one; pathspec raises."""
    import re

    from pathspec import GitIgnoreSpec

    if not line.strip() or line.startswith("#"):
        return False
    try:
        GitIgnoreSpec.from_lines([line])
    except (ValueError, re.error):
        return False
    return True
