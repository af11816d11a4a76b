"""Known bases, found by alias or Hub id.

Running a model without its documented prompt or with another pooling handicaps it silently (LoRACode's UniXcoder
baseline lost half its MRR that way), so both are data here and appear in every manifest.
"""

from __future__ import annotations

from common.config import nearest
from common.models.architectures import default_targets
from common.models.catalogue_entries import CATALOGUE
from common.models.spec import BaseSpec, Pooling, Precision

__all__ = ["CATALOGUE", "BaseSpec", "Pooling", "Precision", "default_targets", "lookup", "suggestion"]


def lookup(name: str) -> BaseSpec | None:
    """The entry with this alias or Hub id (case-insensitively), None where the model is not a known one."""
    wanted = name.lower()
    return next((spec for spec in CATALOGUE if wanted in (spec.alias, spec.id.lower())), None)


def suggestion(name: str) -> str:
    """The catalogue name most like a mistyped one, as half a sentence; empty where none is close."""
    guess = nearest(name.lower(), [spec.alias for spec in CATALOGUE] + [spec.id for spec in CATALOGUE])
    return f"did you mean {guess!r}? " if guess else ""
