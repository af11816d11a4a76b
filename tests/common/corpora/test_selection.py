from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.corpora.config import CorpusConfig
from common.corpora.pairs import Pair
from common.corpora.selection import Benchmark, columns_of, select

CONFIG = CorpusConfig(dev_share=0.1, test_share=0.1)


def unlike(n):
    return f"def f{n}(x):\n    y = a_{n}_a({n}b, x{n})\n    return y{n} + z{n}c"


def pair(n, group, query=None, document=None):
    return Pair(query or f"Do thing {n} now.", document or unlike(n), "python", {"path": group, "start_line": n})


def made(count=200, groups=40):
    return [pair(n, f"g{n % groups}") for n in range(count)]


def chosen(pairs, config=CONFIG, benchmarks=(), **options):
    groups = [one.extra["path"] for one in pairs]
    return select(columns_of(pairs, config), groups, lambda row: pairs[row].document, config, benchmarks, **options)


def sizes(selection):
    return {split: len(rows) for split, rows in selection.rows.items()}


def lost(selection):
    return (selection.exact_duplicates + selection.near_duplicates + sum(selection.contaminated.values())
            + selection.over_limit)  # fmt: skip


def test_whole_groups_are_held_out_and_every_pair_has_one_fate():
    pairs = made()
    found = chosen(pairs)
    where = {split: {pairs[row].extra["path"] for row in rows} for split, rows in found.rows.items()}
    assert sum(map(len, where.values())) == len(set.union(*where.values()))
    assert sizes(found) == {"train": 160, "dev": 20, "test": 20}
    assert lost(found) == 0


SMALL = st.lists(
    st.tuples(st.integers(0, 5), st.sampled_from("abc"), st.integers(0, 9)).map(
        lambda it: (f"g{it[0]}", f"query {it[1]}", f"{unlike(it[2])}\n")
    ), max_size=40,
)  # fmt: skip


@given(SMALL, st.integers(1, 20), st.booleans(), st.booleans())
def test_the_counts_add_up_whatever_comes_in(rows, limit, deduplicate, decontaminate):
    pairs = [pair(n, group, query, code) for n, (group, query, code) in enumerate(rows)]
    config = CorpusConfig(dev_share=0.3, test_share=0.3, limit_train=limit, deduplicate=deduplicate,
                          decontaminate=decontaminate)  # fmt: skip
    found = chosen(pairs, config, [Benchmark("b", ("query c",), (unlike(9),))])
    every = Counter(row for rows in found.rows.values() for row in rows.tolist())
    assert not [row for row, times in every.items() if times > 1]
    assert sum(sizes(found).values()) + lost(found) == len(pairs)
    assert all(pairs[row].query != "query c" and pairs[row].document.strip() != unlike(9) for row in every)
    if deduplicate:
        assert len({pairs[row].document for row in found.rows["train"]}) == sizes(found)["train"]


@pytest.mark.parametrize("split", ["train", "dev", "test"])
def test_a_benchmark_is_kept_out_of_every_split(split):
    pairs = made()
    row, other = chosen(pairs).rows[split][:2].tolist()
    copied = Benchmark("held", (pairs[row].query.upper(),), (pairs[other].document + "  # a copy",))
    found = chosen(pairs, benchmarks=[copied])
    assert not {row, other} & {row for rows in found.rows.values() for row in rows.tolist()}
    assert found.contaminated["benchmark held: same query"] == 1
    assert found.contaminated["benchmark held: near-duplicate code"] == 1


def test_two_benchmarks_of_one_name_are_counted_together():
    pairs = made()
    twice = [Benchmark("b", (pairs[0].query,), ("x",)), Benchmark("b", (pairs[1].query,), ("x",))]
    assert chosen(pairs, benchmarks=twice).contaminated["benchmark b: same query"] == 2


def test_without_holding_out_everything_is_for_training():
    pairs = [*made(), pair(0, "again")]
    found = chosen(pairs, hold_out=False)
    assert sizes(found) == {"train": 200, "dev": 0, "test": 0}
    assert found.exact_duplicates == 1


def test_the_held_out_sets_are_bounded():
    found = chosen(made(), CorpusConfig(dev_share=0.2, test_share=0.2, limit_dev=10, limit_test=15))
    assert 0 < sizes(found)["dev"] <= 11 and 0 < sizes(found)["test"] <= 16.5


def test_nothing_comes_of_nothing():
    assert sizes(chosen([])) == {"train": 0, "dev": 0, "test": 0}
