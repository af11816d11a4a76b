"""Errors cross process borders whole."""

import pickle

import pytest

from common import errors

KINDS = [errors.UserError, *(k for k in errors.UserError.__subclasses__() if k.__module__ == errors.__name__)]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind is not errors.DataError])
def test_survives_pickle(kind):
    again = pickle.loads(pickle.dumps(kind("what is wrong", "what to do")))
    assert type(again) is kind
    assert (again.message, again.remedy) == ("what is wrong", "what to do")
    assert str(again) == "what is wrong\n  → what to do"


def test_data_error_survives_pickle():
    again = pickle.loads(pickle.dumps(errors.DataError("pairs.jsonl", 7, "query", "is empty", "fill it")))
    assert type(again) is errors.DataError
    assert str(again) == "pairs.jsonl:7: field 'query': is empty\n  → fill it"


@pytest.mark.parametrize(
    ("line", "field", "message"),
    [(None, None, "f: bad"), (3, None, "f:3: bad"), (None, "x", "f: field 'x': bad")],
)
def test_data_error_says_what_it_knows(line, field, message):
    assert str(errors.DataError("f", line, field, "bad")) == message


def test_no_remedy_no_arrow():
    assert str(errors.UserError("wrong")) == "wrong"
