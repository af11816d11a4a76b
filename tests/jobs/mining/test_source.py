import os
import subprocess

import pytest

from common.errors import UserError
from jobs.mining.source import check_url, fetch, is_url, remote_commit, repositories


def git(folder, *command):
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main"]
    done = subprocess.run(["git", *identity, *command], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def upstream(tmp_path):
    """A repository with two commits, the first one tagged."""
    folder = tmp_path / "upstream"
    folder.mkdir()
    git(folder, "init", "-q")
    git(folder, "config", "uploadpack.allowFilter", "true")
    git(folder, "config", "uploadpack.allowAnySHA1InWant", "true")
    (folder / "src").mkdir()
    (folder / "src" / "a.py").write_text("x = 1\n")
    (folder / "picture.bin").write_bytes(bytes(1000))
    (folder / ".gitignore").write_text("gen/\n")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "one")
    git(folder, "tag", "v1")
    (folder / "src" / "b.py").write_text("x = 2\n")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "two")
    return folder


def test_only_wanted_files_of_one_commit_are_fetched(upstream, tmp_path):
    target = fetch(upstream.as_uri(), None, tmp_path / "run" / "source", ["*.py", ".gitignore"])
    files = {path.relative_to(target).as_posix() for path in target.rglob("*") if ".git/" not in f"{path}/"}
    assert files == {".gitignore", "src", "src/a.py", "src/b.py"}
    assert git(target, "rev-list", "--count", "HEAD") == "1"
    head = git(upstream, "rev-parse", "HEAD")
    assert repositories(target, [""])[""].commit == head == remote_commit(upstream.as_uri(), None)


@pytest.mark.parametrize("kind", ["tag", "branch", "commit"])
def test_a_ref_may_be_a_tag_a_branch_or_a_commit(upstream, tmp_path, kind):
    first = git(upstream, "rev-parse", "v1^{commit}")
    git(upstream, "branch", "old", first)
    target = fetch(upstream.as_uri(), {"tag": "v1", "branch": "old", "commit": first}[kind], tmp_path / "s", ["*.py"])
    assert sorted(path.name for path in target.rglob("*.py")) == ["a.py"]


def test_a_finished_fetch_is_kept_and_an_interrupted_one_starts_over(upstream, tmp_path):
    (tmp_path / ".source.draft").mkdir()
    (tmp_path / ".source.draft" / "half").write_text("")
    target = fetch(upstream.as_uri(), None, tmp_path / "source", ["*.py"])
    assert not (target / "half").exists() and not (tmp_path / ".source.draft").exists()
    (target / "mine.py").write_text("")
    assert (fetch(upstream.as_uri(), None, target, ["*.py"]) / "mine.py").exists()


def test_git_s_own_words_reach_the_user(tmp_path, upstream):
    with pytest.raises(UserError, match=r"does not appear to be a git repository|not exist"):
        fetch((tmp_path / "none").as_uri(), None, tmp_path / "s", ["*.py"])
    with pytest.raises(UserError, match="couldn't find remote ref nope"):
        fetch(upstream.as_uri(), "nope", tmp_path / "s", ["*.py"])
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize(
    "url",
    [
        "--upload-pack=touch x",
        "ext::sh -c touch% x",
        "fd::7",
        "ftp://host/x",
        "https://me:secret@host/x",
        "https://t0ken@host/x",
    ],
)
def test_addresses_that_git_must_not_see_are_refused(url, tmp_path):
    with pytest.raises(UserError):
        fetch(url, None, tmp_path / "s", ["*.py"])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("ref", ["--output=x", "-x", "a b", "", "x\ny"])
def test_refs_that_are_options_are_refused(ref):
    with pytest.raises(UserError):
        check_url("https://host/x", ref)


@pytest.mark.parametrize(
    ("source", "url"),
    [("https://host/x", True), ("git@host.org:a/b.git", True), ("ext::x", True), ("file:///x", True),
     (".", False), ("/a/b", False), ("c:/code", False), ("a@b", False)],
)  # fmt: skip
def test_addresses_and_folders_are_told_apart(source, url):
    assert is_url(source) is url


@pytest.mark.parametrize(
    ("remote", "name", "web"),
    [
        ("https://github.com/own/er.git", "own/er", "https://github.com/own/er/blob/{}/src/x%20y.py#L3-L9"),
        ("git@github.com:own/er.git", "own/er", "https://github.com/own/er/blob/{}/src/x%20y.py#L3-L9"),
        ("https://tok:en@gitlab.com/g/s/p", "g/s/p", "https://gitlab.com/g/s/p/-/blob/{}/src/x%20y.py#L3-L9"),
        ("https://code.example.org/own/er", "own/er", None),
        ("/srv/git/er.git", "er", None),
        (None, "upstream", None),
    ],
)  # fmt: skip
def test_where_a_repository_comes_from(upstream, remote, name, web):
    if remote:
        git(upstream, "remote", "add", "origin", remote)
    commit = git(upstream, "rev-parse", "HEAD")
    whole, part = (repositories(root, [""])[""] for root in (upstream, upstream / "src"))
    assert (whole.name, whole.commit, part.prefix) == (name, commit, "src/")
    expected = web and web.format(commit)
    assert whole.url("src/x y.py", 3, 9) == part.url("x y.py", 3, 9) == expected


def test_a_tree_without_git_and_a_repository_without_commits(tmp_path):
    (tmp_path / "empty").mkdir()
    git(tmp_path / "empty", "init", "-q")
    found = repositories(tmp_path, ["empty"])
    assert (found[""].name, found[""].commit) == (tmp_path.name, None)
    assert (found["empty"].name, found["empty"].inside("empty/a.py")) == ("empty", "a.py")


def test_a_surrounding_git_process_does_not_misdirect(upstream, monkeypatch, tmp_path):
    monkeypatch.setitem(os.environ, "GIT_DIR", str(tmp_path / "elsewhere"))
    assert repositories(upstream, [""])[""].commit
