"""Configuration of `jobs.evaluate_codegen`. Describes only."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field, model_validator

from common.config import Config, JobConfig
from common.corpora.instructions.config import InstructionConfig
from jobs.codegen.decoding import Decoding
from jobs.execution.sandbox.spec import Limits, SandboxConfig
from jobs.ray_session import ClusterConfig


class IclConfig(Config):
    """In-context learning: solved examples before each question, the same for all."""

    examples: int = Field(0, ge=0)
    """So many training examples; 0 = none."""
    seed: int = Field(0, ge=0)
    """Decides which ones and their order."""


class RagConfig(Config):
    """Retrieval: what is most like each question stands before it, training examples or code of an index."""

    k: int = Field(0, ge=0)
    """So many, the nearest first; 0 = none."""
    index: Path | None = None
    """Index of jobs.build_index whose functions, methods and classes are put before the questions; none = training
    examples, those with the nearest instructions. Units that hold the reference answer are left out."""
    encoder: str | None = None
    """Base model that embeds the instructions: a catalogue alias, a Hub id (the study's is thenlper/gte-small) or a
    folder; none = the adapter's own base, or minilm. An index has its own."""
    adapter: str | None = None
    """Search adapter of ours, by its folder; of an index also by its name, the beginning of its digest, or `base`.
    none = without one; in an index the one for each question's language."""


class EvaluateCodegenConfig(JobConfig):
    """Score generated code: match metrics, CodeBLEU, and pass@k where problems have tests."""

    volatile: ClassVar[frozenset[str]] = frozenset({"run_dir", "cluster", "batch_tokens"})

    predictions: Path | None = None
    """JSONL of {"reference", "candidates": [...]}, optionally "id" and "set"; nothing is generated then."""
    model: str | None = None
    """Model that writes: `stand-in` (packaged), a folder or a Hub id."""
    revision: str | None = None
    """Branch, tag or commit of the model on the Hub."""
    adapter: Path | None = None
    """Adapter folder for the model, or a full fine-tuning of it."""
    quantise: Literal["auto", "none", "8bit", "4bit"] = "auto"
    """How the base is stored; auto = as the adapter's method has it."""
    data: InstructionConfig = InstructionConfig()
    """Test sets, and the training examples that ICL and RAG take."""
    train_run: Path | None = None
    """Run folder of jobs.train_codegen whose data are taken instead."""
    sets: tuple[str, ...] = ()
    """Only these test sets; none = all."""
    prompt: str | None = None
    """Template: study, codet5p, apps, apps-authors, chat, complete; none = the adapter's, or the data's own."""
    decoding: Decoding = Decoding()
    """How answers are drawn."""
    icl: IclConfig = IclConfig()
    """In-context learning."""
    rag: RagConfig = RagConfig()
    """Retrieval, of training examples or of code."""
    context: int | None = Field(None, ge=1)
    """Most tokens of prompt and answer; none = as many as the model has positions for."""
    too_long: Literal["empty", "leave_out"] = "empty"
    """What becomes of an item whose question alone does not fit: an empty answer, which counts as wrong, or nothing.
    Either way it is named."""
    batch_tokens: int | None = Field(None, ge=64)
    """Tokens of prompts and answers that a worker has in memory at a time; none = by device."""
    codebleu: Literal["official", "pypi"] = "official"
    """Semantics of CodeBLEU: the authors', or the PyPI package's."""
    ks: tuple[int, ...] = (1, 10)
    """The k of EM@k; left out where there are fewer answers."""
    run_tests: bool = True
    """Run the answers where problems have tests."""
    mode: Literal["strict", "reference", "both"] = "strict"
    """How tests are judged; see jobs.evaluate_apps."""
    limits: Limits = Limits()
    """What a test may use."""
    sandbox: SandboxConfig = SandboxConfig()
    """How answers are kept in while they run."""
    seed: int = Field(0, ge=0)
    """Draws the items of the intervals."""
    cluster: ClusterConfig = ClusterConfig()
    """Where the models run: one a worker."""

    @model_validator(mode="after")
    def _complete(self) -> EvaluateCodegenConfig:
        if (self.predictions is None) == (self.model is None):
            raise ValueError("give either predictions, a JSONL file, or model, one that writes")
        if self.predictions is not None:
            own = ("revision", "adapter", "quantise", "data", "train_run", "sets", "prompt", "decoding", "icl", "rag",
                   "context")  # fmt: skip
            for name in own:
                if getattr(self, name) != type(self).model_fields[name].default:
                    raise ValueError(f"{name} goes with model; predictions are scored as they are")
        if self.icl.examples and self.rag.k:
            raise ValueError("icl.examples and rag.k are two ways to choose what stands before a question: give one")
        if not self.rag.k and self.rag != RagConfig():
            raise ValueError("rag.index, rag.encoder and rag.adapter go with rag.k")
        if self.rag.index and self.rag.encoder:
            raise ValueError("rag.encoder is for training examples; the questions to an index need the encoder of its "
                             "vectors, which it names itself")  # fmt: skip
        if self.train_run is not None and self.data != InstructionConfig():
            raise ValueError("train_run brings its data along: leave data out")
        if not self.ks or min(self.ks) < 1:
            raise ValueError("ks are one or more numbers from 1")
        for source in ("conala", "apps"):  # beams, samples and temperature must fit together
            self.decoding.sampling(source)
        return self
