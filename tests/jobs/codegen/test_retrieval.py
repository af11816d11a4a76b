"""Code of an index for questions: what is found, what is left out because it holds the answer, and what is refused."""

import json

import pytest

from common.corpora.instructions.record import Example
from common.errors import AdapterError, UserError
from common.retrieval.space import Origin
from common.retrieval.store import File, StoredUnit
from common.retrieval.tokens import tokenise
from common.retrieval.vector_rules import VectorSettings
from common.search import querying
from jobs.codegen.evaluate_config import RagConfig
from jobs.codegen.retrieval import Found, Question, Retrieval, found_in_index, holds, language_of_task
from jobs.indexing.pipeline import index_units
from jobs.ray_session import ClusterConfig
from tests.hashed import HashEmbedder, hashed, space

ADD = "def add(first, second):\n    return first + second"
CLASS = f'class Sums:\n    """Sums of things."""\n    {ADD}\n\n    def none(self):\n        return 0'
CODE = {
    "sums.py": {"add": ADD, "Sums": CLASS, "add_all": "def add_all(numbers):\n    return sum(numbers)"},
    "copy.py": {"add_all": "def add_all(numbers):\n    return sum(numbers)"},
    "text.py": {"strip": "def strip(text):\n    return text.strip()"},
    "sums_module.py": {"sums_module": "Add first and second and all that."},
    "sums.go": {"Add": "func Add(first int, second int) int { return first + second }"},
    "tests/test_sums.py": {"test_add": "def test_add():\n    assert add(1, 2) == 3"},
}
THRESHOLD = 0.8


def files():
    for path, symbols in CODE.items():
        units = [
            StoredUnit(
                "module" if "module" in path else "function",
                name,
                4,
                4 + source.count("\n"),
                source,
                source,
                source,
                " ".join(tokenise(source)),
            )
            for name, source in symbols.items()
        ]
        yield File(path, "go" if path.endswith(".go") else "python", path, path.startswith("tests")), units


@pytest.fixture
def index(tmp_path, monkeypatch):
    """Makes an index of some spaces; its questions are embedded without a model, which reads 60 characters."""

    def make(*embedders):
        folder = tmp_path / "index"
        folder.mkdir()
        index_units(folder, files(), embedders or (Short(space()),), VectorSettings(), ClusterConfig())
        known = {one.space.digest(): one for one in embedders or (Short(space()),)}
        monkeypatch.setattr(querying, "of_space", lambda space, origin, folder: known[space.digest()])
        return folder

    return make


class Short(HashEmbedder):
    """Refuses long queries, as models do."""

    def query(self, encoder, text):
        if len(text) > 60:
            raise UserError("the query is too long", "shorten it")
        return super().query(encoder, text)


def find(folder, text="add first and second", answer="", language="python", k=2, **rag):
    asked = {"q": Question(text, answer, language)}
    return found_in_index(asked, RagConfig(k=k, index=folder, **rag), THRESHOLD)


def symbols(retrieval):
    return [unit.symbol for unit in retrieval.found["q"].units]


def test_the_best_units_come_first_with_their_places_and_tests_are_not_among_them(index):
    found = find(index(), k=20)
    (first, *_), units = found.found["q"].units, found.found["q"].units
    assert (first.symbol, first.place(), first.source) == ("add", "sums.py:4-5", ADD)
    assert first.snippet().place == "sums.py:4"
    assert sorted(unit.symbol for unit in units) == ["Sums", "add", "add_all", "strip"], (
        "equal texts once, no Go, no prose"
    )
    assert (found.units, found.generation, found.picked()) == (8, 1, {"hashed (hashedha)": 1})


def test_units_with_the_answer_are_left_out_counted_and_replaced(index):
    folder = index()
    assert set(symbols(find(folder))) == {"add", "Sums"}
    found = find(folder, answer="def add(first,\n        second):\n    return first + second").found["q"]
    assert {unit.symbol for unit in found.units} == {"add_all", "strip"} and found.with_answer == 2


def test_what_holds_an_answer():
    assert holds(CLASS, ADD, THRESHOLD), "beside other methods"
    assert holds(ADD.replace(":\n", ':\n    """Add."""\n'), ADD, THRESHOLD), "with its documentation"
    assert not holds("def add(first, third):\n    return third", ADD, THRESHOLD)
    assert not holds(ADD, "", THRESHOLD) and not holds(ADD, "\n ", THRESHOLD), "no answer is nowhere"


