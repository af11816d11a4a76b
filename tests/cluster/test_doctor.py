import json

import pytest
from packaging.requirements import Requirement

from cluster import checks, doctor, facts
from cluster.checks import GIB, Check
from cluster.client import ConnectError
from cluster.request import Node
from common.errors import UserError


@pytest.mark.parametrize(
    "line, status",
    [
        (checks.python("3.11.7", ">=3.11,<3.13"), "ok"),
        (checks.python("3.13.0", ">=3.11,<3.13"), "fail"),
        (checks.cores(8, None), "ok"),
        (checks.cores(8, 1.5), "warn"),
        (checks.memory(32 * GIB, None), "ok"),
        (checks.memory(32 * GIB, 2 * GIB), "warn"),
        (checks.disk(100 * GIB, "/x"), "ok"),
        (checks.disk(5 * GIB, "/x"), "warn"),
        (checks.disk(GIB // 2, "/x"), "fail"),
        (checks.shared_memory(64 * 2**20, 16 * GIB), "warn"),
        (checks.shared_memory(8 * GIB, 16 * GIB), "ok"),
        (checks.shared_memory(None, 16 * GIB), "ok"),
        (checks.package("ray[train]>=2.60,<2.61", "2.60.0"), "ok"),
        (checks.package("torch>=2.13,<2.14", "2.13.0+cpu"), "ok"),
        (checks.package("torch>=2.13,<2.14", "2.12.0"), "fail"),
        (checks.package("torch>=2.13,<2.14", None), "fail"),
        (checks.package("bitsandbytes>=0.50,<0.51", None), "warn"),
        (checks.gpu([], driver=False), "ok"),
        (checks.gpu([], driver=True), "warn"),
        (checks.gpu(["H200 (139 GiB)"], driver=True), "ok"),
        (checks.bf16(True), "ok"),
        (checks.bf16(None), "warn"),
        (checks.threads(None, 2), "ok"),
        (checks.threads("2", 2), "ok"),
        (checks.threads("16", 2), "warn"),
        (checks.hub(True, "", None), "ok"),
        (checks.hub(False, "https://hub", None), "ok"),
        (checks.hub(False, "https://hub", "refused"), "warn"),
        (checks.encoder(True), "ok"),
        (checks.encoder(False), "fail"),
        (checks.token(None, None), "ok"),
        (checks.token(None, "token"), "fail"),
        (checks.token("RAY_AUTH_TOKEN", None), "warn"),
        (checks.token("RAY_AUTH_TOKEN", "token"), "ok"),
        (checks.demo(3), "ok"),
        (checks.demo(2), "warn"),
    ],
    ids=lambda value: value.name if isinstance(value, Check) else value,
)
def test_verdicts(line, status):
    assert line.status == status
    assert bool(line.remedy) == (status != "ok"), "whatever is not right comes with its remedy, and only that"


def finding(level, error="", **isolation):
    has = {"level": level, "landlock": 7, "cgroup": 2, "own_user": True, **isolation}
    return {"level": level, "isolation": None if error else has, "error": error, "start_ms": 50.0}


NO_FULL = finding("full", "unshare: Operation not permitted")


@pytest.mark.parametrize(
    ("findings", "switches", "user", "container", "found", "remedies"),
    [
        ([finding("full"), finding("reduced")], {}, 0, True, "full as root: Landlock 7, cgroup 2, candidates as a "
                                                             "user", []),
        ([finding("full", landlock=0, cgroup=0, own_user=False)], {}, 1000, False,
         "full as user 1000: no Landlock, no cgroup, candidates as our own user", []),
        ([NO_FULL, finding("reduced")], {}, 0, True, "reduced", ["seccomp=unconfined", "SYS_ADMIN", "reduced"]),
        ([NO_FULL, finding("reduced")], {"kernel.unprivileged_userns_clone": "0"}, 1000, False, "reduced",
         ["userns_clone=1"]),
        ([NO_FULL, finding("reduced")], {"kernel.unprivileged_userns_clone": "0"}, 0, False, "reduced",
         ["unshare -Ur"]),
        ([NO_FULL, finding("reduced")], {"user.max_user_namespaces": "0"}, 0, False, "reduced",
         ["max_user_namespaces=15000"]),
        ([NO_FULL, finding("reduced")], {"user.max_user_namespaces": "96365"}, 0, False, "reduced", ["unshare -Ur"]),
        ([NO_FULL, finding("reduced")], {"kernel.apparmor_restrict_unprivileged_userns": "1"}, 1000, False, "reduced",
         ["apparmor_restrict_unprivileged_userns=0", "profile"]),
        ([finding("full", "uid_map: no"), finding("reduced", "setresuid: no")], {}, 0, True, "none as root",
         ["ordinary user", "SETUID"]),
        ([NO_FULL, finding("reduced", "level reduced needs Landlock")], {}, 5, True, "none as user 5", ["seccomp=",
         "lsm="]),
        ([], {}, 0, False, "no answer", ["Linux"]),
    ],
)  # fmt: skip
def test_the_sandbox_and_what_to_allow_for_a_better_one(findings, switches, user, container, found, remedies):
    line = checks.sandbox(findings, switches, user=user, container=container)
    assert found in line.found
    assert (line.status == "ok") == (not remedies)
    assert all(remedy in line.remedy for remedy in remedies)
    assert bool(line.remedy) == bool(remedies)


def test_the_probe_answers_on_this_machine():
    assert [one["level"] for one in facts.sandbox()] == ["full", "reduced"]


def test_a_probe_that_does_not_start_is_no_answer(monkeypatch, tmp_path):
    monkeypatch.setattr(facts, "PROJECT", tmp_path / "pyproject.toml")
    monkeypatch.delenv("PYTHONPATH", raising=False)
    monkeypatch.setattr(facts.sys, "executable", "/nonesuch")
    assert facts.sandbox() == []
    monkeypatch.setattr(facts.sys, "executable", "/bin/true")
    assert facts.sandbox() == []


def test_switches_that_this_kernel_has(tmp_path):
    (tmp_path / "user").mkdir()
    (tmp_path / "user" / "max_user_namespaces").write_text("0\n")
    assert facts.switches(tmp_path) == {"user.max_user_namespaces": "0"}


def test_containers_are_known_by_their_marks(tmp_path):
    assert not facts.container(tmp_path)
    (tmp_path / ".dockerenv").touch()
    assert facts.container(tmp_path)


def test_a_cluster_s_nodes_are_listed_without_what_ray_adds_for_itself():
    head = Node("10.0.0.1", {"CPU": 0, "node:10.0.0.1": 1, "object_store_memory": 9, "memory": 4 * GIB}, {}, head=True)
    lines = checks.cluster("http://h:8265", [head], None, unlocked=False)
    assert [line.found for line in lines] == ["http://h:8265", "10.0.0.1: 0 CPU, 4.0 GiB memory"]


def test_a_job_server_without_a_token_is_pointed_out():
    assert checks.cluster("http://h:8265", [], None, unlocked=True)[0].status == "warn"


def test_no_cluster_is_no_fault_and_an_unreachable_one_is():
    assert checks.cluster(None, [], None, unlocked=True)[0].status == "ok"
    assert (
        checks.cluster("http://h:8265", [], ConnectError("nothing answers", "look"), unlocked=True)[0].status == "fail"
    )


@pytest.mark.parametrize(
    "files, limit",
    [
        ({"cpu.max": "150000 100000\n"}, 1.5),
        ({"cpu.max": "max 100000\n"}, None),
        ({"cpu/cpu.cfs_quota_us": "200000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 2.0),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, None),
        ({}, None),
    ],
)
def test_cpu_limits_of_both_cgroup_versions(tmp_path, files, limit):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert facts.cpu_limit(tmp_path) == limit


def test_memory_limits_of_both_cgroup_versions(tmp_path):
    assert facts.memory_limit(tmp_path) is None
    (tmp_path / "memory").mkdir()
    (tmp_path / "memory" / "memory.limit_in_bytes").write_text("2048\n")
    assert facts.memory_limit(tmp_path) == 2048
    (tmp_path / "memory.max").write_text("1024\n")
    assert facts.memory_limit(tmp_path) == 1024


def test_a_hub_that_nobody_answers_for_is_a_reason_and_no_wait():
    assert "refused" in (facts.unreachable("http://127.0.0.1:1", timeout=0.5) or "")


def test_every_package_of_the_table_is_pinned():
    lines = facts.project()["dependencies"]
    assert {Requirement(line).name for line in lines} >= set(doctor.PACKAGES)


@pytest.fixture
def found(monkeypatch):
    def use(*lines):
        monkeypatch.setattr(doctor, "machine", lambda: list(lines))
        monkeypatch.setattr(doctor, "cluster", lambda address: [])

    return use


def test_warnings_pass_and_failures_do_not(found, capsys):
    found(Check("disk", "warn", "small", "make room"))
    assert doctor.main([]) == 0
    assert "make room" in capsys.readouterr().out
    found(Check("disk", "fail", "full [1]", "make room"))
    assert doctor.main([]) == 1
    assert "full [1]" in capsys.readouterr().out


def test_json_for_machines(found, capsys):
    found(Check("disk", "warn", "small", "make room"))
    assert doctor.main(["--json"]) == 0
    assert json.loads(capsys.readouterr().out) == [
        {"name": "disk", "status": "warn", "found": "small", "remedy": "make room"}
    ]


def test_a_wrong_flag_is_status_2(capsys):
    assert doctor.main(["--adress", "x"]) == 2
    assert "--address" in capsys.readouterr().err


def no_cluster(address):
    raise ConnectError("no Ray cluster runs on this machine", "start one")


def test_without_a_cluster_the_demo_is_held_against_this_machine(monkeypatch, tmp_path):
    for name in ("RAY_ADDRESS", "RAY_API_SERVER_ADDRESS", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH", "RAY_AUTH_MODE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(doctor, "connect", no_cluster)
    monkeypatch.setattr(facts, "cores", lambda: 16)
    monkeypatch.setattr(facts, "cpu_limit", lambda: None)
    assert [line.status for line in doctor.cluster(None)] == ["ok", "ok", "ok"]
    assert [line.status for line in doctor.cluster("http://h:8265")] == ["ok", "fail", "ok"]


def test_a_cluster_that_refuses_the_token_fails_even_if_nobody_named_it(monkeypatch, tmp_path):
    def refuse(address):
        raise UserError("wants a token", "get it")

    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(doctor, "connect", refuse)
    assert "fail" in [line.status for line in doctor.cluster(None)]
