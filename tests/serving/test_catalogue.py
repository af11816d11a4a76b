"""What names mean, and what a refresh finds; sources that say what the test wants."""

import threading

import pytest

from serving.catalogue import Catalogue, Moved
from serving.names import parse_model
from serving.records import ServingError
from serving.refresher import Refresher
from serving.sources import Away, Reading
from tests.serving.some_adapters import some_adapter

BASES = {"minilm": "b" * 64, "coder": "c" * 64}
SINCE = 1_700_000_000.0


class Said:
    def __init__(self, *adapters, name="registry", problems=()):
        self.name, self.adapters, self.problems, self.away = name, list(adapters), list(problems), None

    def read(self):
        if self.away:
            raise Away(self.away)
        return Reading(list(self.adapters), list(self.problems))


def catalogue(*adapters):
    made = Catalogue([Said(*adapters)], BASES, clock=lambda: SINCE)
    made.refresh()
    return made


def found(made, name):
    return str(made.resolve(parse_model(name)))


def refused(made, name):
    with pytest.raises(ServingError) as caught:
        made.resolve(parse_model(name))
    assert (caught.value.status, caught.value.code, caught.value.param) == (404, "model_not_found", "model")
    return caught.value.message


def test_without_a_version_it_is_production_else_the_newest():
    versions = [some_adapter(version=str(number)) for number in (9, 10, 2)]
    assert found(catalogue(*versions), "minilm:docsearch") == "docsearch@10"
    versions[2] = some_adapter(version="2", aliases=("candidate", "production"))
    assert found(catalogue(*versions), "minilm:docsearch") == "docsearch@2"


def test_without_numbers_the_newest_is_the_latest_written():
    made = catalogue(some_adapter(version="old", mtime=1.0), some_adapter(version=None, mtime=2.0))
    assert found(made, "minilm:docsearch") == "docsearch"


def test_a_version_or_an_alias_is_exact():
    made = catalogue(some_adapter(version="1", aliases=("stable",)), some_adapter(version="2", aliases=("production",)))
    assert found(made, "minilm:docsearch@1") == "docsearch@1"
    assert found(made, "minilm:docsearch@stable") == "docsearch@1"
    assert found(made, "minilm:docsearch@production") == "docsearch@2"


def test_what_is_unknown_is_refused_with_what_is_near():
    made = catalogue(some_adapter(aliases=("stable",)), some_adapter("other-thing"))
    assert "minilm:docsearch" in refused(made, "minilm:docsaerch")
    assert "minilm:docsearch@stable" in refused(made, "minilm:docsearch@stabel")
    assert "docsearch@1" in refused(made, "minilm:docsearch@7")
    assert "near it: minilm" in refused(made, "minlm:docsearch")
    assert "near" not in refused(made, "minilm:qqqqqqqqqqq")


def test_an_adapter_of_another_base_is_refused_with_both_names():
    made = catalogue(
        some_adapter("gen", base="hub/coder", base_digest="c" * 64),
        some_adapter("lost", base="hub/lost", base_digest="d" * 64),
    )
    message = refused(made, "minilm:gen@1")
    assert "hub/coder" in message
    assert "not on minilm" in message
    assert "ask for coder:gen@1" in message
    assert "not served here" in refused(made, "minilm:lost")


def test_a_name_on_two_bases_is_each_base_s_own():
    made = catalogue(some_adapter(version="1"), some_adapter(version="2", base_digest="c" * 64))
    assert found(made, "minilm:docsearch") == "docsearch@1"
    assert found(made, "coder:docsearch") == "docsearch@2"
    assert [str(one) for one in made.adapters("coder")] == ["docsearch@2"]


@pytest.mark.parametrize("name", ["minilm", "minilm:auto"])
def test_what_names_no_single_adapter_is_the_caller_s(name):
    with pytest.raises(ValueError, match="no single adapter"):
        catalogue().resolve(parse_model(name))


def test_adapters_of_a_base_that_is_not_served():
    with pytest.raises(ServingError, match="near it: coder"):
        catalogue().adapters("codr")


def test_auto_has_one_adapter_a_language():
    python = some_adapter("python-new", language="python", mtime=5.0)
    made = catalogue(
        some_adapter("everything"),
        some_adapter("python-old", language="python", mtime=3.0),
        python,
        some_adapter("go", version="1", language="go", aliases=("production",), mtime=1.0),
        some_adapter("go", version="2", language="go", mtime=2.0),
        some_adapter("go-late", language="go", mtime=9.0),
        some_adapter("writer", task="generation", language="python", mtime=9.0),
        some_adapter("foreign", base_digest="c" * 64, language="ruby"),
    )
    picked = {language: str(one) for language, one in made.auto("minilm", "search").items()}
    assert picked == {"all": "everything@1", "python": "python-new@1", "go": "go@1"}
    assert made.for_auto("minilm", "search")["python"] == python.digest


