"""Searching an index: legs, filters, generations, damage."""

from __future__ import annotations

import threading
from contextlib import closing

import pytest

from common.errors import DataError, UserError
from common.retrieval import derived
from common.retrieval.filters import Filters
from common.retrieval.searcher import Searcher
from common.retrieval.store import File, StoredUnit
from common.retrieval.tokens import tokenise
from common.retrieval.vector_rules import VectorSettings
from jobs.indexing.checking import check_index
from jobs.indexing.pipeline import index_units
from jobs.ray_session import ClusterConfig
from tests.hashed import hashed

TEXTS = {
    "net/socket.py": "close the socket connection", "net/http.py": "parse http header fields",
    "io/csv.py": "read rows of a csv file", "tests/test_csv.py": "read rows of a csv file in a test",
    "io/lines.go": "read the lines of a file",
}  # fmt: skip
ONE = hashed()


def files(texts):
    for path, text in texts.items():
        units = [StoredUnit("function", path.split("/")[-1].split(".")[0], 3, 5, f"# {text}", text, text,
                            " ".join(tokenise(text)))]  # fmt: skip
        yield File(path, "go" if path.endswith("go") else "python", text, path.startswith("tests")), units


def index(folder, texts=TEXTS, embedders=(ONE,)):
    return index_units(folder, files(texts), embedders, VectorSettings(), ClusterConfig())


def ask(searcher, query, **more):
    return searcher.search(query, ONE.query(None, query), **more)


@pytest.fixture
def folder(tmp_path):
    assert index(tmp_path)["units"] == len(TEXTS)
    return tmp_path


def test_both_legs_find_and_say_their_scores(folder):
    with closing(Searcher(folder)) as searcher:
        best = ask(searcher, "parse the header", top=2)[0]
    assert (best.path, best.start_line, best.end_line, best.symbol) == ("net/http.py", 3, 5, "http")
    assert best.language == "python" and best.source == "# parse http header fields"
    assert best.scores.keys() == {"bm25", "dense"} and best.scores["dense"] <= 1.0001


def test_each_leg_can_be_left_out(folder):
    with closing(Searcher(folder)) as searcher:
        words = searcher.search("socket", None)
        dense = ask(searcher, "socket", words=False, top=9)
    assert [hit.path for hit in words] == ["net/socket.py"] and words[0].scores.keys() == {"bm25"}
    assert dense[0].path == "net/socket.py" and all(hit.scores.keys() == {"dense"} for hit in dense)
    assert len(dense) == len(TEXTS) - 1, "the dense leg ranks everything but tests"


def test_filters_hold_for_both_legs(folder):
    with closing(Searcher(folder)) as searcher:
        for filters, paths in (
            (Filters(languages=("go",)), {"io/lines.go"}),
            (Filters(paths=("io/*",)), {"io/lines.go", "io/csv.py"}),
            (Filters(paths=("*csv*",), tests=True), {"io/csv.py", "tests/test_csv.py"}),
        ):
            assert {hit.path for hit in ask(searcher, "read rows of a file", filters=filters)} == paths


def test_units_that_share_a_text_stand_by_path_with_equal_scores(tmp_path):
    index(tmp_path, {"b.py": "same text", "a.py": "same text", "c.py": "another one"})
    with closing(Searcher(tmp_path)) as searcher:
        hits = ask(searcher, "same text", top=2)
    assert [hit.path for hit in hits] == ["a.py", "b.py"] and hits[0].score == hits[1].score


def test_a_reranker_has_the_last_word(folder):
    def longest_path(query, hits):
        return [float(len(hit.path)) for hit in hits]

    with closing(Searcher(folder)) as searcher:
        hits = ask(searcher, "read", top=2, rerank=longest_path)
    assert hits[0].path == "net/socket.py" and hits[0].score == hits[0].scores["rerank"] == len("net/socket.py")


def test_an_open_searcher_takes_up_a_new_generation(folder):
    with closing(Searcher(folder)) as searcher:
        ask(searcher, "socket")
        index(folder, {**TEXTS, "net/socket.py": "open a pipe", "new.py": "close the socket at last"})
        assert ask(searcher, "close the socket")[0].path == "new.py"
        assert len(searcher) == len(TEXTS) + 1


