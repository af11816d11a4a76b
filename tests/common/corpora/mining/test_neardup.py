import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.corpora.mining.neardup import contaminated, drop_near_duplicates, jaccard, near_duplicate_groups, shingles

WORDS = [f"w{n}" for n in range(400)]
TEXTS = st.lists(st.lists(st.sampled_from("abc"), max_size=8).map(" ".join), max_size=12)


def changed(text: str, count: int) -> str:
    tokens = text.split()
    tokens[:count] = [f"new{n}" for n in range(count)]
    return " ".join(tokens)


@given(TEXTS, st.sampled_from([0.3, 0.5, 0.8, 1.0]))
@settings(max_examples=50, deadline=None)
def test_it_agrees_with_comparing_everything_with_everything(texts, threshold):
    sets = [shingles(text) for text in texts]
    kept: list[int] = []
    for position, one in enumerate(sets):
        if all(jaccard(one, sets[other]) < threshold for other in kept):
            kept.append(position)
    assert drop_near_duplicates(texts, threshold) == kept
    half = len(texts) // 2
    expected = [i for i in range(half) if any(jaccard(sets[i], other) >= threshold for other in sets[half:])]
    assert contaminated(texts[:half], texts[half:], threshold) == expected


def test_the_first_of_a_group_stays():
    text = " ".join(WORDS[:100])
    texts = ["something else entirely here", text, changed(text, 5), " ".join(WORDS[200:300]), text]
    assert near_duplicate_groups(texts) == [(1, 2, 4)]
    assert drop_near_duplicates(texts) == [0, 1, 3]


def test_layout_and_punctuation_do_not_hide_a_copy():
    assert drop_near_duplicates(["def f(a, b):\n    return a + b", "def f(a,b): return (a+b)"]) == [0]


def test_the_threshold_decides():
    text = " ".join(WORDS[:100])
    assert contaminated([changed(text, 30)], [text], 0.8) == []
    assert contaminated([changed(text, 30)], [text], 0.5) == [0]
    with pytest.raises(ValueError, match="threshold"):
        contaminated([text], [text], 0)


def test_five_thousand_functions_take_seconds():
    source = random.Random(0)
    texts = [" ".join(source.choices(WORDS, k=80)) for _ in range(5000)]
    start = time.process_time()
    assert drop_near_duplicates([*texts, *texts[:50]]) == list(range(5000))
    assert time.process_time() - start < 10
