"""A registry in SQLite and a folder, read as a server reads them."""

import json
import shutil
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

import serving.sources
from common.adapters.folder import WEIGHTS
from common.adapters.manifest import MANIFEST, write_manifest
from common.adapters.registry import register
from common.tracking import client, start_run
from serving.sources import Away, Folder, Reading, Registry
from tests.models_zoo import manifest


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    """MLflow takes seconds to make a database, which each test would have for itself."""
    file = tmp_path_factory.mktemp("empty") / "mlflow.db"
    client(f"sqlite:///{file}").search_registered_models()
    return file


@pytest.fixture
def uri(empty, tmp_path):
    (tmp_path / "mlflow").mkdir()
    return f"sqlite:///{shutil.copy(empty, tmp_path / 'mlflow')}"


@pytest.fixture
def enter(small_adapter, small_base, uri, tmp_path):
    def enter(name, alias="candidate", scale=1.0):
        folder = shutil.copytree(small_adapter, tmp_path / "work" / name, dirs_exist_ok=True)
        save_file({key: scale * value for key, value in load_file(folder / WEIGHTS).items()}, folder / WEIGHTS)
        run = start_run(uri, "codeadapters", "run", {}, {})
        return register(folder, manifest(folder, small_base, name=name), uri=uri, run_id=run, alias=alias)

    return enter


@pytest.fixture
def watched(small_adapter, tmp_path):
    folder = tmp_path / "watched"
    folder.mkdir()
    shutil.copytree(small_adapter, folder / "one")
    return folder


def manifests_asked(monkeypatch):
    import mlflow.artifacts

    asked, original = [], mlflow.artifacts.download_artifacts

    def download(uri, **options):
        asked.append(uri)
        return original(uri, **options)

    monkeypatch.setattr(mlflow.artifacts, "download_artifacts", download)
    return asked


def test_a_version_is_an_adapter_with_all_that_is_known_of_it(enter, uri, small_base, tmp_path):
    entered = enter("docsearch")
    (adapter,) = Registry(uri, tmp_path / "cache").read().adapters
    assert (adapter.name, adapter.version, adapter.aliases) == ("docsearch", "1", ("candidate",))
    assert (adapter.digest, adapter.run_id) == (entered.digest, entered.run_id)
    assert (adapter.base, adapter.base_digest) == (small_base.name, small_base.digest)
    assert (adapter.task, adapter.language, adapter.method) == ("search", "python", "lora")
    assert adapter.place.registry == uri
    assert adapter.mtime > 1.6e9


def test_aliases_are_those_of_now(enter, uri, tmp_path):
    source = Registry(uri, tmp_path / "cache")
    enter("moves")
    enter("moves", scale=2.0)
    client(uri).set_registered_model_alias("moves", "production", "1")
    assert {one.version: one.aliases for one in source.read().adapters} == {"1": ("production",), "2": ("candidate",)}
    client(uri).set_registered_model_alias("moves", "production", "2")
    assert {one.version: one.aliases for one in source.read().adapters} == {"1": (), "2": ("candidate", "production")}


def test_a_manifest_is_fetched_once_and_kept_for_the_next_server(enter, uri, tmp_path, monkeypatch):
    enter("kept")
    asked = manifests_asked(monkeypatch)
    source = Registry(uri, tmp_path / "cache")
    first = source.read()
    assert source.read() == first
    assert Registry(uri, tmp_path / "cache").read() == first
    assert len(asked) == 1
    (file,) = (tmp_path / "cache" / "kept").glob("*.json")
    file.write_text("{")
    assert Registry(uri, tmp_path / "cache").read() == first
    assert len(asked) == 2


def test_models_of_others_are_passed_by(enter, uri, tmp_path):
    enter("ours")
    client(uri).create_registered_model("theirs")
    client(uri).create_model_version("theirs", "file:///somewhere")
    reading = Registry(uri, tmp_path / "cache").read()
    assert [one.name for one in reading.adapters] == ["ours"]
    assert reading.problems == []


def test_a_version_that_is_removed_is_gone(enter, uri, tmp_path):
    source = Registry(uri, tmp_path / "cache")
    enter("gone")
    enter("gone", scale=2.0)
    source.read()
    client(uri).delete_model_version("gone", "1")
    assert [one.version for one in source.read().adapters] == ["2"]


def test_a_version_without_manifest_is_told_and_tried_again(enter, uri, tmp_path):
    source = Registry(uri, tmp_path / "cache")
    enter("whole")
    enter("half")
    file = Path(client(uri).get_model_version("half", "1").source.removeprefix("file://")) / MANIFEST
    text = file.read_text()
    file.unlink()
    reading = source.read()
    assert [one.name for one in reading.adapters] == ["whole"]
    assert [problem.split(":")[0] for problem in reading.problems] == ["half@1"]
    file.write_text(text)
    assert {one.name for one in source.read().adapters} == {"half", "whole"}


