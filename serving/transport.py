"""How Ray Serve's processes talk: settings that halve the way of a request, set before Ray starts.

Replies over gRPC instead of the object store, and handlers in the loop that takes their requests: ours never block it.
They are Ray Serve's own (`RAY_SERVE_THROUGHPUT_OPTIMIZED` sets these among others) and concern every process of a
cluster, so that they are for one that is started here; docs/serving.md names them for others.
"""

from __future__ import annotations

import os

SETTINGS = {
    "RAY_SERVE_USE_GRPC_BY_DEFAULT": "1",
    "RAY_SERVE_RUN_USER_CODE_IN_SEPARATE_THREAD": "0",
    "RAY_SERVE_RUN_ROUTER_IN_SEPARATE_LOOP": "0",
}


def use_short_ways() -> None:
    """Set them for the processes that this one starts, unless the environment says otherwise."""
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
