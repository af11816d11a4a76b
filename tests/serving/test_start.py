"""The command line of a server up to the point where Ray would start, and what it says when it is ready."""

import io
import json
import shlex
import socket
import subprocess
import sys
import threading
import urllib.error

import pytest

from common.errors import UserError
from common.retrieval.vector_rules import VectorSettings
from jobs.indexing.pipeline import index_units
from jobs.ray_session import ClusterConfig
from serving import discovery, start
from serving.config import EmbeddingConfig, GenerationConfig, SearchConfig, ServingConfig
from serving.http.keys import ApiKey
from serving.http.settings import HttpSettings
from tests.common.retrieval.test_searcher import TEXTS, files
from tests.hashed import hashed
from tests.serving.running import free_port


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    """An empty folder to start in; Ray must not."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setattr(start, "_serve", lambda *_: pytest.fail("nothing may be started"))
    return tmp_path / "here"


@pytest.fixture
def index(place):
    def make(name):
        index_units(place / name, files(TEXTS), [hashed()], VectorSettings(), ClusterConfig())
        return name

    return make


def planned(capsys, *argv):
    """First word of each line of the plan → the rest of these lines."""
    assert start.main([*argv, "--dry-run"]) == 0, capsys.readouterr().err
    plan: dict[str, list[str]] = {}
    for line in capsys.readouterr().out.splitlines():
        what, _, rest = line.partition(" ")
        plan.setdefault(what, []).append(rest.strip())
    return plan


def refused(capsys, *argv):
    assert start.main(list(argv)) == 2
    told = capsys.readouterr()
    assert told.out == "" and told.err.startswith("error: ") and "Traceback" not in told.err
    return told.err


def test_with_nothing_the_packaged_base_is_served(capsys):
    assert planned(capsys) == {"registry": ["none"], "embedding": ["minilm"]}


def test_the_registry_of_the_jobs_is_taken_where_there_is_one_and_nothing_else_is_named(place, capsys, monkeypatch):
    monkeypatch.setattr(discovery.Registry, "read", lambda self: discovery.Folder(place / "none").read())
    (place / "runs").mkdir()
    (place / "runs" / "mlflow.db").touch()
    (place / "none").mkdir()
    uri = f"sqlite:///{place}/runs/mlflow.db"
    assert planned(capsys)["registry"] == [uri]
    assert planned(capsys, "--registry", "sqlite:///runs/mlflow.db")["registry"] == [uri]
    assert planned(capsys, "--registry", uri)["registry"] == [uri]
    assert planned(capsys, "--registry", "http://mlflow:5000")["registry"] == ["http://mlflow:5000"]
    assert planned(capsys, "--folders", "none") == {
        "registry": ["none"], "folder": [str(place / "none")], "embedding": ["minilm"],
    }  # fmt: skip


def test_an_index_is_called_as_its_folder_and_a_run_that_left_one_is_one(index, place, capsys):
    index("code")
    index("run/index")
    named = planned(capsys, "--index", "code", "--index", "run")["index"]
    assert named == [f"code: {place}/code", f"run: {place}/run"]


def test_indexes_of_a_file_keep_their_names_beside_those_of_flags(index, place, capsys):
    index("code")
    index("docs")
    (place / "serve.yaml").write_text("search: {indexes: {handbook: docs}, replica: {replicas: 2, max_replicas: 2}}")
    named = planned(capsys, "--config", "serve.yaml", "--index", "code")["index"]
    assert named == [f"handbook: {place}/docs", f"code: {place}/code"]


def test_paths_do_not_depend_on_where_a_replica_runs(index, place):
    index("code")
    (place / "watched").mkdir()
    told = start.settled(start.StartConfig(
        index=("code",), folders=("watched",), keys_file="keys.yaml", cache="cache", registry=None, port=9000,
    ))  # fmt: skip
    assert type(told) is ServingConfig
    assert told.folders == (place / "watched",) and told.search.indexes == {"code": place / "code"}
    assert told.keys_file == place / "keys.yaml" and told.cache == place / "cache"


def test_what_is_told_of_search_is_kept(index):
    index("code")
    told = start.settled(start.StartConfig(index=("code",), search={"replica": {"replicas": 2, "max_replicas": 3}}))
    assert (told.search.replica.replicas, told.search.replica.max_replicas) == (2, 3)


def test_a_folder_without_an_index_is_refused_with_how_to_make_one(place, capsys):
    (place / "empty").mkdir()
    for folder in ("empty", "absent"):
        told = refused(capsys, "--index", folder)
        assert f"--index {folder}: there is no index" in told and "jobs.build_index" in told


def test_two_indexes_of_one_name_are_refused(index, place, capsys):
    index("a/code")
    index("b/code")
    assert "two indexes are called code" in refused(capsys, "--index", "a/code", "--index", "b/code")
    (place / "serve.yaml").write_text("search: {indexes: {code: a/code}}")
    assert "two indexes are called code" in refused(capsys, "--config", "serve.yaml", "--index", "b/code")


def test_an_index_whose_folder_is_no_name_for_a_request_is_refused(index, capsys):
    index("my index")
    assert "'my index': a name has letters" in refused(capsys, "--index", "my index")


def test_a_port_that_is_taken_is_told_before_anything_starts(capsys):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        told = refused(capsys, "--port", str(port))
    assert f"port {port} cannot be had" in told and "--port" in told.splitlines()[-1]


@pytest.mark.parametrize(("keys", "said"), [
    ("[{name: me}]", "CODEADAPTERS_API_KEYS does not hold a mapping with `keys`"),
    ("keys: [{name: me}]", "keys.0.sha256"), ("keys: [{name: me, sha256: '0', adapters: minilm}]", "keys.0.sha256"),
])  # fmt: skip
def test_keys_that_cannot_be_read_are_told_before_anything_starts(place, capsys, monkeypatch, keys, said):
    monkeypatch.setenv("CODEADAPTERS_API_KEYS", keys)
    assert said in refused(capsys)
    monkeypatch.delenv("CODEADAPTERS_API_KEYS")
    assert "keys.yaml" in refused(capsys, "--keys-file", "keys.yaml")
    (place / "keys.yaml").write_text("keys: 3")
    assert "keys.yaml" in refused(capsys, "--keys-file", "keys.yaml", "--dry-run")


@pytest.mark.parametrize(("told", "alone"), [
    ({}, True), ({"ingress": {"replicas": 2, "max_replicas": 2}}, True),
    ({"ingress": {"replicas": 1, "max_replicas": 2}}, False), ({"address": "auto"}, False),
])  # fmt: skip
def test_only_a_cluster_and_an_ingress_that_is_scaled_need_ray_serve_s_proxy(told, alone):
    asked = start.StartConfig.model_validate(told)
    assert start.needs_no_proxy(asked, start.settled(asked)) == alone


def test_a_free_port_lets_it_start(monkeypatch):
    begun = []
    monkeypatch.setattr(start, "_serve", lambda asked, config: begun.append((asked, config)) or 0)
    port = free_port()
    assert start.main(["--port", str(port)]) == 0
    ((asked, config),) = begun
    assert asked.port == port and [one.served_as for one in config.embedding] == ["minilm"]


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (["--prot", "8001"], "did you mean '--port'"),
        (["--registri", "x"], "did you mean '--registry'"),
        (["--port", "0"], "port"),
        (["--port", "many"], "port"),
        (["code"], "unexpected argument 'code'"),
        (["--config", "absent.yaml"], "no configuration file absent.yaml"),
        (["--registry", "sqlite:///absent.db"], "absent.db"),
        (["--folders", "absent"], "absent"),
    ],
)
def test_a_mistake_is_one_sentence_with_its_remedy(argv, told, capsys):
    assert told in refused(capsys, *argv)


def test_help_and_a_mistake_answer_without_ray_or_torch():
    heavy = "{'ray', 'torch', 'transformers', 'mlflow'} & set(sys.modules)"
    code = f"import sys; from serving.start import main; assert main(['--prot', '1']) == 2; assert not {heavy}, {heavy}"
    assert subprocess.run([sys.executable, "-c", code], cwd=start.Path(start.__file__).parents[1]).returncode == 0


def tried(config):
    """The commands of the greeting: path → (all words, body)."""
    lines = [line.strip() for line in start._greeting("http://127.0.0.1:8000", config).splitlines()]
    found = {}
    for words in (shlex.split(line) for line in lines if line.startswith("curl")):
        address = next(word for word in words if word.startswith("http://"))
        body = json.loads(words[words.index("-d") + 1]) if "-d" in words else None
        found[address.removeprefix("http://127.0.0.1:8000")] = words, body
    return found


def test_the_greeting_has_a_command_for_all_that_is_served():
    found = tried(ServingConfig(
        embedding=(EmbeddingConfig(name="tiny"), EmbeddingConfig()), generation=(GenerationConfig(name="coder"),),
        search=SearchConfig(indexes={"docs": "a", "code": "b"}),
    ))  # fmt: skip
    assert list(found) == ["/v1/search", "/v1/embeddings", "/v1/completions", "/v1/models"]
    assert found["/v1/search"][1]["index"] == "docs"
    assert found["/v1/embeddings"][1]["model"] == "tiny:auto"
    assert found["/v1/completions"][1]["model"] == "coder"
    assert not any("Authorization" in word for words, _ in found.values() for word in words)


def test_the_greeting_has_none_for_what_is_not_served():
    assert list(tried(ServingConfig(generation=(GenerationConfig(),)))) == ["/v1/completions", "/v1/models"]


@pytest.mark.parametrize(
    "keys", [{"keys_file": "keys.yaml"}, {"http": HttpSettings(keys=(ApiKey(name="me", sha256="0" * 64),))}]
)
def test_where_keys_are_needed_every_command_has_a_place_for_one(keys):
    found = tried(ServingConfig(embedding=(EmbeddingConfig(),), **keys))
    assert all("Authorization: Bearer KEY" in words for words, _ in found.values())


def answering(monkeypatch, *answers):
    """Ray Serve's HTTP, which answers one after the other; none takes time."""
    left = list(answers)

    def urlopen(address, timeout):
        assert address == "http://127.0.0.1:8000/ready"
        answer = left.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return io.BytesIO()

    monkeypatch.setattr(start.urllib.request, "urlopen", urlopen)
    monkeypatch.setattr(start, "_POLL", 0)
    return left


