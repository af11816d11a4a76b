import hashlib

from common.models.digests import file_digest, weights_digest


def test_one_file_has_its_own_digest(tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"weights" * 1000)
    (tmp_path / "config.json").write_text("{}")
    expected = hashlib.sha256(b"weights" * 1000).hexdigest()
    assert file_digest(tmp_path / "model.safetensors") == expected
    assert weights_digest(tmp_path) == expected


def shards(folder, contents):
    folder.mkdir()
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return weights_digest(folder)


def test_shards_have_one_digest_whatever_the_order_they_came_in(tmp_path):
    one, two = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"
    there = shards(tmp_path / "a", {one: b"1", two: b"2"})
    assert shards(tmp_path / "b", {two: b"2", one: b"1"}) == there
    lines = f"{one} {hashlib.sha256(b'1').hexdigest()}\n{two} {hashlib.sha256(b'2').hexdigest()}\n"
    assert there == hashlib.sha256(lines.encode()).hexdigest()
    assert shards(tmp_path / "swapped", {one: b"2", two: b"1"}) != there
    assert shards(tmp_path / "changed", {one: b"1", two: b"3"}) != there


def test_pickled_weights_count_as_none(tmp_path):
    (tmp_path / "pytorch_model.bin").write_bytes(b"pickle")
    assert weights_digest(tmp_path) is None
