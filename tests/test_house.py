"""Rules of the house that no single test of a part would hold."""

import ast
import importlib
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from common.cli import Job
from common.config import JobConfig, parse, read_yaml
from common.errors import ConfigError

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
PARTS = PROJECT["tool"]["importlinter"]["root_packages"]
LONGEST = 400
HEAVY = ("torch", "ray", "transformers", "mlflow", "peft")

SOURCES = sorted(file for part in PARTS for file in (ROOT / part).rglob("*.py"))
PYTHON = [*SOURCES, *sorted((ROOT / "tests").rglob("*.py")), *sorted((ROOT / "benchmarks").rglob("*.py"))]
PACKAGES = sorted({file.parent for file in SOURCES})


def relative(path):
    return str(path.relative_to(ROOT))


def dotted(path):
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def is_command(file):
    """Whether `python -m` has something to run in it."""
    conditions = [node.test for node in ast.parse(file.read_text("utf-8")).body if isinstance(node, ast.If)]
    return any(ast.unparse(condition) == "__name__ == '__main__'" for condition in conditions)


COMMANDS = [dotted(file) for file in SOURCES if is_command(file)]


def jobs():
    found = {}
    for file in sorted((ROOT / "jobs").glob("*.py")):
        if "\nJOB = " in file.read_text("utf-8"):
            found[dotted(file)] = importlib.import_module(dotted(file)).JOB
    return found


def test_the_commands_are_found():
    assert {"jobs.train_search", "jobs.evaluate_search", "cluster.submit", "cluster.doctor"} <= set(COMMANDS)


def test_every_job_is_a_command_of_its_own_name():
    found = jobs()
    assert found
    for name, job in found.items():
        assert isinstance(job, Job)
        assert job.name == name
        assert name in COMMANDS
        assert issubclass(job.config, JobConfig)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_imports_nothing_heavy(command):
    script = (
        "import runpy, sys\n"
        f"sys.argv = ['command', '--help']\n"
        "try:\n"
        f"    runpy.run_module({command!r}, run_name='__main__', alter_sys=True)\n"
        "except SystemExit as left:\n"
        f"    print('left with', left.code, [name for name in {HEAVY!r} if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "left with 0 []"
    assert f"python -m {command}" in done.stdout


@pytest.mark.parametrize("package", PACKAGES, ids=relative)
def test_every_package_says_what_it_is_for(package):
    docstring = ast.get_docstring(ast.parse((package / "__init__.py").read_text("utf-8")))
    assert docstring
    assert len(docstring.split()) >= 5


def test_every_package_is_installed():
    declared = set(PROJECT["tool"]["setuptools"]["packages"])
    assert declared == {dotted(package) for package in PACKAGES}


@pytest.mark.parametrize("file", sorted((ROOT / "jobs" / "configs").glob("*.yaml")), ids=lambda file: file.name)
def test_every_configuration_that_comes_along_is_one_job_s(file):
    accepted = []
    for name, job in jobs().items():
        try:
            config = parse(job.config, ["--config", str(file)], prog=name).config
        except ConfigError:
            continue
        accepted.append(job.config)
        assert read_yaml(file).keys() <= config.model_fields_set, "each of its keys counts"
    assert accepted
    owner = min(accepted, key=lambda config: len(config.__mro__))
    assert all(issubclass(config, owner) for config in accepted), "a job that extends another takes its files, too"
    assert len([config for config in accepted if config is owner]) == 1


def test_configurations_are_part_of_the_package():
    assert PROJECT["tool"]["setuptools"]["package-data"]["jobs"] == ["configs/*.yaml"]
    assert list((ROOT / "jobs" / "configs").glob("*.yaml"))


@pytest.mark.parametrize("file", PYTHON, ids=relative)
def test_no_file_is_too_long_to_read(file):
    assert len(file.read_text("utf-8").splitlines()) <= LONGEST


def test_no_part_imports_what_it_may_not():
    script = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    contracts = PROJECT["tool"]["importlinter"]["contracts"]
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(contracts)} kept, 0 broken" in done.stdout


def test_every_part_has_its_contract():
    bound = {part for contract in PROJECT["tool"]["importlinter"]["contracts"] for part in contract["source_modules"]}
    assert bound == set(PARTS)
