"""Tokenizers as their authors use them, from files that say only a part of it."""

import json

import pytest
from transformers import AutoTokenizer

from common.errors import ModelError
from common.models.loading import EncoderConfig, resolve
from common.models.tokens import load_tokenizer
from tests.models_zoo import LINES, build, files_without_special_tokens


def words(base, text):
    tokenizer = load_tokenizer(base)
    encoded = tokenizer(text, truncation=True, max_length=base.max_length)["input_ids"]
    return tokenizer.convert_ids_to_tokens(encoded)


@pytest.fixture(scope="module")
def unixcoder(tmp_path_factory):
    """Files of which only the vocabulary knows `<encoder-only>`."""
    folder = build(tmp_path_factory.mktemp("unixcoder"), "roberta")
    files_without_special_tokens(folder, added={"<encoder-only>": 400}, drop=())
    return folder


def test_unixcoder_s_prompt_is_one_token_and_the_text_is_cut_as_its_authors_cut_it(unixcoder):
    base = resolve(str(unixcoder), EncoderConfig(like="unixcoder", max_length=9))
    tokenizer = AutoTokenizer.from_pretrained(unixcoder)
    assert len(tokenizer.tokenize("<encoder-only>")) > 5, "the files alone cut it into pieces"
    assert tokenizer.convert_tokens_to_ids("<encoder-only>") == 400
    for text in ("copy a tree", LINES[0], " leading blank", ""):
        pieces = tokenizer.tokenize(text)[: 9 - 4]
        expected = ["<s>", "<encoder-only>", "</s>", *pieces, "</s>"]
        assert words(base, base.query_prompt + text) == expected


def test_a_prompt_given_by_hand_is_treated_likewise(unixcoder):
    base = resolve(str(unixcoder), EncoderConfig(pooling="mean", query_prompt="<encoder-only></s>"))
    assert words(base, base.query_prompt + "x")[:3] == ["<s>", "<encoder-only>", "</s>"]


def test_a_bracketed_word_that_is_in_no_vocabulary_is_text(unixcoder):
    base = resolve(str(unixcoder), EncoderConfig(pooling="mean", query_prompt="<nobody-knows>"))
    assert "<nobody-knows>" not in words(base, base.query_prompt + "x")
    assert len(load_tokenizer(base)) == 401


@pytest.fixture(scope="module")
def starencoder(tmp_path_factory):
    """A GPT-2 tokenizer without any of the special tokens, as StarEncoder's is."""
    folder = build(tmp_path_factory.mktemp("starencoder"), "bert")
    names = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")
    files_without_special_tokens(folder, added={}, drop=names, of="roberta", kind="GPT2Tokenizer")
    return folder


def test_starencoder_gets_its_special_tokens_behind_the_vocabulary(starencoder):
    base = resolve(str(starencoder), EncoderConfig(like="starencoder", max_length=8))
    tokenizer, size = load_tokenizer(base), len(json.loads((starencoder / "vocab.json").read_text()))
    names = ("<pad>", "<sep>", "<cls>", "<mask>")
    assert [tokenizer.convert_tokens_to_ids(name) for name in names] == [size, size + 1, size + 2, size + 3]
    assert tokenizer.pad_token_id == size
    plain = AutoTokenizer.from_pretrained(starencoder)
    for text in ("copy a tree", LINES[0], ""):
        assert words(base, text) == ["<cls>", *plain.tokenize(text)[:6], "<sep>"]


def test_without_them_it_cannot_pad(starencoder):
    base = resolve(str(starencoder), EncoderConfig(pooling="last"))
    with pytest.raises(ModelError, match="no padding token"):
        load_tokenizer(base)


@pytest.mark.parametrize("said", [True, False])
def test_qwen3_s_texts_end_in_the_token_that_is_pooled(zoo, tmp_path, said):
    folder = build(tmp_path, "qwen3")
    if not said:
        file = folder / "tokenizer.json"
        file.write_text(json.dumps({**json.loads(file.read_text()), "post_processor": None}))
    base = resolve(str(folder), EncoderConfig(like="qwen3-embedding", max_length=40))
    for text in ("", "x", " ".join(LINES)):
        found = words(base, base.query_prompt + text)
        assert found.count("<|endoftext|>") == 1
        assert found[-1] == "<|endoftext|>"
        assert len(found) <= 40


def test_a_template_of_tokens_that_are_absent_is_refused(zoo):
    base = resolve(str(zoo("bert")), EncoderConfig(pooling="mean")).model_copy(update={"template": "<none> $A"})
    with pytest.raises(ModelError, match="lacks <none>"):
        load_tokenizer(base)


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_text_is_cut_at_its_end_whatever_side_the_files_say(tmp_path, side):
    folder = build(tmp_path, "qwen3")
    file = folder / "tokenizer_config.json"
    sides = {"truncation_side": side, "padding_side": side}
    file.write_text(json.dumps({**json.loads(file.read_text()), **sides}))
    base = resolve(str(folder), EncoderConfig(like="qwen3-embedding", query_prompt="find: ", max_length=60))
    whole = load_tokenizer(base).tokenize("find: " + " ".join(LINES))
    assert words(base, "find: " + " ".join(LINES)) == [*whole[:59], "<|endoftext|>"]
