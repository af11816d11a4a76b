"""A replica that is killed under load: no accepted request is lost, and the server is whole again afterwards."""

from __future__ import annotations

import threading

import pytest

from tests.models_zoo import LINES

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.faults]
CLIENTS, EACH = 4, 15


def kill(deployment: str) -> None:
    """End the processes of a deployment as the kernel would."""
    import ray

    for actor in ray.util.list_named_actors(all_namespaces=True):
        if actor["name"].startswith(f"SERVE_REPLICA::codeadapters#{deployment}#"):
            ray.kill(ray.get_actor(actor["name"], namespace=actor["namespace"]), no_restart=True)


def test_requests_outlive_a_killed_replica(server):
    answers: list[object] = []
    begun = threading.Event()

    def ask(client):
        for turn in range(EACH):
            answers.append(server.post("/v1/embeddings", model="tiny:one", input=LINES[(client + turn) % len(LINES)]))
            if turn == 2:
                begun.set()

    threads = [threading.Thread(target=ask, args=(client,)) for client in range(CLIENTS)]
    for thread in threads:
        thread.start()
    begun.wait()
    kill("embedding tiny")
    for thread in threads:
        thread.join()
    lost = [answer for answer in answers if isinstance(answer, tuple)]
    assert len(answers) == CLIENTS * EACH
    # A client that sees 503 asks again, as Retry-After tells it; anything else would be a loss
    assert all(status == 503 for status, _ in lost)
    again = server.until(lambda: _answered(server.post("/v1/embeddings", model="tiny:one", input=LINES[0])))
    assert again["adapter"]["name"] == "one"


def _answered(answer):
    return None if isinstance(answer, tuple) else answer
