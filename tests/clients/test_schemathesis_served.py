"""As test_schemathesis, over HTTP to a whole server with models: what a backend without any cannot get wrong."""

import pytest
from hypothesis import HealthCheck, settings

schemathesis = pytest.importorskip("schemathesis")
pytestmark = [pytest.mark.clients, pytest.mark.ray, pytest.mark.slow]
MODELS = {"/v1/completions": "writer:gen", "/v1/chat/completions": "writer:gen"}


@pytest.fixture(scope="session")
def described(server):
    return schemathesis.openapi.from_url(f"{server.address}/openapi.json")


schema = schemathesis.pytest.from_fixture("described")


@schema.parametrize()
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
def test_a_whole_server_answers_nothing_with_500_and_nothing_undocumented(case):
    body = case.body
    if isinstance(body, dict) and isinstance(body.get("model"), str) and len(body["model"]) % 4:
        body["model"] = MODELS.get(case.operation.path, "tiny:one")  # no other name gets beyond 404
        if isinstance(body.get("index"), str):
            body["index"] = "code"
        if isinstance(body.get("max_tokens"), int) and body["max_tokens"] > 8:
            body["max_tokens"] = 8  # a test of what is answered, not of how much
    case.call_and_validate(
        excluded_checks=[
            schemathesis.checks.CHECKS.get_one("positive_data_acceptance"),  # lengths and models are the server's own
        ]
    )
