import gzip
import pickle

import pytest

from common.corpora.sources.challenge import aggregated
from common.errors import ConfigError, DataError
from common.metrics.ranking import gains
from tests.common.corpora.sources.layouts import function, jsonl, parts, write

HEADER = "Language,Query,GitHubUrl,Relevance,Notes\n"


def url(number):
    return function(number)["url"]


def annotated(folder, lines, where="annotationStore.csv"):
    write(folder / where, HEADER + "".join(line + "\n" for line in lines))
    jsonl(folder / "python/test.jsonl", [function(n) for n in (1, 2, 3)])
    jsonl(folder / "python/codebase.jsonl.gz", [function(n) for n in (1, 2, 3, 4)])
    return folder


@pytest.mark.parametrize(
    ("grades", "grade"),
    [([0], 0), ([3, 3], 3), ([1, 2], 2), ([0, 1], 1), ([0, 0, 1], 0), ([2, 2, 3], 2), ([3, 2, 3], 3)],
)
def test_the_mean_is_rounded_to_a_grade(grades, grade):
    assert aggregated(grades) == grade


def test_graded_judgements_of_several_people(tmp_path):
    lines = [
        f"Python,Convert INT to string,{url(1)},3,",
        f"Python,convert int to string,{url(1)},2,",
        f'Python,convert int to string,{url(2)},1,"a note, with\ntwo lines"',
        f"Python,convert int to string,{url(4)},0,",
        f"Python,nothing good,{url(3)},0,",
        f"Java,convert int to string,{url(3)},3,",
    ]
    part = parts("csn-challenge", annotated(tmp_path, lines))["python"]
    assert (part.train, part.dev) == (None, None)
    test, problems = part.test()
    assert test.gain == "exponential"
    assert test.queries == {"q-convert-int-to-string": "convert int to string"}
    assert test.qrels == {"q-convert-int-to-string": {url(1): 3, url(2): 1, url(4): 0}}
    assert list(gains([3, 1], test.gain)) == [7, 1]
    assert len(test.documents) == 4
    assert [(p.path.name, p.line) for p in problems] == [
        ("codebase.jsonl.gz", None), ("annotationStore.csv", 7), ("annotationStore.csv", None),
    ]  # fmt: skip
    assert "3 functions were there before" in problems[0].reason
    assert "1 means of several grades were rounded" in problems[2].reason


def test_bad_judgements_are_named(tmp_path):
    lines = [
        f"Python,good one,{url(1)},2,",
        f"Cobol,good one,{url(1)},2,",
        f"Python,good one,{url(2)},4,",
        f"Python,good one,{url(2)},2.5,",
        "Python,good one,,2,",
        "Python,good one,https://elsewhere,2,",
        "Python,elsewhere only,https://elsewhere,2,",
    ]
    test, problems = parts("csn-challenge", annotated(tmp_path, lines, "resources/annotationStore.csv"))[
        "python"
    ].test()
    assert test.qrels == {"q-good-one": {url(1): 2}}
    named = [(p.line, p.field) for p in problems if p.path.name == "annotationStore.csv"]
    assert named == [
        (3, "Language"),
        (4, "Relevance"),
        (5, "Relevance"),
        (6, "GitHubUrl"),
        (2, None),
        (8, None),
        (8, None),
    ]
    assert "unknown documents: 'https://elsewhere'" in problems[-1 - 2].reason


def test_a_table_without_its_columns(tmp_path):
    annotated(tmp_path, [])
    write(tmp_path / "annotationStore.csv", "a,b\n1,2\n")
    with pytest.raises(DataError, match=r"annotationStore.csv:1: field 'Language': no such column"):
        parts("csn-challenge", tmp_path)["python"].test()


def definitions(path, value, protocol=4):
    path.write_bytes(gzip.compress(pickle.dumps(value, protocol)) if path.suffix == ".gz" else pickle.dumps(value))


@pytest.mark.parametrize("ending", ["", ".gz"])
def test_all_definitions_are_searched_where_the_pickles_are_there(tmp_path, ending):
    annotated(tmp_path, [f"Python,add it,{url(8)},1,"])
    rows = []
    for number in (7, 8):
        row = {key: value for key, value in function(number).items() if key not in ("code", "code_tokens")}
        rows.append({**row, "function": function(number)["code"], "docstring": "", "nwo": "owner/x"})
    definitions(tmp_path / f"python_dedupe_definitions_v2.pkl{ending}", rows)
    test, problems = parts("csn-challenge", tmp_path)["python"].test()
    assert (list(test.documents), problems) == ([url(7), url(8)], ())
    assert test.documents[url(8)].text == function(8)["code"]


class Attack:
    def __reduce__(self):
        return (print, ("run",))


def test_a_pickle_that_would_run_code_is_refused(tmp_path, capsys):
    annotated(tmp_path, [f"Python,add it,{url(8)},1,"])
    definitions(tmp_path / "python_dedupe_definitions_v2.pkl", [Attack()])
    with pytest.raises(DataError, match="only plain data are read"):
        parts("csn-challenge", tmp_path)["python"].test()
    assert capsys.readouterr().out == ""


def test_languages_without_functions_and_no_path(tmp_path):
    with pytest.raises(ConfigError, match=r"no java here\n.*there are python"):
        parts("csn-challenge", annotated(tmp_path, []), languages=("java",))
    with pytest.raises(DataError, match=r"not on the Hub\n.*annotationStore.csv"):
        parts("csn-challenge")
