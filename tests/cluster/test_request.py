import pytest

from cluster.request import (
    NODE_GROUP,
    Node,
    PlacementError,
    Request,
    check_placement,
    entrypoint,
    follow_up,
    job_module,
    split,
    with_run_dir,
)
from common.errors import ConfigError

JOB = ("python", "-m", "jobs.train_search", "--config", "jobs/configs/x.yaml")


def node(labels=None, **resources):
    return Node("10.0.0.1", resources, labels or {})


def test_the_first_double_dash_ends_our_own_flags():
    assert split(["--no-wait", "--", "echo", "--", "x"]) == (["--no-wait"], ["echo", "--", "x"])
    assert split(["--help"]) == (["--help"], [])


def test_a_bare_job_name_stands_for_python_dash_m():
    assert entrypoint(["jobs.train_search", "--seed", "1"]) == ("python", "-m", "jobs.train_search", "--seed", "1")
    assert entrypoint(["python", "x.py"]) == ("python", "x.py")


def test_an_empty_command_says_where_it_goes():
    with pytest.raises(ConfigError, match="after --"):
        entrypoint([])


def test_our_jobs_are_told_from_other_commands():
    assert job_module(JOB) == "jobs.train_search"
    assert job_module(["python", "-m", "pip", "list"]) is None
    assert job_module(["echo", "jobs.train_search"]) is None


def test_arguments_are_quoted_and_unasked_resources_left_to_ray():
    arguments = Request(("python", "-c", "print('hi')"), num_cpus=0).arguments
    assert arguments["entrypoint"] == """python -c 'print('"'"'hi'"'"')'"""
    assert arguments["runtime_env"] == {"working_dir": "."}
    assert [arguments[f"entrypoint_{kind}"] for kind in ("num_cpus", "num_gpus", "resources")] == [None, None, None]


@pytest.mark.parametrize("given", [("--run-dir", "out/a"), ("--run-dir=out/a",)], ids=["two words", "one word"])
def test_a_relative_run_dir_becomes_absolute_where_the_cluster_is_this_machine(tmp_path, given):
    command = with_run_dir((*JOB, *given, "--seed", "1"), None, tmp_path, same_machine=True)
    assert command == (*JOB, "--run-dir", str(tmp_path / "out/a"), "--seed", "1")


def test_a_missing_run_dir_becomes_the_jobs_default_on_this_machine(tmp_path):
    assert with_run_dir(JOB, None, tmp_path, same_machine=True)[-2:] == (
        "--run-dir",
        str(tmp_path / "runs" / "train_search"),
    )


@pytest.mark.parametrize("extra", [(), ("--run-dir", "out")], ids=["missing", "relative"])
def test_elsewhere_a_run_dir_that_nodes_cannot_share_is_refused(tmp_path, extra):
    with pytest.raises(ConfigError, match="storage that all nodes share"):
        with_run_dir((*JOB, *extra), None, tmp_path, same_machine=False)


def test_an_absolute_run_dir_is_passed_on_from_before_and_after_the_dashes(tmp_path):
    shared = tmp_path / "shared"
    assert with_run_dir(JOB, shared, tmp_path, same_machine=False) == (*JOB, "--run-dir", str(shared))
    after = (*JOB, "--run-dir", str(shared))
    assert with_run_dir(after, None, tmp_path, same_machine=False) == after
    with pytest.raises(ConfigError, match="twice"):
        with_run_dir(after, shared, tmp_path, same_machine=True)


@pytest.mark.parametrize("flag", [("--config", "mine.yaml"), ("--config=mine.yaml",)])
def test_a_run_dir_in_the_jobs_yaml_is_not_replaced(tmp_path, flag):
    job = ("python", "-m", "jobs.train_search", *flag)
    (tmp_path / "mine.yaml").write_text("run_dir: /shared/run\n")
    assert with_run_dir(job, None, tmp_path, same_machine=False) == job
    (tmp_path / "mine.yaml").write_text("run_dir: there\n")
    assert with_run_dir(job, None, tmp_path, same_machine=True)[-1] == str(tmp_path / "there")


def test_other_commands_are_left_alone(tmp_path):
    assert with_run_dir(("python", "x.py"), None, tmp_path, same_machine=False) == ("python", "x.py")


def test_a_driver_must_fit_on_one_node():
    request = Request(JOB, num_cpus=4, resources={"cpu_pool": 1})
    assert check_placement(request, [node(CPU=0), node(CPU=8, cpu_pool=8)]) is None
    with pytest.raises(PlacementError, match="no single node has all of it"):
        check_placement(request, [node(CPU=2, cpu_pool=8), node(CPU=8)])


def test_what_can_never_be_placed_names_the_most_there_is():
    with pytest.raises(PlacementError, match=r"4 CPU \+ 1 GPU, and the most on any node is 2 CPU, 0 GPU"):
        check_placement(Request(JOB, num_cpus=4, num_gpus=1), [node(CPU=2)])


def test_an_autoscaled_cluster_may_still_grow_into_the_request():
    remark = check_placement(Request(JOB), [node({NODE_GROUP: "head"}, CPU=0)])
    assert remark is not None and "autoscaler" in remark


def test_a_driver_without_needs_runs_on_the_head():
    assert check_placement(Request(JOB, num_cpus=0), [node(CPU=0)]) is None


def test_follow_ups_carry_the_address_and_the_mode():
    logs, status, stop = follow_up("one", "http://h:8265", {"RAY_AUTH_MODE": "token"})
    assert logs == "RAY_AUTH_MODE=token RAY_API_SERVER_ADDRESS=http://h:8265 ray job logs --follow one"
    assert status.endswith("ray job status one") and stop.endswith("ray job stop one")
