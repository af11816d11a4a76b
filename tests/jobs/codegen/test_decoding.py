"""Presets of decoding and what is given over them."""

import pytest

from jobs.codegen.decoding import Decoding


def test_the_default_is_one_greedy_answer():
    found = Decoding().sampling("conala", ("\n#",))
    assert (found.samples, found.beams, found.temperature, found.stop) == (1, 1, 0, ("\n#",))


@pytest.mark.parametrize(("source", "tokens"), [("conala", 64), ("codealpaca", 128), ("stdlib", 256)])
def test_the_study_searches_with_ten_beams(source, tokens):
    found = Decoding(preset="study").sampling(source)
    assert (found.samples, found.beams, found.temperature, found.max_new_tokens) == (10, 10, 0, tokens)


def test_the_study_samples_for_apps():
    found = Decoding(preset="study").sampling("apps")
    assert (found.samples, found.beams, found.temperature, found.top_p) == (5, 1, 0.6, 0.95)
    assert found.max_new_tokens == 1024


def test_what_is_given_goes_over_the_preset():
    found = Decoding(preset="study", max_new_tokens=9, stop=("x",), seed=3).sampling("conala", ("y",))
    assert (found.beams, found.max_new_tokens, found.stop, found.seed) == (10, 9, ("x", "y"), 3)
    assert Decoding(beams=4, samples=2).sampling("stdlib").temperature == 0
    assert Decoding(samples=3).sampling("stdlib").temperature == 0.8, "three greedy answers would be one"
    assert Decoding(samples=3, temperature=0).sampling("stdlib").temperature == 0