@pytest.mark.parametrize(
    ("change", "said"),
    [({"digest": "0" * 64}, "of other weights"), ({"peft": {}}, "names no method"), ({"task": "poetry"}, "damaged")],
)
def test_a_manifest_that_cannot_be_true_is_told(enter, uri, tmp_path, change, said):
    enter("odd")
    file = Path(client(uri).get_model_version("odd", "1").source.removeprefix("file://")) / MANIFEST
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    reading = Registry(uri, tmp_path / "cache").read()
    assert not reading.adapters
    assert said in reading.problems[0]


@pytest.mark.security
def test_a_digest_that_is_a_path_writes_nothing(enter, uri, tmp_path):
    enter("evil")
    client(uri).set_model_version_tag("evil", "1", "digest", "../../../evil")
    reading = Registry(uri, tmp_path / "cache").read()
    assert not reading.adapters
    assert "evil" in reading.problems[0]
    assert not (tmp_path / "cache").exists()


def test_more_than_a_page_is_read_whole(enter, uri, tmp_path, monkeypatch):
    monkeypatch.setattr(serving.sources, "_PAGE", 2)
    for name in "abcde":
        enter(name)
    reading = Registry(uri, tmp_path / "cache").read()
    assert [(one.name, one.aliases) for one in reading.adapters] == [(name, ("candidate",)) for name in "abcde"]


def test_a_registry_that_is_not_there_is_away_and_not_made(tmp_path):
    with pytest.raises(Away, match="no file"):
        Registry(f"sqlite:///{tmp_path}/none/mlflow.db", tmp_path / "cache").read()
    assert not (tmp_path / "none").exists()


@pytest.mark.security
def test_a_server_that_does_not_answer_is_away_and_its_password_stays_ours(tmp_path):
    source = Registry("http://user:secret@127.0.0.1:9", tmp_path / "cache")
    with pytest.raises(Away) as caught:
        source.read()
    assert "secret" not in str(caught.value) + source.name


def test_a_folder_of_adapters(watched, small_base):
    (adapter,) = Folder(watched).read().adapters
    assert (adapter.name, adapter.version, adapter.base_digest) == ("search-test", None, small_base.digest)
    assert adapter.place.folder == watched / "one"


def test_a_folder_that_is_an_adapter_itself(watched):
    (adapter,) = Folder(watched / "one").read().adapters
    assert adapter.place.folder == watched / "one"


def test_a_half_written_folder_is_told_and_taken_when_it_is_whole(watched):
    source = Folder(watched)
    weights = (watched / "one" / WEIGHTS).read_bytes()
    (watched / "one" / WEIGHTS).write_bytes(weights[:-8])
    reading = source.read()
    assert not reading.adapters
    assert "still being written" in reading.problems[0]
    (watched / "one" / WEIGHTS).write_bytes(weights)
    assert len(source.read().adapters) == 1
    (watched / "one" / MANIFEST).unlink()
    reading = source.read()
    assert not reading.adapters
    assert f"no {MANIFEST}" in reading.problems[0]


def test_what_was_whole_and_is_not_any_more_is_told_as_damaged_until_it_goes(watched):
    source = Folder(watched)
    (adapter,) = source.read().adapters
    (watched / "one" / WEIGHTS).write_bytes(b"torn")
    for _ in range(2):
        reading = source.read()
        assert (list(reading.adapters), list(reading.damaged), len(reading.problems)) == ([], [adapter], 1)
    shutil.rmtree(watched / "one")
    assert source.read() == Reading([], [], [])


def test_what_is_no_adapter_is_passed_by(watched):
    (watched / "notes.txt").write_text("nothing")
    (watched / "empty").mkdir()
    shutil.copytree(watched / "one", watched / ".one.draft")
    reading = Folder(watched).read()
    assert len(reading.adapters) == 1
    assert reading.problems == []


def test_weights_are_read_again_only_when_their_file_changed(watched, monkeypatch):
    hashed, original = [], serving.sources.adapter_digest
    monkeypatch.setattr(serving.sources, "adapter_digest", lambda folder: hashed.append(folder) or original(folder))
    source = Folder(watched)
    assert source.read() == source.read()
    assert len(hashed) == 1
    tensors = load_file(watched / "one" / WEIGHTS)
    save_file({name: -tensor for name, tensor in tensors.items()}, watched / "one" / WEIGHTS)
    assert not source.read().adapters, "other weights than the manifest's"
    assert len(hashed) == 2


def test_of_one_name_the_latest_written_comes_first(watched, small_base):
    two = shutil.copytree(watched / "one", watched / "a-two")
    save_file({name: -tensor for name, tensor in load_file(two / WEIGHTS).items()}, two / WEIGHTS)
    write_manifest(two, manifest(two, small_base))
    assert [one.place.folder.name for one in Folder(watched).read().adapters] == ["a-two", "one"]


def test_a_folder_that_is_not_there_is_away(tmp_path):
    with pytest.raises(Away):
        Folder(tmp_path / "none").read()
