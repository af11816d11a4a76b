"""From source to rows of tokens."""

import sysconfig
from pathlib import Path

import numpy as np
import pytest

from common.corpora.stdlib import stdlib_corpus, top_module
from jobs.pretraining.text import END, PAD, read_library, rows_of, train_tokenizer

TEXTS = ["def f(x):\n    return x + 1234\n" * 5, "import os\n\nfor name in os.listdir():\n    print(name)\n" * 3]


@pytest.fixture(scope="module")
def tokenizer():
    return train_tokenizer(TEXTS, 320, 16)


def test_every_token_is_predicted_once(tokenizer):
    rows = rows_of(TEXTS, tokenizer, 8)
    stream = [token for text in TEXTS for token in (*tokenizer(text)["input_ids"], tokenizer.eos_token_id)]
    assert rows.shape == ((len(stream) - 1) // 8, 9)
    assert rows[:, 1:].flatten().tolist() == stream[1 : 1 + rows[:, 1:].size]
    assert (rows[1:, 0] == rows[:-1, -1]).all()
    assert np.count_nonzero(rows == tokenizer.eos_token_id) >= 1


def test_digits_stay_single_and_every_text_comes_back(tokenizer):
    assert len(tokenizer.tokenize("1234")) == 4
    for text in ("x = 1234\n\tif ü:\n  '😀'", *TEXTS):
        assert tokenizer.decode(tokenizer(text)["input_ids"]) == text
    assert (tokenizer.eos_token, tokenizer.pad_token) == (END, PAD)
    assert len(tokenizer) <= 320


def test_what_our_corpora_are_tested_on_is_not_read():
    folder = Path(sysconfig.get_paths()["stdlib"])
    corpus, library = stdlib_corpus(), read_library()
    tested = [document.metadata["path"] for document in corpus.test.documents.values()]
    known = {*library.train, *library.held_out}
    assert tested
    assert {top_module(path) for path in tested} == {
        top_module(path) for path in tested if (folder / path).read_text("utf-8") not in known
    }
    dev = {(folder / document.metadata["path"]).read_text("utf-8") for document in corpus.dev.documents.values()}
    assert dev <= set(library.held_out)
    assert not set(library.train) & set(library.held_out)
