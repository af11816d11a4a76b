"""The source files of a tree. Nothing is opened but ignore files; whatever is not taken is counted and named.

Links are never followed: one inside the tree leads to what is read where it lies, one out of it is not ours to read,
and loops cannot happen. Order and outcome are the same on every file system.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from common.corpora.mining.ignore import Ignore, above, is_repository
from common.corpora.mining.languages import language_of

FIRST = 10  # entries named for each reason
DEFAULT_MAX_BYTES = 1_000_000

_TEST_WORDS = frozenset({"test", "tests", "testing", "testdata", "testcase", "testcases", "testsuite", "unittests"})
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_SPEC = re.compile(r"[._-]spec\.(?:rb|[cm]?[jt]sx?)$")  # elsewhere a spec is a specification
_SPEC_FOLDERS = frozenset({"spec", "specs", "__specs__", "__mocks__"})
_VENDORED = frozenset({
    "vendor", "vendors", "vendored", "_vendor", "_vendored", "_bundled", "third_party", "third-party", "thirdparty",
    "node_modules", "bower_components", "site-packages", "dist-packages",
})  # fmt: skip
TEST = "test"
_BUILT = frozenset({"dist", "build", "_build", "__pycache__"})
_MINIFIED = re.compile(r"[.-]min\.(?:js|mjs|cjs)$|\.bundle\.js$")


@dataclass(frozen=True)
class SourceFile:
    """A file to read."""

    path: str
    """Relative to the root, `/` between the parts."""
    size: int
    """Bytes."""
    mtime_ns: int
    language: str
    repository: str
    """The folder, relative to the root, where its git repository begins; empty at the root or where there is none."""


@dataclass
class Skip:
    """What was left out for one reason."""

    files: int = 0
    folders: int = 0
    """Left out with all that is in them, which is not counted."""
    first: list[str] = field(default_factory=list)
    """The first ones, by path."""


class Skipped:
    """Reasons, each with its count and the first ones by name."""

    def __init__(self, stored: Mapping[str, Mapping[str, Any]] | None = None) -> None:
        self.by_reason = {reason: Skip(**skip) for reason, skip in (stored or {}).items()}

    def add(self, reason: str, name: str, *, folder: bool = False) -> None:
        """Count one file or folder; half characters of names that are not UTF-8 are shown escaped."""
        skip = self.by_reason.setdefault(reason, Skip())
        skip.folders += folder
        skip.files += not folder
        if len(skip.first) < FIRST:
            skip.first.append(name.encode("utf-8", "backslashreplace").decode() + "/" * folder)

    def merge(self, other: Skipped) -> None:
        """Add what another one counted."""
        for reason, skip in other.by_reason.items():
            mine = self.by_reason.setdefault(reason, Skip())
            mine.files += skip.files
            mine.folders += skip.folders
            mine.first = [*mine.first, *skip.first][:FIRST]

    def stored(self) -> dict[str, dict[str, Any]]:
        """As JSON holds it, the most frequent reason first."""
        ranked = sorted(self.by_reason.items(), key=lambda item: (-item[1].files - item[1].folders, item[0]))
        return {reason: asdict(skip) for reason, skip in ranked}


@dataclass(frozen=True)
class WalkRules:
    """What is taken."""

    languages: frozenset[str]
    gitignore: bool = True
    path_rules: bool = True
    """Leave out tests, other people's code, what was built, and what is hidden."""
    tests: bool = False
    """Take tests all the same."""
    max_bytes: int = DEFAULT_MAX_BYTES
    excluded: Path | None = None
    """A folder that is not looked into: the run folder, if it lies in the tree."""


@dataclass(frozen=True)
class Tree:
    """What a walk found."""

    root: Path
    files: tuple[SourceFile, ...]
    """By path."""
    skipped: Skipped
    repositories: tuple[str, ...]
    """Folders, relative to the root, where repositories begin; empty string for the root itself."""


