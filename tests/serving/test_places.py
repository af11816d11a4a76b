"""Files of registered adapters, from a real MLflow store in SQLite."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from common.adapters.folder import WEIGHTS, adapter_digest, check
from common.adapters.registry import register
from common.errors import AdapterError
from common.tracking import client, start_run
from serving.places import home, local, without_credentials
from serving.records import Place
from tests.models_zoo import manifest
from tests.serving.some_adapters import some_adapter


@pytest.fixture(scope="module")
def uri(tmp_path_factory):
    return f"sqlite:///{tmp_path_factory.mktemp('mlflow')}/mlflow.db"


@pytest.fixture(scope="module")
def registered(small_adapter, small_base, uri, tmp_path_factory):
    folder = shutil.copytree(small_adapter, tmp_path_factory.mktemp("registered") / "adapter")
    run = start_run(uri, "codeadapters", "run", {}, {})
    entered = register(folder, manifest(folder, small_base, name="placed"), uri=uri, run_id=run, alias="production")
    return some_adapter("placed", entered.version, digest=entered.digest, place=Place(registry=uri))


def changed(adapter, **changes):
    return some_adapter(**{**vars(adapter), **changes})


def names(folder):
    return sorted(file.name for file in folder.iterdir() if not file.name.endswith(".lock"))


def test_a_folder_is_taken_as_it_is(tmp_path):
    adapter = some_adapter(place=Place(folder=tmp_path / "adapter"))
    assert local(adapter, tmp_path / "cache") == tmp_path / "adapter"
    assert not (tmp_path / "cache").exists()


def test_a_registered_version_is_copied_whole_and_once(registered, small_base, uri, tmp_path):
    folder = local(registered, tmp_path)
    assert folder == tmp_path / "placed" / f"1-{registered.digest[:12]}"
    assert check(folder, small_base).version == "1"
    assert names(tmp_path / "placed") == [folder.name]
    before = (folder / WEIGHTS).stat()
    assert local(changed(registered, place=Place(registry="sqlite:////nowhere/at/all.db")), tmp_path) == folder
    assert (folder / WEIGHTS).stat() == before
    source = client(uri).get_model_version("placed", "1").source
    assert source.startswith("file://")
    assert adapter_digest(Path(source.removeprefix("file://"))) == registered.digest, "a copy, not a move"


def test_a_damaged_copy_is_fetched_again(registered, tmp_path):
    folder = local(registered, tmp_path)
    (folder / WEIGHTS).write_bytes(b"damaged")
    assert adapter_digest(local(registered, tmp_path)) == registered.digest


def test_what_a_killed_process_left_is_no_hindrance(registered, tmp_path):
    draft = tmp_path / "placed" / f".1-{registered.digest[:12]}.draft"
    draft.mkdir(parents=True)
    (draft / WEIGHTS).write_bytes(b"half")
    folder = local(registered, tmp_path)
    assert adapter_digest(folder) == registered.digest
    assert names(tmp_path / "placed") == [folder.name]


def test_many_at_once_get_one_whole_copy(registered, tmp_path, monkeypatch):
    import serving.places

    fetched = []

    def fetch(*arguments, **options):
        fetched.append(arguments)
        return original(*arguments, **options)

    original = serving.places.fetch
    monkeypatch.setattr(serving.places, "fetch", fetch)
    with ThreadPoolExecutor(6) as pool:
        found = set(pool.map(lambda _: local(registered, tmp_path), range(6)))
    assert [adapter_digest(folder) for folder in found] == [registered.digest]
    assert len(fetched) == 1


def test_files_of_another_digest_are_refused_and_not_kept(registered, tmp_path):
    wrong = changed(registered, digest="0" * 64)
    with pytest.raises(AdapterError, match=r"0{12}"):
        local(wrong, tmp_path)
    assert names(tmp_path / "placed") == []


def test_a_version_that_is_gone_names_the_adapter(registered, tmp_path):
    with pytest.raises(AdapterError, match="placed@9"):
        local(changed(registered, version="9"), tmp_path)


@pytest.mark.parametrize("name", ["..", ".", "", "a/b", "../up", "/root", "a\\b", "nul\0"])
@pytest.mark.security
def test_no_name_leaves_the_cache(registered, tmp_path, name):
    with pytest.raises(AdapterError, match="no name"):
        local(changed(registered, name=name), tmp_path / "cache")
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("version", "digest"), [("../1", "0" * 64), ("1", "../" * 22), ("", "0" * 64), ("1", "0" * 63)]
)
@pytest.mark.security
def test_no_version_or_digest_leaves_the_cache(tmp_path, version, digest):
    with pytest.raises(AdapterError, match="is none"):
        home(tmp_path, "name", version, digest)


def test_a_cache_that_cannot_be_written_is_an_adapter_that_cannot_be_had(registered, tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(AdapterError, match="cannot be kept"):
        local(registered, tmp_path / "file")


def test_an_adapter_of_nowhere_is_refused(tmp_path):
    with pytest.raises(AdapterError, match="nothing says"):
        local(some_adapter(place=Place()), tmp_path)


@pytest.mark.security
def test_passwords_in_addresses_are_not_told():
    text = "no answer from http://user:secret@mlflow:5000/api, mail a@b"
    assert without_credentials(text) == "no answer from http://mlflow:5000/api, mail a@b"
