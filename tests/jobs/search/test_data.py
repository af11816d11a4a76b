"""From `data` in a configuration to pairs on disk and retrieval sets."""

import json
import logging

import pytest

from common.config import validate
from common.corpora.pairs import Pair, write_pairs
from common.errors import ConfigError, DataError
from jobs.ray_session import ClusterConfig
from jobs.search.config import EvaluationData, TrainingData, TrainSearchConfig
from jobs.search.data import TRAIN, languages_of, prepare, retrieval_sets
from tests.jobs.mining.trees import library

CLUSTER = ClusterConfig(num_workers=1)
CODE = "def {name}(value):\n    first = value + {n}\n    return call_{name}(first, {n})"


def row(language, partition, n):
    name = f"{language}_{partition}_{n}"
    return {
        "repo": f"{partition}/{n % 40}", "path": f"{n}.x", "func_name": name, "language": language,
        "code": CODE.format(name=name, n=n), "docstring": f"Compute the {name} of a value.", "partition": partition,
        "url": f"https://example.org/{name}",
    }  # fmt: skip


@pytest.fixture
def published(tmp_path):
    """CodeSearchNet's fields, Go and Ruby, a file a language; one line is broken."""
    folder = tmp_path / "published"
    folder.mkdir()
    for language in ("go", "ruby"):
        rows = [row(language, "train", n) for n in range(120)] + [row(language, "valid", n) for n in range(8)]
        lines = [json.dumps(one) for one in rows]
        (folder / f"{language}.jsonl").write_text("\n".join(["{", *lines]) + "\n")
    return folder


def test_each_language_has_a_test_set_and_all_share_dev(published, tmp_path, caplog):
    data = TrainingData(source="codesearchnet", path=published)
    assert languages_of(data) == ("go", "ruby")
    with caplog.at_level(logging.WARNING):
        made = prepare(data, tmp_path / "data", CLUSTER)
    assert {name: len(test.queries) for name, test in made.tests.items()} == {"go": 8, "ruby": 8}
    assert made.languages == ("go", "ruby")
    trained = made.train.read(range(len(made.train)))
    assert {pair.language for pair in trained} == {"go", "ruby"}
    assert {key.split("/")[0] for key in made.dev.queries} == {"go", "ruby"}
    held = {document.text for document in made.dev.documents.values()}
    assert held.isdisjoint(pair.document for pair in trained)
    broken = [record.message for record in caplog.records if "left out" in record.message]
    assert sum("go.jsonl:1:" in message for message in broken) == 1, "the file is read three times and told of once"
    made.write_sets(tmp_path / "data")
    assert (tmp_path / "data" / "test" / "ruby" / "corpus.jsonl").exists()


def test_one_language_is_one_set_without_a_name(published, tmp_path):
    made = prepare(TrainingData(source="codesearchnet", path=published, languages=("ruby",)), tmp_path, CLUSTER)
    assert list(made.tests) == [""]
    assert made.languages == ("ruby",)
    made.write_sets(tmp_path)
    assert (tmp_path / "test" / "corpus.jsonl").exists()
    assert (tmp_path / TRAIN).exists()


def test_own_pairs_by_language(tmp_path):
    file = tmp_path / "pairs.jsonl"
    write_pairs(file, [Pair(f"what is {n}?", CODE.format(name=f"f{n}", n=n), ["go", "c"][n % 2]) for n in range(90)])
    data = TrainingData(source="pairs", train=file)
    assert languages_of(data) == ("c", "go")
    made = prepare(data.model_copy(update={"languages": ("go",)}), tmp_path / "data", CLUSTER)
    assert made.languages == ("go",)
    assert made.report.seen == 45


@pytest.mark.parametrize("source", ["codesearchnet", "pairs"])
@pytest.mark.parametrize("limit", [2000, 7])
def test_a_shared_adapter_learns_nothing_that_a_language_is_scored_on(published, tmp_path, source, limit):
    corpus = {"limit_dev": limit, "limit_test": limit}
    if source == "pairs":
        rows = [row(language, "train", n) for language in ("go", "ruby") for n in range(120)]
        extra = [{"repo": one["repo"]} for one in rows]
        pairs = [Pair(r["docstring"], r["code"], r["language"], e) for r, e in zip(rows, extra, strict=True)]
        write_pairs(tmp_path / "pairs.jsonl", pairs)
        where = {"train": tmp_path / "pairs.jsonl"}
    else:
        where = {"path": published}

    def made(*languages):
        data = TrainingData(source=source, languages=languages, corpus=corpus, **where)
        return prepare(data, tmp_path / "-".join(languages), CLUSTER)

    shared = made("go", "ruby")
    learnt = {pair.document for pair in shared.train.read(range(len(shared.train)))}
    for language in ("go", "ruby"):
        alone = made(language)
        for held in (alone.dev, *alone.tests.values()):
            assert held.documents
            assert learnt.isdisjoint(document.text for document in held.documents.values())


def test_some_training_documents_keep_their_documentation(published, tmp_path):
    def texts(share):
        data = TrainingData(source="codesearchnet", path=published, corpus={"keep_documentation": share})
        made = prepare(data, tmp_path / str(share), CLUSTER)
        pairs = made.train.read(range(len(made.train)))
        held = [document.text for held in (made.dev, *made.tests.values()) for document in held.documents.values()]
        return [pair.query in pair.document for pair in pairs], held

    some, held = texts(0.5)
    none, held_without = texts(0.0)
    assert held == held_without
    assert len(some) == len(none) and not any(none)
    assert 0.2 < sum(some) / len(some) < 0.8


def test_a_repository_with_a_shared_start_is_refused():
    with pytest.raises(ConfigError, match=r"jobs\.mine_pairs"):
        validate(TrainSearchConfig, {
            "per_language": True, "shared_start": True, "data": {"source": "repository", "repository": "x"},
        })  # fmt: skip


def test_a_repository_is_mined_on_the_way(tmp_path):
    library(tmp_path / "tree", 40)
    data = TrainingData(source="repository", repository=str(tmp_path / "tree"))
    made = prepare(data, tmp_path / "data", CLUSTER)
    assert len(made.train) > 20
    assert made.languages == ("python",)
    assert (tmp_path / "data" / "mined" / "report.md").exists()
    with pytest.raises(ConfigError, match=r"--data\.languages"):
        languages_of(data)


def test_published_sets_to_score_on(published):
    sets = retrieval_sets(EvaluationData(source="codesearchnet", path=published))
    assert {name: len(one.documents) for name, one in sets.items()} == {"go": 8, "ruby": 8}
    with pytest.raises(ConfigError, match="no dev split"):
        retrieval_sets(EvaluationData(source="codesearchnet", path=published, split="dev"))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"source": "pairs"}, "needs data.train"),
        ({"source": "repository"}, "data.repository"),
        ({"repository": "x"}, "data.repository"),
        ({"source": "cosqa", "train": "x.jsonl"}, "go with --data.source pairs"),
        ({"languages": ["go"]}, "data.languages is for published sets"),
        ({"source": "pairs", "train": "x.jsonl", "release": "raw"}, "data.release is for published sets"),
    ],
)
def test_what_does_not_go_together_is_refused(given, said):
    with pytest.raises(ConfigError, match=said):
        validate(TrainingData, given)


def test_an_unknown_language_names_those_that_are_there(published, tmp_path):
    with pytest.raises((ConfigError, DataError), match=r"(?s)cobol.*go.*ruby"):
        prepare(TrainingData(source="codesearchnet", path=published, languages=("cobol",)), tmp_path, CLUSTER)
