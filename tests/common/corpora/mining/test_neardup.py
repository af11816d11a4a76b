import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.corpora.mining.neardup import HeldOut, copies, first_of_each, jaccard, shingles, sign

WORDS = [f"w{n}" for n in range(400)]
TEXTS = st.lists(st.lists(st.sampled_from("abc"), max_size=8).map(" ".join), max_size=12)


def changed(text: str, count: int) -> str:
    tokens = text.split()
    tokens[:count] = [f"new{n}" for n in range(count)]
    return " ".join(tokens)


def kept(texts, threshold=0.8):
    return first_of_each(sign(texts, threshold), range(len(texts))).tolist()


@given(TEXTS, st.sampled_from([0.3, 0.5, 0.8, 1.0]))
@settings(max_examples=50, deadline=None)
def test_it_agrees_with_comparing_everything_with_everything(texts, threshold):
    sets = [shingles(text) for text in texts]
    expected: list[int] = []
    for position, one in enumerate(sets):
        if all(jaccard(one, sets[other]) < threshold for other in expected):
            expected.append(position)
    assert kept(texts, threshold) == expected
    half = len(texts) // 2
    near = [i for i in range(half) if any(jaccard(sets[i], other) >= threshold for other in sets[half:])]
    assert HeldOut(texts[half:], threshold).copies(texts[:half]) == near
    signed = sign(texts, threshold)
    assert copies(signed, range(half), signed, range(half, len(texts))).tolist() == near


def test_the_first_of_a_group_stays():
    text = " ".join(WORDS[:100])
    texts = ["something else entirely here", text, changed(text, 5), " ".join(WORDS[200:300]), text]
    assert kept(texts) == [0, 1, 3]


def test_only_the_rows_that_are_given_are_compared():
    text = " ".join(WORDS[:100])
    signed = sign([text, "something else entirely here", text, text])
    assert first_of_each(signed, [2, 1, 3]).tolist() == [2, 1]
    assert copies(signed, [1, 3], signed, [0]).tolist() == [3]


def test_texts_are_read_only_where_signatures_meet():
    texts = [" ".join(WORDS[start : start + 50]) for start in range(0, 350, 50)] + [" ".join(WORDS[:50])]
    signed = sign(texts)
    read: list[int] = []
    on_disk = type(signed)(signed.bands, signed.sizes, lambda row: read.append(row) or texts[row], signed.threshold)
    assert first_of_each(on_disk, range(len(texts))).tolist() == list(range(7))
    assert sorted(read) == [0, 7]


def test_layout_and_punctuation_do_not_hide_a_copy():
    assert kept(["def f(a, b):\n    return a + b", "def f(a,b): return (a+b)"]) == [0]


def test_the_threshold_decides():
    text = " ".join(WORDS[:100])
    assert HeldOut([text], 0.8).copies([changed(text, 30)]) == []
    assert HeldOut([text], 0.5).copies([changed(text, 30)]) == [0]
    with pytest.raises(ValueError, match="threshold"):
        sign([text], 0)


def test_nothing_is_no_trouble():
    assert kept([]) == []
    assert HeldOut([]).copies(["a b c"]) == []
    assert HeldOut(["a b c"]).copies([]) == []


def test_five_thousand_functions_take_seconds():
    source = random.Random(0)
    texts = [" ".join(source.choices(WORDS, k=80)) for _ in range(5000)]
    start = time.process_time()
    assert kept([*texts, *texts[:50]]) == list(range(5000))
    assert time.process_time() - start < 10