def test_a_question_is_asked_in_its_language_and_one_without_in_all(index):
    folder = index()
    assert symbols(find(folder, language="go")) == ["Add"]
    assert {"add", "Add"} <= set(symbols(find(folder, language=None, k=5)))


def test_a_language_that_is_not_indexed_finds_nothing_and_alone_it_is_an_error(index):
    folder = index()
    asked = {"q": Question("add", "", "ruby"), "other": Question("add", "", "python")}
    found = found_in_index(asked, RagConfig(k=1, index=folder), THRESHOLD).found
    assert found["q"] == Found() and found["other"].units
    with pytest.raises(UserError, match=r"no question finds code .* 8 units, .* in go, python, .* ask for ruby, and 0"):
        find(folder, language="ruby")


def test_where_nothing_but_answers_is_found_it_says_so(index):
    with pytest.raises(UserError, match="1 units are left out because they hold an answer"):
        find(index(), language="go", answer=CODE["sums.go"]["Add"])


def test_the_encoder_reads_the_beginning_of_a_long_question(index):
    folder = index()
    assert not find(folder).found["q"].shortened
    assert find(folder, text="add first and second, " + "please " * 40).found["q"].shortened
    assert "strip" in symbols(find(folder, text="please " * 40 + "strip text", k=1)), "words count to the end"


def test_an_encoder_that_cannot_be_had_is_not_taken_for_a_long_question(index, monkeypatch):
    folder = index()

    def gone(*_):
        raise AdapterError("the adapter x is no longer in y", "say where it is with --adapter-folder")

    monkeypatch.setattr(querying, "of_space", gone)
    with pytest.raises(UserError, match="no longer in y") as raised:
        find(folder)
    assert "--rag.adapter" in raised.value.remedy and "--adapter-folder" not in raised.value.remedy


def adapted(name, language):
    digest = (name * 64)[:64]
    return HashEmbedder(space(name, adapter=name, adapter_digest=digest), Origin(model="hashed", language=language))


def test_each_question_gets_the_adapter_of_its_language_unless_one_is_named(index):
    folder = index(adapted("snake", "python"), adapted("gopher", "go"), hashed())
    asked = {name: Question("add", "", name) for name in ("python", "go")}
    snake, gopher = "snake:snake (snakesna on snakesna)", "gopher:gopher (gophergo on gophergo)"
    assert found_in_index(asked, RagConfig(k=1, index=folder), THRESHOLD).picked() == {snake: 1, gopher: 1}
    assert found_in_index(asked, RagConfig(k=1, index=folder, adapter="gopher"), THRESHOLD).picked() == {gopher: 2}
    with pytest.raises(UserError, match="'snail' is not there"):
        find(folder, adapter="snail")


def test_where_no_adapter_is_for_a_question_the_flag_of_this_job_is_named(index):
    folder = index(adapted("snake", "python"), adapted("gopher", "go"))
    with pytest.raises(UserError, match="no adapter of the index is for this query") as raised:
        find(folder, language=None)
    assert "--rag.adapter" in raised.value.remedy


def test_an_adapter_folder_must_have_vectors_in_the_index(index, small_adapter):
    with pytest.raises(AdapterError, match=r"has no vectors of the adapter in .* those of hashed"):
        find(index(), adapter=str(small_adapter))


def test_a_folder_that_is_none_is_named(index, tmp_path):
    with pytest.raises(AdapterError, match="is no adapter"):
        find(index(), adapter=str(tmp_path))
    with pytest.raises(UserError, match="holds no index"):
        find(tmp_path / "index" / "derived")


def test_the_index_inside_a_training_run_is_found(index):
    assert symbols(find(index().parent))


def test_it_is_the_same_after_json(index):
    found = find(index(), answer=ADD)
    assert Retrieval.of(json.loads(json.dumps(found.stored()))) == found


def test_the_language_of_a_task():
    task = Example("1", "Do it.", "x")
    assert language_of_task("apps", task) == "python" and language_of_task("jsonl", task) is None
    assert language_of_task("jsonl", Example("1", "Do it.", "x", extra={"language": " Ruby "})) == "ruby"
    assert language_of_task("jsonl", Example("1", "Do it.", "x", extra={"language": 7})) is None
