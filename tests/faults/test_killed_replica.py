"""A replica that is killed under load: no accepted request is lost, and the server is whole again afterwards."""

from __future__ import annotations

import threading

import pytest

from tests.models_zoo import LINES

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.faults]
CLIENTS, EACH = 4, 15


def kill(deployment: str) -> int:
    """End the processes of a deployment as the kernel would; returns how many."""
    import ray

    killed = 0
    for actor in ray.util.list_named_actors(all_namespaces=True):
        if actor["name"].startswith(f"SERVE_REPLICA::codeadapters#{deployment}#"):
            ray.kill(ray.get_actor(actor["name"], namespace=actor["namespace"]), no_restart=True)
            killed += 1
    return killed


def test_requests_outlive_a_killed_replica(server):
    answers: list[dict] = []
    begun = threading.Event()

    def ask(client):
        for turn in range(EACH):
            text = LINES[(client + turn) % len(LINES)]
            answers.append(server.until(lambda text=text: answered(server.post(
                "/v1/embeddings", model="tiny:one", input=text
            ))))  # fmt: skip
            if turn == 2:
                begun.set()

    threads = [threading.Thread(target=ask, args=(client,)) for client in range(CLIENTS)]
    for thread in threads:
        thread.start()
    begun.wait()
    assert kill("embedding tiny") == 1
    for thread in threads:
        thread.join()
    assert len(answers) == CLIENTS * EACH, "a request got something else than vectors or a 503"
    assert {answer["adapter"]["name"] for answer in answers} == {"one"}
    assert server.post("/v1/embeddings", model="tiny:one", input=LINES[0])["adapter"]["name"] == "one"


def answered(answer):
    """The vectors; None for a 503, after which a client asks again, as Retry-After tells it."""
    if isinstance(answer, tuple):
        assert answer[0] == 503, answer
        return None
    return answer
