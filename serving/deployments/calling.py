"""Calls from one deployment to another: a replica that dies is asked again, a full queue and an error are told as such.

What is called changes nothing, so that it may be called again: a request that was accepted is not lost with a replica.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Any

from serving.records import ServingError

TRIES = 4
PAUSE_S = 0.5
"""Before the second try; each further one waits twice as long."""
RETRY_S = 1.0


async def call(remote: Callable[[], Any]) -> Any:
    """The answer of `handle.method.remote(…)`, which `remote` makes anew for each try.

    Raises `ServingError`, that of the replica, or 429 for a full queue, or 503 where no replica answers. A call that
    is cancelled is cancelled in the replica.
    """
    for attempt in range(TRIES):
        response = remote()
        try:
            return await response
        except asyncio.CancelledError:
            response.cancel()
            raise
        except Exception as error:
            await _again(error, attempt)
    raise AssertionError("the last try returns or raises")


async def stream(remote: Callable[[], Any]) -> AsyncGenerator[Any, None]:
    """As `call`, of a method that yields. Where a replica dies after the first item the error is told: 503.

    Closing the generator cancels the call in the replica.
    """
    for attempt in range(TRIES):
        response, began = remote(), False
        try:
            async for item in response:
                began = True
                yield item
            return
        except (asyncio.CancelledError, GeneratorExit):
            response.cancel()
            raise
        except Exception as error:
            await _again(error, TRIES if began else attempt)


async def _again(error: Exception, attempt: int) -> None:
    """Return, after a pause, where another try may do; else raise what the client is told."""
    from ray.exceptions import RayActorError, RayTaskError
    from ray.serve.exceptions import BackPressureError, DeploymentUnavailableError

    cause = error.cause if isinstance(error, RayTaskError) else error
    if isinstance(cause, ServingError):
        raise cause from None
    if isinstance(error, BackPressureError):
        raise ServingError(
            429, "too many requests are waiting", code="queue_full", kind="rate_limit_error", retry_after=RETRY_S
        ) from None
    if not isinstance(error, (RayActorError, DeploymentUnavailableError)):
        raise error
    if attempt >= TRIES - 1:
        raise ServingError(503, "no replica answers", code="unavailable", retry_after=RETRY_S) from None
    await asyncio.sleep(PAUSE_S * 2**attempt)