def test_no_answer_mixes_two_generations(tmp_path):
    """Every file of a generation has its number in the text and in the source."""
    texts = [{f"f{place}.py": f"word{place} common gen{n}" for place in range(8)} for n in range(6)]
    index(tmp_path, texts[0])
    seen, done = [], threading.Event()

    def read():
        with closing(Searcher(tmp_path)) as searcher:
            while not done.is_set():
                hits = ask(searcher, "common word", top=8)
                seen.append({hit.text.split()[-1] for hit in hits} | {hit.source.split()[-1] for hit in hits})

    reader = threading.Thread(target=read)
    reader.start()
    for generation in texts[1:]:
        index(tmp_path, generation)
    done.set()
    reader.join()
    assert seen and all(len(generations) == 1 for generations in seen)


def test_several_adapters_share_one_store(tmp_path):
    other = hashed("other", adapter="sql", adapter_digest="feedbeef99")
    index(tmp_path, embedders=(ONE, other))
    with pytest.raises(UserError, match=r"vectors of several: hashed .*other:sql"):
        Searcher(tmp_path)
    for name, space in (("base", ONE.space), ("sql", other.space), ("feedbeef", other.space)):
        with closing(Searcher(tmp_path, name)) as searcher:
            assert searcher.space == space
    with pytest.raises(UserError, match="'nope' is not there"):
        Searcher(tmp_path, "nope")
    index(tmp_path, {**TEXTS, "new.py": "one more"})
    with pytest.raises(UserError, match=r"other:sql .* of an older state"):
        Searcher(tmp_path, "sql")
    index(tmp_path, {**TEXTS, "new.py": "one more"}, (other,))
    with closing(Searcher(tmp_path, "sql")) as searcher:
        assert len(searcher) == len(TEXTS) + 1


def test_a_query_of_another_space_is_refused_with_both_names():
    asked = hashed("other", adapter="sql", adapter_digest="feedbeef99").space
    with pytest.raises(UserError, match=r"vectors of hashed .*, the query's would be of other:sql"):
        ONE.space.check(asked)
    with pytest.raises(UserError, match="they differ in pooling"):
        ONE.space.check(hashed(pooling="cls").space)


def test_an_index_that_was_never_finished_says_so(tmp_path):
    from common.retrieval.store import Store

    with closing(Store.create(tmp_path)) as store:
        store.stage(files(TEXTS))
        with pytest.raises(UserError, match="no vectors yet"):
            Searcher(tmp_path)
        store.add_space(ONE.space, ONE.origin)
    with pytest.raises(UserError, match="not been built to its end"):
        Searcher(tmp_path)


def derived_files(folder):
    return sorted(file for file in (folder / "derived").rglob("*") if file.is_file())


@pytest.mark.parametrize("number", range(7))
@pytest.mark.parametrize("damage", ["flipped", "torn", "gone"])
def test_a_damaged_file_is_named_and_made_again_from_the_store(folder, number, damage):
    assert len(derived_files(folder)) == 7
    file = derived_files(folder)[number]
    content = file.read_bytes()
    if damage == "gone":
        file.unlink()
    else:
        middle = len(content) // 2
        flipped = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
        file.write_bytes(flipped if damage == "flipped" else content[:middle])
    found = check_index(folder)
    assert [file.name in fault["fault"] and not fault["repaired"] for fault in found["faults"]] == [True]
    if not (damage == "gone" and file.suffix == ".faiss"):
        with pytest.raises(DataError, match=file.name):
            Searcher(folder)
    assert [fault["repaired"] for fault in check_index(folder, repair=True)["faults"]] == [True]
    assert check_index(folder)["faults"] == []
    with closing(Searcher(folder)) as searcher:
        assert ask(searcher, "parse header")[0].path == "net/http.py"


def test_building_again_mends_as_well(folder):
    for file in derived_files(folder):
        file.write_bytes(b"")
    index(folder)
    assert check_index(folder)["faults"] == []


def test_what_a_killed_build_left_is_cleared_away(folder):
    place = derived.place(folder, 2)
    place.mkdir()
    (place / "half").write_text("half")
    index(folder)
    assert not place.exists()
