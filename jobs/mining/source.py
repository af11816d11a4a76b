"""Where the code comes from: a folder, or a git repository that is fetched first; and which repositories it holds."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

from common.corpora.mining.ignore import is_repository
from common.errors import UserError

SCHEMES = ("http", "https", "ssh", "git", "file")
_SCP = re.compile(r"[\w.-]+@[\w.-]+:(?!//)[^\s]+")  # git@host:owner/name
_HOSTED = re.compile(r"(?:https?|ssh|git)://(?:[^@/]*@)?(?P<host>[\w.-]+)(?::\d+)?/(?P<path>.+?)(?:\.git)?/?")
_OURS = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE")  # set where a git hook runs us
_REF = re.compile(r"[\w][\w./@+-]*")


@dataclass(frozen=True)
class Repository:
    """A git repository, or a tree that is none."""

    folder: str
    """Where it begins, relative to the mined tree; empty where that is inside of it."""
    name: str
    """OWNER/NAME where the remote says so, else the folder's name."""
    commit: str | None = None
    prefix: str = ""
    """Path of the mined tree inside the repository, where only a part of it is mined."""
    web: str | None = None
    """Address of the commit's files, for hosts whose addresses are known (GitHub, GitLab)."""

    def inside(self, path: str) -> str:
        """A path of the mined tree as the repository has it, from `folder` on."""
        return path.removeprefix(f"{self.folder}/") if self.folder else path

    def url(self, path: str, start: int, end: int) -> str | None:
        """A link to lines of a file; the tree may have changed since the commit."""
        if self.web is None:
            return None
        return f"{self.web}/{quote(self.prefix + self.inside(path))}#L{start}-L{end}"


def is_url(source: str) -> bool:
    """Whether a source is something for git to fetch, and no folder."""
    return bool("://" in source or "::" in source or _SCP.fullmatch(source))


def check_url(url: str, ref: str | None) -> None:
    """Raise `UserError` for what git must not be given: options, transports that run programs, secrets."""
    scheme = urlsplit(url).scheme if "://" in url else "ssh"
    if url.startswith("-") or "::" in url.split("/")[0] or scheme not in SCHEMES:
        raise UserError(f"{url!r} is no address to fetch from", f"addresses begin with {', '.join(SCHEMES)}://")
    if scheme in ("http", "https") and "@" in urlsplit(url).netloc:
        raise UserError("the address holds a name or a secret, which would be kept in the run folder",
                        "leave it out and use git's credential helper")  # fmt: skip
    if ref is not None and not _REF.fullmatch(ref):
        raise UserError(f"{ref!r} is no branch, tag or commit")


def fetch(url: str, ref: str | None, target: Path, patterns: Sequence[str]) -> Path:
    """Fetch one commit of a repository, of its files only those that match the patterns; returns `target`.

    An interrupted fetch starts over, a finished one is kept. Raises `UserError` with what git says.
    """
    check_url(url, ref)
    if target.exists():
        return target
    draft = target.with_name(f".{target.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    git(draft, "init", "--quiet", "--template=")
    git(draft, "remote", "add", "--", "origin", url)
    git(draft, "sparse-checkout", "set", "--no-cone", "--stdin", given="\n".join(patterns))
    said = ["fetch", "--quiet", "--depth", "1", "--no-tags", "--filter=blob:none", "origin", ref or "HEAD"]
    git(draft, *said, what=f"fetch {url}")
    git(draft, "checkout", "--quiet", "--detach", "FETCH_HEAD", what=f"check out {url}")
    draft.rename(target)
    return target


def remote_commit(url: str, ref: str | None) -> str:
    """What a fetch would get now. Raises like `fetch`."""
    check_url(url, ref)
    lines = git(Path("/"), "ls-remote", "--", url, ref or "HEAD", what=f"reach {url}").split()
    return lines[0] if lines else ref or "nothing yet"


def repositories(root: Path, folders: Sequence[str]) -> dict[str, Repository]:
    """The repositories of a tree by their folder; the empty one stands for all that is in none of the others."""
    found = {folder: _repository(root / folder, folder) for folder in folders if folder}
    top = next((path for path in (root, *root.parents) if is_repository(path)), None)
    if top is None:
        return {"": Repository("", root.name), **found}
    prefix = "" if top == root else root.relative_to(top).as_posix() + "/"
    return {"": _repository(top, "", prefix), **found}


def _repository(path: Path, folder: str, prefix: str = "") -> Repository:
    commit = _asked(path, "rev-parse", "--verify", "HEAD")
    address = _asked(path, "config", "--get", "remote.origin.url")
    if commit is None or address is None:
        return Repository(folder, path.name, commit, prefix)
    if _SCP.fullmatch(address):
        address = "ssh://" + address.replace(":", "/", 1)
    hosted = _HOSTED.fullmatch(address)
    if hosted is None:
        return Repository(folder, Path(urlsplit(address).path).name.removesuffix(".git") or path.name, commit, prefix)
    host, name = hosted["host"], hosted["path"]
    middle = "/-/blob" if "gitlab" in host else "/blob" if "github" in host else None
    web = f"https://{host}/{quote(name)}{middle}/{commit}" if middle else None
    return Repository(folder, name, commit, prefix, web)


def _asked(repository: Path, *command: str) -> str | None:
    """Git's answer; None where it has none: nothing committed, no remote, a folder of another user."""
    try:
        return git(repository, *command).strip()
    except UserError:
        return None


def git(folder: Path, *command: str, given: str = "", what: str = "") -> str:
    """Run git without prompts, hooks and transports that run programs; raises `UserError` with its message."""
    environment = {
        **{name: value for name, value in os.environ.items() if name not in _OURS},
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "",
        "SSH_ASKPASS": "",
        "GIT_SSH_COMMAND": os.environ.get("GIT_SSH_COMMAND", "ssh -oBatchMode=yes"),
        "GIT_ALLOW_PROTOCOL": ":".join(SCHEMES),
        "GIT_LFS_SKIP_SMUDGE": "1",
        "LC_ALL": "C",
    }
    safe = ["-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false"]
    try:
        done = subprocess.run(
            ["git", *safe, *command], cwd=folder, env=environment, input=given, capture_output=True, text=True,
            errors="replace", check=False,
        )  # fmt: skip
    except FileNotFoundError:
        raise UserError("git is not installed", "install it, or give a folder") from None
    if done.returncode:
        raise UserError(
            f"cannot {what or 'run git ' + command[0]}: {' '.join(done.stderr.split()) or 'no reason given'}"
        )
    return done.stdout
