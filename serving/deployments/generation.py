"""A base that writes, with its adapters, as a Ray Serve deployment."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import AsyncExitStack, aclosing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common.prompts import Snippet
from serving.config import GenerationConfig
from serving.deployments import asking
from serving.deployments.facts import GeneratorFacts
from serving.deployments.replica import set_threads
from serving.http.backend import Message, Text
from serving.places import local
from serving.records import Adapter, Limits, Piece, ServingError

if TYPE_CHECKING:
    from serving.engines.requests import Handle

RETRY_S = 2.0


@dataclass(frozen=True)
class ToWrite:
    """What one adapter, or the base, is to answer."""

    limits: Limits
    prompts: tuple[Text, ...] = ()
    messages: tuple[Message, ...] = ()
    snippets: tuple[Snippet, ...] = ()
    """Code found for it, the best first."""
    adapter: Adapter | None = None


@dataclass(frozen=True)
class Began:
    """Said before the first piece."""

    prompt_tokens: int
    snippets: int
    """How many of the snippets are in the prompt: the last ones are left out where there is no room for all."""


@dataclass(frozen=True)
class _Prompt:
    text: Text
    snippets: int
    stops: tuple[str, ...]


class GenerationReplica:
    """One process with the base in memory."""

    def __init__(self, config: GenerationConfig, cache: Path) -> None:
        from common.models.generator import resolve_generator
        from serving.engines.decoding import DecodingEngine
        from serving.store import AdapterStore

        set_threads(config.replica)
        self._config = config
        self._engine = DecodingEngine(
            resolve_generator(config.model), quantise=config.quantise, budget=config.cache_positions
        )
        self._prompts: dict[str, dict[str, str]] = {}  # digest → what its adapter was trained with
        self._store = AdapterStore(
            lambda adapter: self._load(adapter, cache),
            self._engine.unload,
            limit_bytes=config.adapter_bytes,
            loaders=config.loads,
        )
        self._silent = 0

    async def facts(self) -> GeneratorFacts:
        """What it serves."""
        base = self._engine.base
        return GeneratorFacts(self._config.served_as, base.digest, base.positions)

    async def write(self, asked: ToWrite) -> AsyncGenerator[Began | list[Piece], None]:
        """`Began`, then pieces as they come, as many together as have gathered; `index` counts over all prompts.

        Raises `ServingError`: 400 for what does not fit, 429 where too many wait, 503 for an adapter that cannot be
        loaded. Closing it frees the rows.
        """
        if self._silent >= self._config.max_waiting:
            raise ServingError(
                429, f"{self._silent} requests are waiting already", code="queue_full", kind="rate_limit_error",
                retry_after=RETRY_S,
            )  # fmt: skip
        async with AsyncExitStack() as stack:
            loaded = await stack.enter_async_context(self._store.hold(asked.adapter)) if asked.adapter else None
            async for each in await stack.enter_async_context(aclosing(self._write(asked, loaded))):
                yield each

    async def preload(self, adapters: Sequence[Adapter]) -> list[str]:
        """Load them before they are asked for; returns a sentence for each that was not."""
        return [f"{adapter.name}: {error.message}" for adapter, error in await self._store.preload(adapters)]

    async def stats(self) -> dict[str, Any]:
        """Engine and store, now."""
        return {
            "task": "generation",
            "engine": vars(self._engine.stats()),
            "waiting": self._silent,
            "store": self._store.stats(),
        }

    async def check_health(self) -> None:
        """Ray Serve replaces a replica for which this raises."""
        if not self._engine.healthy:
            raise RuntimeError("the decoding thread has ended")

    def _load(self, adapter: Adapter, cache: Path) -> Any:
        from common.adapters.manifest import read_manifest

        folder = local(adapter, cache)
        self._prompts[adapter.digest] = read_manifest(folder).prompts
        return self._engine.load(folder, adapter)

    async def _write(self, asked: ToWrite, loaded: Any) -> AsyncGenerator[Began | list[Piece], None]:
        ids, prompts = await asyncio.to_thread(self._read, asked, loaded)
        loop, queue = asyncio.get_running_loop(), asyncio.Queue[Piece | Exception]()
        handles: list[Handle] = []
        self._silent += 1
        silent = True
        try:
            for place, (row, prompt) in enumerate(zip(ids, prompts, strict=True)):
                limits = replace(asked.limits, stop=(*asked.limits.stop, *prompt.stops))
                listener = _into(queue, loop, place * limits.n)
                with _named("messages" if asked.messages else "prompt"):
                    handles.append(self._engine.submit(row, limits, loaded, listener))
            yield Began(sum(map(len, ids)), prompts[0].snippets)
            left = len(ids) * asked.limits.n
            while left:
                gathered = [await queue.get()]
                while not queue.empty():
                    gathered.append(queue.get_nowait())
                if silent:
                    self._silent -= 1
                    silent = False
                pieces = [piece for piece in gathered if isinstance(piece, Piece)]
                if pieces:
                    yield pieces
                if error := next((one for one in gathered if isinstance(one, Exception)), None):
                    raise error
                left -= sum(piece.finish is not None for piece in pieces)
        finally:
            if silent:
                self._silent -= 1
            for handle in handles:
                handle.cancel()

    def _read(self, asked: ToWrite, loaded: Any) -> tuple[list[list[int]], list[_Prompt]]:
        """Token ids of each prompt, with as many of the snippets as leave room for the answer."""
        param = "messages" if asked.messages else "prompt"
        for kept in range(len(asked.snippets), -1, -1):
            prompts = self._prompted(asked, kept)
            ids = [self._ids(one.text, bool(asked.messages)) for one in prompts]
            if kept == 0 or all(self._engine.room(len(row), loaded) >= asked.limits.max_tokens for row in ids):
                break
        if not all(ids):
            raise ServingError(400, f"{param} is empty", param=param)
        return ids, prompts

    def _prompted(self, asked: ToWrite, kept: int) -> list[_Prompt]:
        snippets = asked.snippets[:kept]
        if asked.messages:
            trained = self._prompts.get(asked.adapter.digest) if asked.adapter else None
            text, stops = asking.conversation(
                asked.messages, snippets, self._engine.tokenizer, asking.template_of(trained)
            )
            return [_Prompt(text, kept, stops)]
        texts = [asking.completion(one, snippets) if isinstance(one, str) else one for one in asked.prompts]
        return [_Prompt(text, kept, ()) for text in texts]

    def _ids(self, text: Text, whole: bool) -> list[int]:
        """`whole`: a chat template has put in what a text begins with."""
        from common.models.generation import prompt_ids

        if not isinstance(text, str):
            return list(text)
        tokenizer = self._engine.tokenizer
        if whole and getattr(tokenizer, "chat_template", None):
            return list(tokenizer(text, add_special_tokens=False)["input_ids"])
        return list(prompt_ids(tokenizer, text, "causal"))


@contextmanager
def _named(param: str) -> Iterator[None]:
    """What is wrong with a prompt is told of the field that it came from."""
    try:
        yield
    except ServingError as error:
        if error.param == "prompt":
            error.param = param
        raise


def _into(queue: asyncio.Queue[Piece | Exception], loop: asyncio.AbstractEventLoop, offset: int) -> Any:
    """A listener for the engine's thread."""

    def listen(what: Piece | Exception) -> None:
        moved = replace(what, index=what.index + offset) if isinstance(what, Piece) else what
        loop.call_soon_threadsafe(queue.put_nowait, moved)

    return listen