def test_a_refresh_tells_what_changed():
    source = Said(some_adapter(version="1", aliases=("production",)))
    made = Catalogue([source], BASES)
    first = made.refresh()
    assert [str(one) for one in first.added] == ["docsearch@1"]
    assert first.moved == (Moved("docsearch", "production", None, "1"),)
    assert not made.refresh()
    source.adapters = [some_adapter(version="1"), some_adapter(version="2", aliases=("production",))]
    second = made.refresh()
    assert ([str(one) for one in second.added], second.removed) == (["docsearch@2"], ())
    assert second.moved == (Moved("docsearch", "production", "1", "2"),)
    source.adapters = source.adapters[:1]
    third = made.refresh()
    assert [str(one) for one in third.removed] == ["docsearch@2"]
    assert third.moved == (Moved("docsearch", "production", "2", None),)


def test_other_weights_under_one_name_are_another_adapter():
    source = Said(some_adapter())
    made = Catalogue([source], BASES)
    made.refresh()
    source.adapters = [some_adapter(digest="0" * 64)]
    changes = made.refresh()
    assert [one.digest for one in changes.added] == ["0" * 64]
    assert len(changes.removed) == 1


def test_a_source_that_is_away_keeps_what_it_had_and_says_since_when():
    now = [SINCE]
    source, folder = Said(some_adapter()), Said(some_adapter("dropped"), name="folder")
    made = Catalogue([source, folder], BASES, clock=lambda: now[0])
    made.refresh()
    source.away = "connection refused"
    made.refresh()
    now[0] += 60
    source.away = "another reason"
    folder.adapters.append(some_adapter("second"))
    changes = made.refresh()
    assert [one.name for one in changes.added] == ["second"]
    assert found(made, "minilm:docsearch") == "docsearch@1"
    assert made.away == {"registry": SINCE}
    assert changes.problems == {"registry": ("away since 2023-11-14 22:13:20 UTC: connection refused",)}
    source.away = None
    assert made.refresh().problems == {}
    assert made.away == {}


def test_problems_are_logged_once(caplog):
    source = Said(problems=["half@1: its manifest.json cannot be had"])
    made = Catalogue([source], BASES)
    assert made.refresh().problems == made.refresh().problems == {"registry": tuple(source.problems)}
    assert caplog.text.count("half@1") == 1


def test_the_same_adapter_in_two_sources_is_one_with_the_aliases_of_both():
    folder = Said(some_adapter(), name="folder")
    made = Catalogue([folder, Said(some_adapter(aliases=("production",)))], BASES)
    assert len(made.refresh().added) == 1
    assert found(made, "minilm:docsearch@production") == "docsearch@1"


def test_of_two_adapters_with_one_name_the_earlier_source_s_is_served():
    made = Catalogue([Said(some_adapter()), Said(some_adapter(digest="0" * 64), name="folder")], BASES)
    changes = made.refresh()
    assert made.resolve(parse_model("minilm:docsearch")).digest != "0" * 64
    assert "is not served" in changes.problems["folder"][0]


@pytest.mark.parametrize(
    "changes", [{"name": "auto"}, {"name": "a:b"}, {"name": "a@b"}, {"name": ""}, {"version": "@"}]
)
def test_an_adapter_that_no_request_can_name_is_told(changes):
    made = Catalogue([Said(some_adapter(**changes))], BASES)
    assert "a request cannot name" in made.refresh().problems["registry"][0]
    assert made.adapters("minilm") == ()


def test_lookups_during_a_refresh_see_the_old_table_or_the_new_one():
    source = Said(*(some_adapter(f"a{number}", "1") for number in range(30)))
    made = Catalogue([source], BASES)
    made.refresh()
    stop, seen = threading.Event(), set()

    def look():
        while not stop.is_set():
            seen.add(tuple(sorted({one.version for one in made.adapters("minilm")})))

    looking = threading.Thread(target=look)
    looking.start()
    for round_ in range(2, 40):
        source.adapters = [some_adapter(f"a{number}", str(round_)) for number in range(30)]
        made.refresh()
    stop.set()
    looking.join()
    assert seen
    assert all(len(versions) == 1 for versions in seen)


def test_the_refresher_calls_back_on_changes_alone_and_survives_a_failure():
    source = Said(some_adapter())
    made = Catalogue([source], BASES)
    made.refresh()
    told, came, reads = [], threading.Semaphore(0), threading.Semaphore(0)
    original = source.read

    def read():
        reads.release()
        return original()

    def on_change(changes):
        told.append(changes)
        came.release()
        raise RuntimeError("a callback that fails")

    source.read = read
    refresher = Refresher(made, 0.005, on_change)
    refresher.start()
    for _ in range(3):
        reads.acquire()
    assert told == []
    for version in ("2", "3"):
        source.adapters = [some_adapter(version=version)]
        came.acquire()
    refresher.stop()
    assert [one.version for changes in told for one in changes.added] == ["2", "3"]
    while reads.acquire(blocking=False):
        pass
    assert not reads.acquire(timeout=0.03), "nothing is read after the stop"


def test_a_damaged_adapter_can_still_be_named():
    class Damaged(Said):
        def read(self):
            reading = super().read()
            return Reading((), ("torn",), reading.adapters)

    adapter = some_adapter("one")
    made = Catalogue([Damaged(adapter, name="folder")], BASES)
    made.refresh()
    assert made.resolve(parse_model("minilm:one")) == adapter