def not_ready(**told):
    return urllib.error.HTTPError("", 503, "", {}, io.BytesIO(json.dumps(told).encode()))


def test_it_says_what_it_waits_for_once(monkeypatch, capsys):
    html = urllib.error.HTTPError("", 404, "", {}, io.BytesIO(b"<html>"))
    left = answering(
        monkeypatch, OSError("refused"), html, not_ready(missing=["embedding tiny"]),
        not_ready(missing=["embedding tiny"]), not_ready(missing=["the registry"]), None,
    )  # fmt: skip
    assert start._wait("http://127.0.0.1:8000", threading.Event())
    assert capsys.readouterr().out.splitlines() == [
        "waiting for its first process", "waiting for embedding tiny", "waiting for the registry",
    ]  # fmt: skip
    assert left == []


def test_a_server_that_could_not_start_is_waited_for_no_longer(monkeypatch):
    answering(monkeypatch, not_ready(missing=["the server could not start: no such adapter"]))
    with pytest.raises(UserError, match="no such adapter"):
        start._wait("http://127.0.0.1:8000", threading.Event())


def test_ctrl_c_ends_the_waiting(monkeypatch):
    stopping = threading.Event()
    stopping.set()
    answering(monkeypatch)
    assert not start._wait("http://127.0.0.1:8000", stopping)
