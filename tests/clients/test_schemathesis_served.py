"""As test_schemathesis, over HTTP to a whole server with models: what a backend without any cannot get wrong."""

import pytest
from hypothesis import HealthCheck, settings

from serving.http.app import create_app
from serving.http.settings import HttpSettings
from tests.serving.fake_backend import FakeBackend

schemathesis = pytest.importorskip("schemathesis")
pytestmark = [pytest.mark.clients, pytest.mark.ray, pytest.mark.slow]
MODELS = {"/v1/completions": "writer:gen", "/v1/chat/completions": "writer:gen"}
LONGEST = HttpSettings().max_new_tokens
DESCRIBED = create_app(FakeBackend(), HttpSettings()).openapi()  # before any server runs: pytest wants its parameters

schema = schemathesis.openapi.from_dict(DESCRIBED)


def test_the_server_describes_itself_so(server):
    assert server.get("/openapi.json") == DESCRIBED


@schema.parametrize()
@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
def test_a_whole_server_answers_nothing_with_500_and_nothing_undocumented(case, server):
    body = case.body
    if isinstance(body, dict) and isinstance(body.get("model"), str) and len(body["model"]) % 4:
        body["model"] = MODELS.get(case.operation.path, "tiny:one")  # no other name gets beyond 404
        if isinstance(body.get("index"), str):
            body["index"] = "code"
        for field in ("max_tokens", "max_completion_tokens"):
            if isinstance(body.get(field), int) and 8 < body[field] <= LONGEST:
                body[field] = 8  # a test of what is answered, not of how much
    case.call_and_validate(
        base_url=server.address,
        excluded_checks=[
            schemathesis.checks.CHECKS.get_one("positive_data_acceptance"),  # lengths and models are the server's own
        ],
    )
