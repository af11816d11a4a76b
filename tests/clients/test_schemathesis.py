"""Schemathesis sends what `/openapi.json` allows and what it forbids, and holds the answers to what it says."""

import pytest
from hypothesis import HealthCheck, settings

from serving.http.app import create_app
from serving.http.settings import HttpSettings
from tests.serving.fake_backend import BASE, FakeBackend

schemathesis = pytest.importorskip("schemathesis")
pytestmark = [pytest.mark.clients, pytest.mark.slow]


def described():
    return create_app(FakeBackend(), HttpSettings())


schema = schemathesis.openapi.from_asgi("/openapi.json", described())


@schema.parametrize()
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
def test_no_answer_is_a_500_or_undocumented(case):
    if isinstance(case.body, dict) and isinstance(case.body.get("model"), str) and len(case.body["model"]) % 2:
        case.body["model"] = f"{BASE}:java"  # no other name gets beyond 404
    case.call_and_validate(
        excluded_checks=[
            schemathesis.checks.CHECKS.get_one("positive_data_acceptance"),  # lengths and models are the server's own
        ]
    )
