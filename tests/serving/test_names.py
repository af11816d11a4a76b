"""What a request's `model` may be, and what stays of an error between processes."""

import pickle

import pytest

from serving.names import ModelName, parse_model
from serving.records import ServingError


@pytest.mark.parametrize(
    ("name", "parsed"),
    [
        ("minilm", ModelName("minilm")),
        ("microsoft/unixcoder-base", ModelName("microsoft/unixcoder-base")),
        ("hub/base:docsearch", ModelName("hub/base", "docsearch")),
        ("minilm:docsearch@3", ModelName("minilm", "docsearch", "3")),
        ("minilm:docsearch@production", ModelName("minilm", "docsearch", "production")),
        ("minilm:auto", ModelName("minilm", "auto")),
        ("auto", ModelName("auto")),
    ],
)
def test_a_name_is_read_and_written_alike(name, parsed):
    assert parse_model(name) == parsed and str(parsed) == name


@pytest.mark.parametrize(
    "name",
    ["", ":", ":docsearch", "minilm:", "minilm@3", "minilm:a@", "minilm:@3", "minilm:a:b", "minilm:a@1@2", "m:a@1:2"],
)
def test_what_is_no_name_is_refused_with_the_ways_to_write_one(name):
    with pytest.raises(ServingError, match="BASE:ADAPTER@VERSION") as caught:
        parse_model(name)
    assert (caught.value.status, caught.value.param) == (400, "model")
    assert repr(name) in caught.value.message


def test_auto_has_no_version():
    with pytest.raises(ServingError, match="auto has no version"):
        parse_model("minilm:auto@3")


def test_only_the_adapter_auto_is_picked_by_the_query():
    assert parse_model("minilm:auto").auto
    assert not parse_model("auto").auto and not parse_model("minilm:automatic").auto


def test_an_error_keeps_all_it_says_between_processes():
    error = ServingError(429, "full", param="input", code="queue_full", kind="rate_limit_error", retry_after=2.5)
    came = pickle.loads(pickle.dumps(error))
    assert type(came) is ServingError and str(came) == "full"
    assert vars(came) == vars(error)
    assert came.retry_after == 2.5


@pytest.mark.parametrize(
    ("status", "kind"), [(400, "invalid_request_error"), (404, "invalid_request_error"), (429, "server_error"),
                         (503, "server_error")],
)  # fmt: skip
def test_the_kind_of_an_error_goes_by_its_status(status, kind):
    assert ServingError(status, "why").kind == kind
