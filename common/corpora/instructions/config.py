"""Which tasks a generator is tuned on and scored with. Describes only."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from common.config import Config

SourceName = Literal["conala", "codealpaca", "apps", "microproblems", "stdlib", "jsonl"]
STUDY_SEED = 42


class ConalaOptions(Config):
    """CoNaLa: one-line answers to questions from Stack Overflow."""

    path: Path | None = None
    """Folder with the official files (conala-train.json, conala-test.json) or DocPrompting's (cmd_train.*.json, ...);
    none = DocPrompting's from the Hub."""
    edition: Literal["curated", "official"] | None = None
    """curated: DocPrompting's split 2,135/201/543, the study's; official: train and test as released, dev held out by
    question; none = curated where its files are there."""


class CodeAlpacaOptions(Config):
    """CodeAlpaca, of which what is Python and parses is kept (CodeAlpacaPy)."""

    path: Path | None = None
    """The released JSON array, or a folder with it, or with a split that is ready (train, valid, test with nl and cmd);
    none = the study's split from the Hub."""


class AppsOptions(Config):
    """APPS: competition problems with tests."""

    path: Path | None = None
    """Folder with train.jsonl and test.jsonl (or train/ and test/ of the first release), or one file, from which the
    test set is held out; none = the Hub."""
    validation: int = Field(default=500, ge=1)
    """Training problems held out as dev set; never more than a tenth of them."""
    test_per_level: int = Field(default=250, ge=1)
    """Test problems of each level; where they are held out from the training problems, at most 15 % of those."""


class MicroproblemOptions(Config):
    """Small problems that are made here from a seed."""

    instances: int = Field(default=12, ge=3)
    """Problems of each family; of those that are trained on, a quarter is for testing."""
    solutions: int = Field(default=1, ge=1)
    """How many of a training problem's known solutions become examples."""
    dev_share: float = Field(default=0.1, gt=0, lt=1)
    """Share of each family's training problems that is held out as dev set, at least one."""
    families: tuple[str, ...] = ()
    """Only these families; none = all."""
    difficulties: tuple[Literal["introductory", "interview", "competition"], ...] = ()
    """Only problems of these levels; none = all."""


class StdlibOptions(Config):
    """Documented functions of the standard library of the interpreter that runs this."""

    seed: int = 0
    """Decides which modules are held out; 0 = the same ones as in the search corpus."""
    dev_share: float = Field(default=0.08, gt=0, lt=1)
    """Share of the functions held out as dev set, by module."""
    test_share: float = Field(default=0.12, gt=0, lt=1)
    """Share of the functions held out as test set, by module."""
    folder: Path | None = None
    """Another folder of Python modules to take the functions from."""


class JsonlOptions(Config):
    """Your own files: one {"instruction": ..., "code": ...} a line; {"prompt", "completion"} and "input" are taken."""

    train: tuple[Path, ...] = ()
    """Training files."""
    dev: Path | None = None
    """Dev file; none = held out from the training files."""
    tests: tuple[Path, ...] = ()
    """Test files, each a set named after it; none = one set `jsonl`, held out from the training files."""
    dev_share: float = Field(default=0.1, gt=0, lt=1)
    """Share held out as dev set, where it is."""
    test_share: float = Field(default=0.1, gt=0, lt=1)
    """Share held out as test set, where it is."""


class InstructionConfig(Config):
    """Tasks and answers, from one source or several."""

    sources: tuple[SourceName, ...] = ("stdlib",)
    """Where the examples come from; several are trained on together, and each keeps its own test sets."""
    conala: ConalaOptions = ConalaOptions()
    """CoNaLa's options."""
    codealpaca: CodeAlpacaOptions = CodeAlpacaOptions()
    """CodeAlpaca's options."""
    apps: AppsOptions = AppsOptions()
    """APPS' options."""
    microproblems: MicroproblemOptions = MicroproblemOptions()
    """The microproblems' options."""
    stdlib: StdlibOptions = StdlibOptions()
    """The standard library's options."""
    jsonl: JsonlOptions = JsonlOptions()
    """The options of your own files."""
    seed: int = Field(default=STUDY_SEED, ge=0)
    """Decides what is held out, which solution stands for a problem, and what a limit keeps; 42 = the study's."""
    decontaminate: bool = True
    """Drop training examples that repeat a held-out instruction or nearly repeat held-out code. The published figures
    for CoNaLa, CodeAlpacaPy and APPS are without."""
    near_duplicate_threshold: float = Field(default=0.8, gt=0, le=1)
    """Jaccard similarity of token shingles from which on two codes count as the same."""
    limit_train: int | None = Field(default=None, ge=1)
    """At most so many training examples, a seeded choice; none = all."""
    limit_dev: int | None = Field(default=None, ge=1)
    """At most so many dev examples, a seeded choice; none = all."""
    limit_test: int | None = Field(default=None, ge=1)
    """At most so many examples of each test set, a seeded choice; none = all."""

    @model_validator(mode="after")
    def _fits_together(self) -> InstructionConfig:
        if not self.sources or len(set(self.sources)) < len(self.sources):
            raise ValueError("`sources` needs one or more sources, each once")
        for name in ("conala", "codealpaca", "apps", "microproblems", "stdlib", "jsonl"):
            if name not in self.sources and getattr(self, name) != type(self).model_fields[name].default:
                raise ValueError(f"`{name}.*` says nothing: {name} is not among the sources")
        if "jsonl" in self.sources and not self.jsonl.train:
            raise ValueError("`jsonl.train` is needed: the files to train on")
        for options in (self.stdlib, self.jsonl):
            if options.dev_share + options.test_share >= 1:
                raise ValueError("dev_share and test_share together must leave something to train on")
        return self
