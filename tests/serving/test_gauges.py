"""Figures of replicas as gauges, and that each one has its own labels."""

from prometheus_client.parser import text_string_to_metric_families

from serving.catalogue import Catalogue
from serving.deployments.gauges import gauges_of
from serving.http.metrics import Meters
from serving.store_stats import AdapterStats, StoreStats
from tests.serving.some_adapters import some_adapter
from tests.serving.test_catalogue import BASES, SINCE, Said

ONE, TWO = some_adapter("one"), some_adapter("two")


def used(adapter, **changes):
    known = {"loaded": True, "bytes": 0, "refs": 0, "hits": 0, "misses": 0, "loads": 0, "evictions": 0, "failures": 0}
    return AdapterStats(adapter, **(known | changes))


def stats(*adapters, **engine):
    return {
        "task": "search",
        "engine": engine,
        "waiting": 0,
        "store": StoreStats(1000, sum(one.bytes for one in adapters), 0, adapters),
    }


def catalogue(away=None):
    source = Said(ONE, TWO, name="the registry")
    made = Catalogue([source], BASES, clock=lambda: SINCE)
    made.refresh()
    source.away = away
    made.refresh()
    return made


def by_name(gauges, name):
    labels = ({**one.labels, "task": None} for one in gauges if one.name == name)
    told = [tuple(value for value in each.values() if value is not None) for each in labels]
    return dict(zip(told, (one.value for one in gauges if one.name == name), strict=True))


def test_engines_are_told_by_base_and_replica():
    gauges = gauges_of(
        [("minilm", 0, stats(waiting=3)), ("minilm", 1, stats(waiting=4)), ("coder", 0, stats(waiting=5, running=1))],
        catalogue(),
    )
    assert by_name(gauges, "engine_waiting") == {("minilm", "0"): 3, ("minilm", "1"): 4, ("coder", "0"): 5}
    assert by_name(gauges, "engine_running") == {("coder", "0"): 1}


def test_a_base_that_does_both_has_figures_of_each_task():
    both = [("qwen", 0, stats(waiting=1)), ("qwen", 0, stats(waiting=2) | {"task": "generation"})]
    told = [one.labels["task"] for one in gauges_of(both, catalogue()) if one.name == "engine_waiting"]
    assert told == ["search", "generation"]


def test_adapters_are_told_with_what_they_take_and_how_they_were_asked_for():
    told = stats(
        used(ONE, bytes=600, refs=2, hits=30, misses=4, evictions=5, failures=6), used(TWO, loaded=False, misses=1)
    )
    gauges = gauges_of([("minilm", 1, told)], catalogue())
    assert by_name(gauges, "store_bytes") == {("minilm", "1"): 600}
    assert by_name(gauges, "store_limit_bytes") == {("minilm", "1"): 1000}
    one, two = (("minilm", "1", each.name, each.digest[:12]) for each in (ONE, TWO))
    values = {"bytes": 600, "refs": 2, "hits": 30, "misses": 4, "evictions": 5, "failures": 6}
    assert {name: by_name(gauges, f"adapter_{name}")[one] for name in values} == values
    assert by_name(gauges, "adapter_misses")[two] == 1 and by_name(gauges, "adapter_bytes")[two] == 0


def test_two_versions_of_a_name_are_two():
    versions = [some_adapter(version=version) for version in "12"]
    gauges = gauges_of([("minilm", 0, stats(*(used(one, hits=1) for one in versions)))], catalogue())
    assert len(by_name(gauges, "adapter_hits")) == 2


def test_a_source_that_is_lost_is_told_with_the_time_and_no_longer_when_it_is_back():
    assert by_name(gauges_of([], catalogue(away="no route")), "source_away_since") == {("the registry",): SINCE}
    assert gauges_of([], catalogue()) == []


def test_prometheus_reads_every_one_of_them():
    told = stats(used(ONE, hits=30), waiting=3)
    gauges = gauges_of([("minilm", 0, told), ("hub/coder", 0, told)], catalogue(away="no route"))
    page = Meters(backend=None).exposition(gauges).decode()
    read = {
        (sample.name.removeprefix("codeadapters_"), *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    }
    assert {(one.name, *sorted(one.labels.items())): one.value for one in gauges}.items() <= read.items()
    assert len({(one.name, *sorted(one.labels.items())) for one in gauges}) == len(gauges)
