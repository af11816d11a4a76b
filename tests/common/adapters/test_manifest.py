import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.adapters.manifest import MANIFEST, BaseReference, Manifest, read_manifest, write_manifest
from common.errors import AdapterError

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
JSON = st.dictionaries(TEXT, st.integers() | TEXT | st.none() | st.lists(st.booleans()), max_size=3)
MANIFESTS = st.builds(
    Manifest,
    name=TEXT,
    version=st.none() | TEXT,
    language=TEXT,
    base=st.builds(BaseReference, id=TEXT, revision=st.none() | TEXT, digest=TEXT),
    peft=JSON,
    prompts=st.dictionaries(TEXT, TEXT, max_size=2),
    data=JSON,
    scores=JSON,
    digest=TEXT,
)


@given(MANIFESTS)
def test_what_is_written_is_read_back(tmp_path_factory, manifest):
    folder = tmp_path_factory.getbasetemp() / "manifest"
    write_manifest(folder, manifest)
    assert read_manifest(folder) == manifest


GOOD = {
    "name": "n", "task": "search", "language": "python", "peft": {}, "prompts": {}, "pooling": "mean",
    "max_length": 9, "data": {}, "scores": {}, "digest": "d", "base": {"id": "b", "revision": None, "digest": "e"},
}  # fmt: skip


def written(folder, text):
    (folder / MANIFEST).write_text(text)
    return folder


def test_the_smallest_manifest(tmp_path):
    found = read_manifest(written(tmp_path, json.dumps(GOOD)))
    assert (found.version, found.run_id, found.base.digest) == (None, None, "e")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "Expecting value"),
        (json.dumps(GOOD)[:40], "delimiter|Unterminated|Expecting"),
        ("[1]", "valid dictionary"),
        (json.dumps({**GOOD, "task": "poetry"}), "task"),
        (json.dumps({**GOOD, "colour": "red"}), "colour"),
        (json.dumps({key: value for key, value in GOOD.items() if key != "base"}), "base"),
    ],
)
def test_a_damaged_manifest_is_named_with_what_is_wrong(tmp_path, text, said):
    with pytest.raises(AdapterError, match=rf"(?s){MANIFEST} is damaged: .*({said})"):
        read_manifest(written(tmp_path, text))


def test_a_folder_without_manifest_is_not_ours(tmp_path):
    with pytest.raises(AdapterError, match=r"no manifest\.json\n.*jobs\.train_search"):
        read_manifest(tmp_path)
