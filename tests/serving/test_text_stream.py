"""Tokens as text while they come: the whole is what the offline decoder gives, and no piece is ever taken back."""

import functools

from hypothesis import example, given
from hypothesis import strategies as st

from common.models.choosing import Ending
from serving.engines.text_stream import TextStream
from tests.decoders_zoo import END
from tests.models_zoo import byte_level


@functools.cache
def tokenizer():
    return byte_level([END], "$A", eos_token=END, pad_token=END)


def ids(text):
    return tokenizer()(text)["input_ids"]


def said(prompt, tokens, stop):
    """The pieces of an answer that ends where a stop text is complete, and the tokens it took."""
    stream, pieces = TextStream(tokenizer(), prompt, stop), []
    for place, token in enumerate(tokens):
        stream.add(token)
        over = place == len(tokens) - 1 or stream.cut is not None
        pieces.append(stream.take(last=over))
        if over:
            return pieces, tokens[: place + 1]
    return pieces, tokens


TEXTS = st.text(st.sampled_from("ab\n 12é€𝛼;"), max_size=30)
STOPS = st.lists(st.text(st.sampled_from("ab\n 1é€"), min_size=1, max_size=4), max_size=3)


@given(TEXTS, TEXTS, STOPS)
@example("def f():", "a\n\nb", ["\n\n"])
@example("", "aab", ["ab"])
@example("é", "𝛼€", [])
def test_pieces_together_are_the_answer(prompt, answer, stop):
    pieces, tokens = said(ids(prompt), ids(answer), stop)
    text = "".join(pieces)
    assert text == Ending(tokenizer(), [], stop).text(ids(prompt), tokens)
    assert answer.startswith(text) and not any(one in text for one in stop)
    assert not any("\ufffd" in piece for piece in pieces)


@given(st.lists(st.integers(0, 255), max_size=40))
def test_bytes_that_are_no_text_come_out_as_offline(tokens):
    pieces, _ = said([], tokens, ())
    assert "".join(pieces) == tokenizer().decode(tokens, skip_special_tokens=True)


def test_nothing_is_said_that_a_stop_text_may_swallow():
    pieces, tokens = said([], ids("x\n\nif y\n\ndef z"), ("\n\ndef",))
    assert "".join(pieces) == "x\n\nif y" and len(tokens) < len(ids("x\n\nif y\n\ndef z"))
    assert pieces[-1] == "", "the end of what was held back is the stop text"


def test_text_is_said_as_soon_as_it_is_certain():
    pieces, _ = said([], ids("ab\ncd"), ("\n\n",))
    assert pieces[0] and pieces[-1]
    assert all(len(piece) <= 3 for piece in pieces)


def test_silent_tokens_say_nothing():
    end = tokenizer().eos_token_id
    pieces, _ = said([], [*ids("ab"), end], ())
    assert "".join(pieces) == "ab" and pieces[-1] == ""
