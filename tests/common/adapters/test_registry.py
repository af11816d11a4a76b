"""The registry on a real MLflow store in SQLite; one store for all, and a name of its own for each test."""

import shutil

import pytest
from safetensors.torch import load_file, save_file

from common.adapters.folder import WEIGHTS, adapter_digest, check
from common.adapters.manifest import read_manifest
from common.adapters.registry import fetch, register
from common.errors import UserError
from common.tracking import client, start_run
from tests.models_zoo import manifest


@pytest.fixture(scope="module")
def uri(tmp_path_factory):
    return f"sqlite:///{tmp_path_factory.mktemp('mlflow')}/new/mlflow.db"


@pytest.fixture
def new_run(uri):
    return lambda: start_run(uri, "codeadapters", "run", {"peft": {"rank": 4}}, {"job": "test"})


@pytest.fixture
def folder(small_adapter, tmp_path):
    return shutil.copytree(small_adapter, tmp_path / "adapter")


def train_again(folder):
    weights = load_file(folder / WEIGHTS)
    save_file({name: tensor * 2 for name, tensor in weights.items()}, folder / WEIGHTS)


def enter(folder, on, name, uri, run, alias="candidate"):
    return register(folder, manifest(folder, on, name=name), uri=uri, run_id=run, alias=alias)


def numbers(uri, name):
    return sorted(int(version.version) for version in client(uri).search_model_versions(f"name = '{name}'"))


def target(uri, name, alias="candidate"):
    return str(client(uri).get_model_version_by_alias(name, alias).version)


def test_the_folder_learns_its_version_and_run(folder, small_base, uri, new_run):
    run = new_run()
    entered = enter(folder, small_base, "learns", uri, run)
    assert (entered.version, entered.run_id) == ("1", run)
    assert read_manifest(folder) == entered
    version = client(uri).get_model_version("learns", "1")
    assert version.tags == {"digest": adapter_digest(folder), "base": small_base.name}
    assert version.run_id == run


def test_the_same_adapter_of_the_same_run_is_one_version(folder, small_base, uri, new_run):
    run = new_run()
    assert enter(folder, small_base, "twice", uri, run) == enter(folder, small_base, "twice", uri, run)
    assert numbers(uri, "twice") == [1]
    assert target(uri, "twice") == "1"


def test_new_weights_are_a_new_version_and_the_alias_moves(folder, small_base, uri, new_run):
    enter(folder, small_base, "moves", uri, new_run())
    enter(folder, small_base, "moves", uri, new_run(), alias="champion")
    train_again(folder)
    assert enter(folder, small_base, "moves", uri, new_run()).version == "3"
    assert numbers(uri, "moves") == [1, 2, 3]
    assert (target(uri, "moves"), target(uri, "moves", "champion")) == ("3", "2")


def test_what_is_fetched_is_what_was_registered(folder, small_base, uri, new_run, tmp_path):
    enter(folder, small_base, "fetched", uri, new_run(), alias="champion")
    first = adapter_digest(folder)
    train_again(folder)
    enter(folder, small_base, "fetched", uri, new_run())
    second = adapter_digest(folder)
    assert first != second
    for place, (name, digest) in enumerate(
        {"fetched@champion": first, "fetched@1": first, "fetched@candidate": second, "fetched@2": second,
         "fetched": second}.items()
    ):  # fmt: skip
        found = fetch(name, uri=uri, destination=tmp_path / str(place))
        assert adapter_digest(found) == digest, name
        assert check(found, small_base).version == ("1" if digest == first else "2")


def test_two_adapters_of_one_run_stay_apart(folder, small_base, uri, new_run, tmp_path):
    run, first = new_run(), adapter_digest(folder)
    enter(folder, small_base, "of-one-run", uri, run)
    train_again(folder)
    enter(folder, small_base, "of-one-run", uri, run)
    assert adapter_digest(fetch("of-one-run@1", uri=uri, destination=tmp_path / "x")) == first


@pytest.mark.parametrize("name", ["unheard-of", "known@nobody", "known@7", "unheard-of@candidate", "un'heard"])
def test_an_unknown_adapter_lists_the_known_ones(folder, small_base, uri, new_run, tmp_path, name):
    enter(folder, small_base, "known", uri, new_run())
    with pytest.raises(UserError) as caught:
        fetch(name, uri=uri, destination=tmp_path / "x")
    assert repr(name) in caught.value.message
    assert "known" in caught.value.remedy.removeprefix("registered are: ").split(", ")


def test_an_empty_registry_says_so(tmp_path_factory, tmp_path):
    empty = f"sqlite:///{tmp_path_factory.mktemp('empty')}/mlflow.db"
    with pytest.raises(UserError, match="registered are: none"):
        fetch("anything", uri=empty, destination=tmp_path / "x")


def test_a_store_that_does_not_exist_is_an_error_of_the_user(folder, small_base):
    with pytest.raises(UserError, match=r"--tracking\.uri"):
        enter(folder, small_base, "n", "nosuchscheme://here", "run")
