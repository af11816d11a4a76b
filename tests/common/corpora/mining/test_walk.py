import os
import socket
import subprocess

import pytest

from common.corpora.mining import walk as module
from common.corpora.mining.languages import LANGUAGES
from common.corpora.mining.walk import SourceFile, WalkRules, path_rule, shards, walk

RULES = WalkRules(frozenset(LANGUAGES))


def tree(root, *paths, content="x = 1\n"):
    for path in paths:
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    return root


def found(root, **rules):
    return [file.path for file in walk(root, WalkRules(frozenset(LANGUAGES), **rules)).files]


def reasons(root, rules=RULES):
    return {reason: (skip.files, skip.folders) for reason, skip in walk(root, rules).skipped.by_reason.items()}


def test_files_come_by_path_with_size_and_language(tmp_path):
    tree(tmp_path, "b/z.py", "b-a.go", "a/m.rb")
    files = walk(tmp_path, RULES).files
    assert [(file.path, file.language, file.size) for file in files] == [
        ("a/m.rb", "ruby", 6), ("b-a.go", "go", 6), ("b/z.py", "python", 6),
    ]  # fmt: skip


def test_what_is_not_taken_is_counted_and_named(tmp_path):
    tree(tmp_path, "src/a.py", "README.md", "src/b.go", "node_modules/x/i.js", "tests/t.py", "dist/o.js", ".ci/a.py")
    tree(tmp_path, "web/app.min.js", "web/one.spec.ts", "lib/test_x.py", "lib/FooTest.java", "third_party/q.c")
    skipped = walk(tmp_path, WalkRules(frozenset({"python"}))).skipped.stored()
    assert skipped["no source code"] == {"files": 1, "folders": 0, "first": ["README.md"]}
    assert skipped["other language"]["first"] == ["src/b.go"]
    assert skipped["vendored"] == {"files": 0, "folders": 2, "first": ["node_modules/", "third_party/"]}
    assert skipped["test"] == {
        "files": 3, "folders": 1, "first": ["tests/", "lib/FooTest.java", "lib/test_x.py", "web/one.spec.ts"],
    }  # fmt: skip
    assert skipped["built"]["first"] == ["dist/"]
    assert skipped["hidden"]["first"] == [".ci/"]
    assert skipped["minified"]["first"] == ["web/app.min.js"]


def test_the_path_rules_can_be_switched_off(tmp_path):
    tree(tmp_path, "tests/t.py", "vendor/v.go", ".x/y.py", ".git/hooks/h.py")
    assert found(tmp_path) == []
    assert found(tmp_path, path_rules=False) == [".x/y.py", "tests/t.py", "vendor/v.go"]


@pytest.mark.parametrize(
    ("name", "folder", "expected"),
    [
        ("latest", True, None), ("contest.py", False, None), ("attestation", True, None),
        ("label_spec.py", False, None),
        ("unittests", True, "test"), ("__tests__", True, "test"), ("x_test.go", False, "test"),
        ("MyTestCase.java", False, "test"), ("URLTests.cs", False, "test"), ("a.test.ts", False, "test"),
        ("b_spec.rb", False, "test"), ("spec", True, "test"), ("HTMLTest.js", False, "test"),
        ("Vendor", True, "vendored"), ("vendor.js", False, None), ("build", True, "built"), ("build.py", False, None),
        ("a-min.js", False, "minified"), (".hidden.py", False, "hidden"),
    ],
)  # fmt: skip
def test_path_rules(name, folder, expected):
    assert path_rule(name, folder=folder) == expected


