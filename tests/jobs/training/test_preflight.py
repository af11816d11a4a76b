import math

import pytest

from common.corpora.pair_store import write_store
from common.corpora.pairs import Pair
from common.errors import PreflightError
from jobs.training.preflight import check_batches, stuck_at_chance
from jobs.training.sampling import Schedule


@pytest.fixture
def check(tmp_path):
    def run(pairs, batch=4, epochs=1):
        check_batches(write_store(tmp_path / "pairs.jsonl", pairs), Schedule(len(pairs), batch, epochs, 0))

    return run


def test_good_pairs_pass(check):
    check([Pair(f"q{n}", f"d{n}") for n in range(13)])
    check([Pair("q", "d"), Pair("q2", "d2")], batch=128)


def test_some_repetition_passes(check):
    check([Pair(f"q{n // 2}", f"d{n % 3}") for n in range(12)], batch=12)


@pytest.mark.parametrize(
    ("pairs", "field", "text"),
    [
        ([Pair("the same", f"d{n}") for n in range(8)], "query", "'the same'"),
        ([Pair(f"q{n}", "the same") for n in range(8)], "document", "'the same'"),
        ([Pair("q", "d")] * 8, "query", "'q'"),
    ],
)
def test_a_batch_of_one_text_is_refused(check, pairs, field, text):
    with pytest.raises(PreflightError, match=rf"(?s)all 4 pairs of training batch 0.*same {field} \({text}\).*ln\(4\)"):
        check(pairs)


def test_one_bad_batch_among_good_ones_is_found(check):
    schedule = Schedule(40, 4, 1, 0)
    pairs = [Pair(f"q{n}", f"d{n}") for n in range(40)]
    for row in schedule.rows(7):
        pairs[row] = Pair("again", f"d{row}")
    with pytest.raises(PreflightError, match=r"training batch 7 .*'again'"):
        check(pairs)


def test_batches_that_are_never_trained_on_are_not_looked_at(check):
    schedule = Schedule(40, 4, 0.5, 0)
    pairs = [Pair(f"q{n}", f"d{n}") for n in range(40)]
    for row in schedule.rows(7):
        pairs[row] = Pair("again", f"d{row}")
    check(pairs, epochs=0.5)


@pytest.mark.parametrize("count", [0, 1])
def test_fewer_than_two_pairs_are_refused(check, count):
    with pytest.raises(PreflightError, match=f"{count} training pair has no negatives"):
        check([Pair("q", "d")] * count)


def test_loracode_s_combined_run_would_have_been_warned():
    warning = stuck_at_chance([2.7842, 2.7790, 2.7741, 2.7732], 16)
    assert "ln(16) = 2.7726" in warning
    assert "4 steps" in warning


@pytest.mark.parametrize("batch", [2, 16, 512])
def test_a_loss_at_chance_is_told_from_one_that_falls(batch):
    chance = math.log(batch)
    assert stuck_at_chance([chance * 1.009, chance, chance * 0.991], batch)
    assert stuck_at_chance([chance, chance, chance * 0.98], batch) is None
    assert stuck_at_chance([chance * 1.5, chance, chance], batch) is None
    assert stuck_at_chance([3.1, 2.2, 1.4], batch) is None
    assert stuck_at_chance([], batch) is None