def walk(root: Path, rules: WalkRules) -> Tree:
    """Walk an existing folder; whatever is in it, nothing is raised."""
    root = root.resolve()
    files: list[SourceFile] = []
    skipped = Skipped()
    repositories: list[str] = []
    stack = [(root, "", above(root) if rules.gitignore else Ignore())]
    while stack:
        folder, repository, ignore = stack.pop()
        relative = "" if folder == root else folder.relative_to(root).as_posix()
        try:
            with os.scandir(folder) as found:
                entries = sorted(found, key=lambda entry: entry.name)
        except OSError as error:
            skipped.add(f"unreadable ({error.strerror})", relative or ".", folder=True)
            continue
        if is_repository(folder):
            repository = relative
            repositories.append(relative)
        if rules.gitignore:
            ignore = ignore.entered(folder)
        inner: list[Path] = []
        for entry in entries:
            if entry.name == ".git":
                continue
            name = f"{relative}/{entry.name}" if relative else entry.name
            taken = _judge(entry, name, root, rules, ignore, skipped)
            if isinstance(taken, Path):
                inner.append(taken)
            elif taken is not None:
                size, mtime_ns, language = taken
                files.append(SourceFile(name, size, mtime_ns, language, repository))
        stack.extend((path, repository, ignore) for path in reversed(inner))
    return Tree(root, tuple(sorted(files, key=lambda file: file.path)), skipped, tuple(sorted(repositories)))


def _judge(
    entry: os.DirEntry[str], name: str, root: Path, rules: WalkRules, ignore: Ignore, skipped: Skipped
) -> Path | tuple[int, int, str] | None:
    """A folder to enter, or (size, mtime, language) of a file to take, or None: then it has been counted."""
    try:
        if entry.is_symlink():
            skipped.add(_kind_of_link(entry.path, root), name)
            return None
        is_folder = entry.is_dir(follow_symlinks=False)
        status = entry.stat(follow_symlinks=False)
    except OSError as error:
        skipped.add(f"unreadable ({error.strerror})", name)
        return None
    if not is_folder and not stat.S_ISREG(status.st_mode):
        skipped.add("no regular file", name)
        return None
    if rules.excluded is not None and Path(entry.path) == rules.excluded:
        return None
    if rules.gitignore and ignore.ignores(entry.path, folder=is_folder):
        skipped.add("ignored by git", name, folder=is_folder)
        return None
    reason = path_rule(entry.name, folder=is_folder) if rules.path_rules else None
    if reason and not (rules.tests and reason == TEST):
        skipped.add(reason, name, folder=is_folder)
        return None
    if is_folder:
        return Path(entry.path)
    language = language_of(entry.name)
    if language is None or language not in rules.languages:
        skipped.add("other language" if language else "no source code", name)
    elif not _is_utf8(name):
        skipped.add("name is not UTF-8", name)
    elif status.st_size > rules.max_bytes:
        skipped.add("too large", f"{name} ({status.st_size:,} bytes)")
    else:
        return status.st_size, status.st_mtime_ns, language
    return None


def path_rule(name: str, *, folder: bool) -> str | None:
    """Why CodeSearchNet's rules leave out a file or folder of this name, None where they do not.

    CodeSearchNet (Husain et al. 2019) drops every path with `test`, `vendor` or `node_modules` in it; here `test` has
    to be a word of the name, so that `latest` and `contest` stay.
    """
    if name.startswith("."):
        return "hidden"
    words = {word.lower() for word in _WORD.findall(PurePosixPath(name).stem)}
    if words & _TEST_WORDS or (name in _SPEC_FOLDERS if folder else _SPEC.search(name)):
        return TEST
    if not folder:
        return "minified" if _MINIFIED.search(name) else None
    if name.lower() in _VENDORED:
        return "vendored"
    return "built" if name.lower() in _BUILT else None


def is_test(path: str) -> bool:
    """Whether a file's path, relative to the root, says that it belongs to tests."""
    *folders, name = PurePosixPath(path).parts
    return path_rule(name, folder=False) == TEST or any(path_rule(part, folder=True) == TEST for part in folders)


def _kind_of_link(path: str, root: Path) -> str:
    try:
        target = Path(os.path.realpath(path, strict=True))
    except OSError as error:
        return "link to nothing" if isinstance(error, FileNotFoundError) else f"link ({error.strerror})"
    return "link inside the tree" if target.is_relative_to(root) else "link out of the tree"


def _is_utf8(name: str) -> bool:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def by_language(files: tuple[SourceFile, ...]) -> dict[str, tuple[int, int]]:
    """(files, bytes) of each language, the largest first."""
    sums: dict[str, tuple[int, int]] = {}
    for file in files:
        count, size = sums.get(file.language, (0, 0))
        sums[file.language] = count + 1, size + file.size
    return dict(sorted(sums.items(), key=lambda item: -item[1][1]))


def shards(files: tuple[SourceFile, ...], size: int) -> Iterator[tuple[SourceFile, ...]]:
    """Consecutive files of about `size` bytes together."""
    start = total = 0
    for position, file in enumerate(files):
        total += file.size
        if total >= size:
            yield files[start : position + 1]
            start, total = position + 1, 0
    if start < len(files):
        yield files[start:]
