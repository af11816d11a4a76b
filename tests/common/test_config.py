"""From flags and YAML to a record: who wins, and what a mistake is told."""

from pathlib import Path

import pytest
from pydantic import Field, ValidationError

from common.config import Config, JobConfig, dump_yaml, keys, merge, parse, read_yaml, validate
from common.errors import ConfigError


class Peft(Config):
    """How the base is adapted."""

    rank: int = Field(default=8, gt=0)
    """Rank of the update."""
    targets: list[str] = Field(default=["query", "value"])
    """Modules that get one."""


class Training(JobConfig):
    """A job."""

    name: str
    """What the adapter is called."""
    learning_rate: float = 5e-5
    """Peak of the schedule."""
    packed: bool = False
    """Several texts in a row."""
    data: Path | None = None
    """Training pairs."""
    peft: Peft = Peft()
    """The method."""


def from_flags(*argv):
    return parse(Training, ["--name", "n", *argv], prog="python -m jobs.train").config


@pytest.fixture
def yaml_file(tmp_path):
    def write(text):
        file = tmp_path / "job.yaml"
        file.write_text(text, "utf-8")
        return str(file)

    return write


def test_defaults():
    assert from_flags() == Training(name="n")


def test_flags_win_over_yaml_and_yaml_over_defaults(yaml_file):
    file = yaml_file("name: from-file\nlearning_rate: 1e-3\npacked: true\npeft:\n  rank: 16\n  targets: [key]\n")
    got = parse(Training, ["--config", file, "--peft.rank", "32", "--learning-rate", "2e-3"], prog="p").config
    assert (got.name, got.learning_rate, got.packed) == ("from-file", 2e-3, True)
    assert got.peft == Peft(rank=32, targets=["key"])


def test_flag_that_repeats_the_default_still_wins_over_yaml(yaml_file):
    file = yaml_file("name: n\npacked: true\npeft: {rank: 16}\n")
    got = parse(Training, ["--config", file, "--peft.rank", "8", "--no-packed"], prog="p").config
    assert (got.peft.rank, got.packed) == (8, False)


def test_lists_and_paths_from_flags():
    got = from_flags("--peft.targets", "key,value", "--data", "some/pairs.jsonl")
    assert (got.peft.targets, got.data) == (["key", "value"], Path("some/pairs.jsonl"))


def test_dry_run_is_no_part_of_the_record():
    called = parse(Training, ["--name", "n", "--dry-run"], prog="p")
    assert called.dry_run
    assert called.config == Training(name="n")
    assert not parse(Training, ["--name", "n"], prog="p").dry_run


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--peft.rnk", "4"], "unknown key '--peft.rnk', did you mean '--peft.rank'?"),
        (["--peft.rnk=4"], "unknown key '--peft.rnk', did you mean '--peft.rank'?"),
        (["--learning_rate", "1"], "did you mean '--learning-rate'?"),
        (["--learning", "1"], "unknown key '--learning'"),  # no abbreviations: they would break with the next field
        (["--peft.rank", "many"], "peft.rank: Input should be a valid integer, unable to parse string as an integer"
                                  " (got 'many')"),
        (["--peft.rank", "0"], "peft.rank: Input should be greater than 0 (got '0')"),
        (["--learning-rate"], "expected one argument"),
        (["--config", "no/such.yaml"], "no configuration file no/such.yaml"),
    ],
)  # fmt: skip
def test_mistaken_flags(argv, message):
    with pytest.raises(ConfigError) as caught:
        from_flags(*argv)
    assert message in caught.value.message
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: n\npeft:\n  rnk: 4\n", "unknown key 'peft.rnk', did you mean 'peft.rank'?"),
        ("name: n\nrank: 4\n", "unknown key 'rank', did you mean 'peft.rank'?"),
        ("name: n\npeft: {rank: many}\n", "peft.rank: Input should be a valid integer"),
        ("name: n\npacked: 7\n", "(got 7)"),
        ("peft: {rank: 4}\n", "key 'name' is required"),
        ("name: n\npeft: 3\n", "peft: Input should be a valid dictionary or instance of Peft (got 3)"),
        ("name: n\npeft: [4\nlearning_rate: 1\n", "is not valid YAML"),
        ("name: n\n\tpacked: true\n", "line 2"),
        ("- name\n- n\n", "must hold a mapping of keys to values, not a list"),
    ],
)
def test_mistakes_in_yaml_name_the_file(yaml_file, text, message):
    file = yaml_file(text)
    with pytest.raises(ConfigError) as caught:
        parse(Training, ["--config", file], prog="p")
    assert message in caught.value.message
    assert file in caught.value.message


def test_every_mistake_is_told_at_once():
    with pytest.raises(ConfigError) as caught:
        validate(Training, {"learning_rate": "fast", "pakced": True})
    for part in ("'name' is required", "learning_rate", "did you mean 'packed'?"):
        assert part in caught.value.message


def test_word_like_no_key_gets_no_guess():
    with pytest.raises(ConfigError) as caught:
        validate(Training, {"name": "n", "zzzzzz": 1})
    assert "unknown key 'zzzzzz'" in caught.value.message
    assert "did you mean" not in caught.value.message


def test_yaml_that_is_not_text_or_is_empty(tmp_path):
    file = tmp_path / "job.yaml"
    file.write_bytes(b"name: \xff\xfe")
    with pytest.raises(ConfigError, match="is not valid YAML"):
        read_yaml(file)
    file.write_bytes(b"# nothing but a remark\n")
    assert read_yaml(file) == {}


def test_help_shows_docstrings_defaults_and_groups(capsys):
    with pytest.raises(SystemExit) as left:
        parse(Training, ["--help"], prog="python -m jobs.train", description="Trains an adapter.")
    assert left.value.code == 0
    shown = " ".join(capsys.readouterr().out.split())
    for part in ("usage: python -m jobs.train", "Trains an adapter.", "What the adapter is called. (required)",
                 "Peak of the schedule. (default: 5e-05)", "--packed, --no-packed", "--run-dir", "--dry-run",
                 "peft options: The method.", "--peft.rank int Rank of the update. (default: 8)"):  # fmt: skip
        assert part in shown, part


def test_records_are_frozen():
    with pytest.raises(ValidationError, match="frozen"):
        Training(name="n").packed = True


def test_dumped_yaml_reads_back_as_the_same_record(tmp_path):
    config = Training(name="größe", learning_rate=1e-5, data=Path("x"), peft=Peft(rank=3, targets=[]))
    file = tmp_path / "resolved.yaml"
    file.write_text(dump_yaml(config), "utf-8")
    assert parse(Training, ["--config", str(file)], prog="p").config == config


def test_merge_goes_down_into_mappings_and_changes_neither():
    base, over = {"a": {"x": 1, "y": 2}, "b": [1, 2]}, {"a": {"y": 3}, "b": [9]}
    assert merge(base, over) == {"a": {"x": 1, "y": 3}, "b": [9]}
    assert base == {"a": {"x": 1, "y": 2}, "b": [1, 2]}


def test_keys_are_dotted():
    assert keys(Training) == ["run_dir", "name", "learning_rate", "packed", "data", "peft", "peft.rank", "peft.targets"]
