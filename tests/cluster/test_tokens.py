import pytest

from cluster import tokens


def test_ray_s_order_of_places(tmp_path):
    assert tokens.find({}, tmp_path) is None
    default = tmp_path / ".ray" / "auth_token"
    default.parent.mkdir()
    default.write_text("abc\n")
    other = tmp_path / "other"
    other.write_text("def")
    assert tokens.find({}, tmp_path) == str(default)
    assert tokens.find({"RAY_AUTH_TOKEN_PATH": str(other)}, tmp_path) == str(other)
    assert tokens.find({"RAY_AUTH_TOKEN_PATH": str(other), "RAY_AUTH_TOKEN": "x"}, tmp_path) == "RAY_AUTH_TOKEN"


def test_a_token_path_that_leads_nowhere_is_an_error(tmp_path):
    with pytest.raises(tokens.TokenError, match="RAY_AUTH_TOKEN_PATH"):
        tokens.find({"RAY_AUTH_TOKEN_PATH": str(tmp_path / "none")}, tmp_path)


def test_the_mode_is_set_only_for_a_token_that_would_not_be_sent_otherwise(tmp_path):
    assert tokens.wanted({"RAY_AUTH_TOKEN": "x"}, tmp_path) == {"RAY_AUTH_MODE": "token"}
    assert tokens.wanted({"RAY_AUTH_TOKEN": "x", "RAY_AUTH_MODE": "disabled"}, tmp_path) == {}
    assert tokens.wanted({}, tmp_path) == {}
