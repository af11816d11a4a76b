import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.corpora.beir import Document, RetrievalSet, read_beir, write_beir
from common.errors import DataError

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1).filter(str.strip)
ID = st.text("abcXYZ019:/._-é中 ", min_size=1, max_size=8).filter(lambda key: key == key.strip())


@st.composite
def retrieval_sets(draw):
    metadata = st.dictionaries(TEXT, st.integers() | TEXT, max_size=2)
    documents = draw(st.dictionaries(ID, st.builds(Document, TEXT, st.just("") | TEXT, metadata), min_size=1))
    queries = draw(st.dictionaries(ID, TEXT, min_size=1, max_size=4))
    qrels = {}
    for query in queries:
        grades = draw(st.dictionaries(st.sampled_from(sorted(documents)), st.integers(-2, 3)))
        qrels[query] = {**grades, draw(st.sampled_from(sorted(documents))): draw(st.integers(1, 3))}
    return RetrievalSet("set", queries, documents, qrels)


@given(retrieval_sets())
def test_what_is_written_is_read_back(tmp_path_factory, retrieval):
    folder = tmp_path_factory.getbasetemp() / "set"
    write_beir(folder, retrieval, "dev")
    assert read_beir(folder, "dev") == (retrieval, ())


def folder_with(tmp_path, corpus=None, queries=None, qrels=None):
    (tmp_path / "qrels").mkdir()
    (tmp_path / "corpus.jsonl").write_text(corpus or '{"_id": "d1", "text": "one"}\n{"_id": "d2", "text": "two"}\n')
    (tmp_path / "queries.jsonl").write_text(queries or '{"_id": "q1", "text": "first"}\n')
    (tmp_path / "qrels" / "test.tsv").write_text(qrels or "query-id\tcorpus-id\tscore\nq1\td1\t1\n")
    return tmp_path


@pytest.mark.parametrize(
    ("file", "content", "line", "field", "reason"),
    [
        ("corpus", '{"_id": "d1", "text": "one"}\n{"_id": "d1", "text": "again"}\n', 2, "_id", "was there before"),
        ("corpus", '{"_id": "d1", "text": "one"}\n{"_id": 2, "text": "two"}\n', 2, "_id", "not a number"),
        ("corpus", '{"_id": "d1", "text": "one"}\n{"_id": "d2", "title": ""}\n', 2, "text", "missing"),
        ("corpus", '{"_id": "d1", "text": "one"}\n{"_id": "d2", "text": ""}\n', 2, "text", "no title either"),
        ("corpus", '{"_id": "d1", "text": "one"}\n{"_id": "d2", "text": "t", "metadata": [1]}\n',
         2, "metadata", "object"),
        ("corpus", '{"_id": "d1", "text": "one"}\n{"_id": "a\\tb", "text": "t"}\n', 2, "_id", "a tab"),
        ("corpus", 'oops\n{"_id": "d1", "text": "one"}\n', 1, None, "not JSON"),
        ("queries", '{"_id": "q1", "text": "a"}\n{"_id": "q1", "text": "b"}\n', 2, "_id", "was there before"),
        ("queries", '{"_id": "q1", "text": "a"}\n{"_id": "q2", "text": ""}\n', 2, "text", "empty"),
        ("queries", '{"_id": "q1", "text": "a"}\n{"_id": "q7", "text": "b"}\n{"_id": "q8", "text": "b"}\n',
         2, "_id", "query 'q7' and 1 more left out"),
        ("qrels", "query-id\tcorpus-id\tscore\nq1\td1\t1\nq9\td1\t1\n", 3, "query-id", "unknown query 'q9'"),
        ("qrels", "query-id\tcorpus-id\tscore\nq1\td9\t1\nq1\td1\t1\n", 2, "corpus-id", "unknown document 'd9'"),
        ("qrels", "q1\td1\t1\nq1\td2\t0.5\n", 2, "score", "integer"),
        ("qrels", "q1\td1\t1\nq1\td1\t2\n", 2, "corpus-id", "first judgement counts"),
        ("qrels", "q1 d1 1\nq1\td1\t1\n", 1, None, "3 tab-separated"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_and_the_rest_is_used(tmp_path, file, content, line, field, reason):
    found, problems = read_beir(folder_with(tmp_path, **{file: content}))
    assert found.qrels == {"q1": {"d1": 1}}
    assert set(found.queries) == {"q1"}
    (problem,) = problems
    assert problem.path.name.startswith(file if file != "qrels" else "test.tsv")
    assert (problem.line, problem.field) == (line, field)
    assert reason in problem.reason


def test_grades_are_kept_and_a_header_is_optional(tmp_path):
    found, problems = read_beir(folder_with(tmp_path, qrels="q1\td1\t3\nq1\td2\t0\n"))
    assert found.qrels == {"q1": {"d1": 3, "d2": 0}}
    assert problems == ()


def test_packed_files_are_read(tmp_path):
    folder = folder_with(tmp_path)
    plain = read_beir(folder)
    for path in [folder / "corpus.jsonl", folder / "queries.jsonl", folder / "qrels" / "test.tsv"]:
        path.with_name(path.name + ".gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    assert read_beir(folder) == plain


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("corpus", "oops\n", r"corpus.jsonl:1: not JSON"),
        ("queries", "\n", r"queries.jsonl: the file is empty"),
        ("qrels", "q1\td1\t0\n", r"test.tsv: .*no positive judgement"),
        ("qrels", "q5\td1\t1\n", r"test.tsv:1: field 'query-id': unknown query 'q5'"),
    ],
)
def test_a_set_without_anything_usable_is_refused(tmp_path, file, content, message):
    with pytest.raises(DataError, match=message):
        read_beir(folder_with(tmp_path, **{file: content}))


def test_missing_parts_are_named(tmp_path):
    with pytest.raises(DataError, match="no such folder"):
        read_beir(tmp_path / "nowhere")
    with pytest.raises(DataError, match=r"dev\.tsv: no such file"):
        read_beir(folder_with(tmp_path), "dev")


@pytest.mark.parametrize(
    "changes",
    [
        {"qrels": {}},
        {"qrels": {"q": {"d": 0}}},
        {"qrels": {"q": {"d": 1, "other": 1}}},
        {"queries": {"q": ""}},
        {"queries": {"q\t": "text"}, "qrels": {"q\t": {"d": 1}}},
        {"documents": {"d": Document("\0")}},
        {"gain": "exponential"},
    ],
)
def test_a_set_that_could_not_be_read_back_is_not_written(tmp_path, changes):
    good = {"name": "s", "queries": {"q": "text"}, "documents": {"d": Document("code")}, "qrels": {"q": {"d": 1}}}
    with pytest.raises(DataError):
        write_beir(tmp_path / "s", RetrievalSet(**{**good, **changes}))
    assert not (tmp_path / "s").exists()


def test_a_title_stands_before_the_text():
    assert Document("body", "Title").content() == "Title\nbody"
    assert Document("body").content() == "body"