def test_nested_ignore_files_with_negation_as_git_sees_them(tmp_path):
    tree(
        tmp_path,
        "a.py",
        "gen/a.py",
        "gen/keep.py",
        "sub/a.py",
        "sub/gen/b.py",
        "sub/deep/c.py",
        "out/keep.py",
        "x/top.py",
    )
    tree(tmp_path, "top.py", "private.py", "a space.py", "sub/private.py")
    tree(tmp_path, ".gitignore", content="gen/*\n!gen/keep.py\nout/\n!out/keep.py\n/top.py\n# comment\n\n[z-a].py\n")
    tree(tmp_path, "sub/.gitignore", content="a.py\n!gen/\n!gen/b.py\ndeep/**\n")
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    tree(tmp_path, ".git/info/exclude", content="private.py\n")
    command = ["git", "-C", tmp_path, "ls-files", "--others", "--exclude-standard", "-z", "*.py"]
    environment = {**os.environ, "HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    listed = subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout
    assert found(tmp_path) == sorted(listed.split("\0")[:-1])
    assert "gen/keep.py" in found(tmp_path) and "out/keep.py" not in found(tmp_path)
    assert "out/keep.py" in found(tmp_path, gitignore=False)


def test_a_part_of_a_repository_is_under_its_rules_unless_they_leave_out_all_of_it(tmp_path):
    tree(tmp_path, "src/a.py", "src/gen.py", "env/lib/b.py", ".git/HEAD")
    tree(tmp_path, ".gitignore", content="gen.py\nenv/\n")
    tree(tmp_path, "env/.gitignore", content="*\n")
    assert found(tmp_path / "src") == ["a.py"]
    assert found(tmp_path / "env" / "lib") == ["b.py"]
    assert found(tmp_path) == ["src/a.py"]


def test_a_repository_inside_has_its_own_rules(tmp_path):
    tree(tmp_path, "one/a.py", "one/.git/HEAD", "two/b.py", "two/in/c.py", "loose/d.py")
    tree(tmp_path, ".gitignore", content="a.py\nd.py\n")
    tree(tmp_path, "two/.git", content="gitdir: ../modules/two\n")
    tree(tmp_path, "modules/two/info/exclude", content="in/\n")
    result = walk(tmp_path, RULES)
    assert {file.path: file.repository for file in result.files} == {"one/a.py": "one", "two/b.py": "two"}
    assert result.repositories == ("one", "two")


def test_links_are_counted_and_never_followed(tmp_path):
    root = tree(tmp_path / "root", "a/x.py")
    tree(tmp_path, "outside/secret.py")
    (root / "a" / "loop").symlink_to(root)
    (root / "out").symlink_to(tmp_path / "outside")
    (root / "file.py").symlink_to(tmp_path / "outside" / "secret.py")
    (root / "gone.py").symlink_to("nowhere")
    (root / "self.py").symlink_to("self.py")
    assert found(root) == ["a/x.py"]
    counted = reasons(root)
    assert counted["link inside the tree"] == (1, 0)
    assert counted["link out of the tree"] == (2, 0)
    assert counted["link to nothing"] == (1, 0)
    assert sum(files for reason, (files, _) in counted.items() if reason.startswith("link (")) == 1


def test_a_link_to_the_tree_is_the_tree(tmp_path):
    tree(tmp_path / "real", "x.py")
    (tmp_path / "link").symlink_to("real")
    assert found(tmp_path / "link") == ["x.py"]


def test_pipes_sockets_large_files_and_names_that_are_no_text_are_left_out_unopened(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tree(tmp_path, "a.py")
    os.mkfifo(tmp_path / "pipe.py")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket.py")
    with (tmp_path / "huge.py").open("wb") as file:
        file.truncate(200_000_000)
    with open(os.fsencode(tmp_path) + b"/caf\xe9.py", "w") as file:  # noqa: PTH123 - a name in Latin-1
        file.write("x = 1\n")
    result = walk(tmp_path, RULES)
    assert [file.path for file in result.files] == ["a.py"]
    skipped = result.skipped.stored()
    assert skipped["no regular file"]["first"] == ["pipe.py", "socket.py"]
    assert skipped["too large"]["first"] == ["huge.py (200,000,000 bytes)"]
    assert skipped["name is not UTF-8"]["first"] == ["caf\\udce9.py"]


def test_folders_that_cannot_be_listed_are_counted(tmp_path, monkeypatch):
    tree(tmp_path, "open/a.py", "shut/b.py")
    scandir = os.scandir

    def refusing(path):  # the tests may run as root, whom permissions do not stop
        if str(path).endswith("shut"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(module.os, "scandir", refusing)
    assert found(tmp_path) == ["open/a.py"]
    assert reasons(tmp_path)["unreadable (Permission denied)"] == (0, 1)


def test_the_run_folder_is_not_mined(tmp_path):
    tree(tmp_path, "a.py", "runs/mine/source/b.py")
    assert found(tmp_path, excluded=tmp_path / "runs" / "mine") == ["a.py"]


def test_only_the_first_of_a_kind_are_named(tmp_path):
    tree(tmp_path, *(f"{n:02d}.txt" for n in range(25)))
    skip = walk(tmp_path, RULES).skipped.by_reason["no source code"]
    assert skip.files == 25
    assert skip.first == [f"{n:02d}.txt" for n in range(module.FIRST)]


def test_shards_hold_every_file_once_in_order():
    files = tuple(SourceFile(f"{n}.py", n, 0, "python", "") for n in (5, 1, 1, 9, 2, 2, 2))
    cut = list(shards(files, 6))
    assert [[file.size for file in shard] for shard in cut] == [[5, 1], [1, 9], [2, 2, 2]]
    assert list(shards((), 6)) == []
