"""How answers are drawn: what a record of it refuses, and reading tokens off a distribution."""

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from common.models.choosing import FIRST, Ending, choose, stream
from common.models.sampling import Sampling
from tests.decoders_zoo import END
from tests.models_zoo import byte_level


def test_beam_search_is_cold_without_being_told():
    assert Sampling(beams=4).temperature == 0
    assert Sampling.model_validate({"beams": "4", "samples": "4"}).temperature == 0
    assert Sampling(beams=1).temperature == 0.8


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"beams": 2, "temperature": 0.5}, "draws nothing"),
        ({"beams": 2, "samples": 3}, "3 samples cannot be returned of 2 beams"),
        ({"stop": ("",)}, "empty text"),
        ({"top_p": 0}, "greater than 0"),
    ],
)
def test_what_cannot_be_meant_is_refused(given, complaint):
    with pytest.raises(ValidationError, match=complaint):
        Sampling(**given)


@pytest.mark.parametrize("words", [5, FIRST + 300])
def test_tokens_are_drawn_as_often_as_they_are_probable(words):
    logits = torch.linspace(0, 3, words).repeat(4000, 1)
    sampling = Sampling(temperature=0.7, top_p=1.0)
    numbers = (np.arange(4000) + 0.5) / 4000
    share = torch.bincount(choose(logits, sampling, numbers), minlength=words) / 4000
    assert torch.allclose(share, torch.softmax(logits[0] / 0.7, dim=0), atol=1e-3)


def test_a_nucleus_holds_the_fewest_tokens_that_reach_top_p():
    logits = torch.log(torch.tensor([[0.1, 0.5, 0.25, 0.15]])).repeat(100, 1)
    numbers = np.linspace(0, 1, 100, endpoint=False)
    assert set(choose(logits, Sampling(temperature=1, top_p=0.5), numbers).tolist()) == {1}
    assert set(choose(logits, Sampling(temperature=1, top_p=0.7), numbers).tolist()) == {1, 2}
    assert set(choose(logits, Sampling(temperature=1, top_p=0.76), numbers).tolist()) == {1, 2, 3}


def test_a_row_draws_the_same_whatever_its_neighbours_are():
    flat, steep = torch.zeros(1, 4 * FIRST), 30 * torch.rand(1, 4 * FIRST, generator=torch.Generator().manual_seed(0))
    numbers, sampling = np.array([0.37, 0.73]), Sampling(temperature=1, top_p=0.9)
    together = choose(torch.cat([flat, steep]), sampling, numbers)
    alone = [choose(row, sampling, numbers[n : n + 1])[0] for n, row in enumerate((flat, steep))]
    assert together.tolist() == [int(token) for token in alone]


def test_each_answer_has_numbers_of_its_own():
    sampling = Sampling(max_new_tokens=4)
    known = [stream(sampling, 1, 0), stream(sampling, 1, 1), stream(sampling, 2, 0),
             stream(sampling.model_copy(update={"seed": 1}), 1, 0)]  # fmt: skip
    assert len({tuple(numbers) for numbers in known}) == 4
    assert (stream(sampling, 1, 0) == known[0]).all()


def test_an_answer_is_over_where_a_stop_text_is_complete():
    tokenizer = byte_level([END], "$A", eos_token=END, pad_token=END)
    ending = Ending(tokenizer, [tokenizer.eos_token_id], ("\n\n", "é!"))
    tokens = tokenizer("a\nb\n\nc")["input_ids"]
    reached = [ending.reached(tokens[:end]) for end in range(1, len(tokens) + 1)]
    assert reached.index(True) == len(tokenizer("a\nb\n\n")["input_ids"]) - 1
    assert ending.text(tokenizer("p")["input_ids"], tokens) == "a\nb"
    wide = tokenizer("xé!")["input_ids"]
    assert [ending.reached(wide[:end]) for end in range(1, len(wide) + 1)] == [False] * (len(wide) - 1) + [True]
    assert ending.reached([tokenizer.eos_token_id]) and ending.text([], [tokenizer.eos_token_id]) == ""
