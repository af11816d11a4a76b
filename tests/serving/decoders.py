"""What the tests of the decoding engine share: random adapters for small generators, and listeners."""

import threading

import torch

from common.adapters.folder import adapter_digest, save_adapter
from common.adapters.generators import described, load_with_adapter
from common.adapters.manifest import BaseReference, Manifest, write_manifest
from common.adapters.methods import METHODS, PeftSpec
from common.adapters.wrapping import wrap_generator
from common.models.generation import Generator, prompt_ids
from common.models.generator import load_generator, load_generator_tokenizer
from common.models.sampling import Sampling
from serving.records import Adapter, Limits, Piece, Place

CPU = torch.device("cpu")
SMALL = {"rank": 4, "alpha": 8, "virtual_tokens": 3, "block_size": 8}


def trained(folder, base, method="lora", seed=0, **values):
    """The folder of a random adapter whose answers differ from the base's, and its record."""
    own = METHODS[method].parameters
    spec = PeftSpec(method=method, **{name: value for name, value in (SMALL | values).items() if name in own})
    model = wrap_generator(load_generator(base, CPU, dtype=torch.float32), spec, base, seed, steps=20)
    noise = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.requires_grad:
                weight += 0.3 * torch.randn(weight.shape, generator=noise)
    save_adapter(model, folder, base_name=base.name, revision=None)
    digest = adapter_digest(folder)
    write_manifest(folder, Manifest(
        name=folder.name, task="generation", language="python", prompts={}, pooling=None, max_length=None, data={},
        base=BaseReference(id=base.name, revision=None, digest=base.digest), peft=described(spec, base), scores={},
        digest=digest,
    ))  # fmt: skip
    return folder, Adapter(
        name=folder.name, version="1", aliases=(), digest=digest, place=Place(folder=folder), base=base.name,
        base_digest=base.digest, task="generation", language="python", method=method,
    )  # fmt: skip


def offline(base, folder=None):
    """The generator of the offline jobs, in fp32."""
    if folder is None:
        model = load_generator(base, CPU, dtype=torch.float32)
    else:
        model = load_with_adapter(base, folder, CPU, dtype=torch.float32)
    return Generator.of(model, load_generator_tokenizer(base), base)


def limits(**changes):
    """Greedy, 12 tokens."""
    known = {"max_tokens": 12, "temperature": 0.0, "top_p": 1.0, "stop": (), "seed": 0}
    return Limits(**(known | changes))


def sampling_of(limits):
    """The same as the offline jobs say it."""
    return Sampling(
        samples=limits.n, temperature=limits.temperature, top_p=limits.top_p, max_new_tokens=limits.max_tokens,
        stop=limits.stop,
    )  # fmt: skip


class Listener:
    """Collects what a request is told; `texts` waits for its end."""

    def __init__(self, answers=1):
        self.pieces = []
        self.error = None
        self._left = answers
        self._over = threading.Event()
        self.begun = threading.Event()

    def __call__(self, what):
        if isinstance(what, Piece):
            self.pieces.append(what)
            self._left -= what.finish is not None
        else:
            self.error = what
        self.begun.set()
        if self.error or not self._left:
            self._over.set()

    def of(self, index=0):
        """The pieces of one answer."""
        assert self._over.wait(120), "the answer does not come"
        if self.error:
            raise self.error
        return [piece for piece in self.pieces if piece.index == index]

    def text(self, index=0):
        """One answer."""
        return "".join(piece.text for piece in self.of(index))

    def finish(self, index=0):
        """Why it ended."""
        return self.of(index)[-1].finish


def ask(engine, prompt, loaded=None, **how):
    """Submit a text; its listener, with the handle in it."""
    wanted = limits(**how)
    listener = Listener(wanted.n)
    ids = prompt_ids(engine.tokenizer, prompt, "causal")
    listener.handle = engine.submit(ids, wanted, loaded, listener)
    return listener
