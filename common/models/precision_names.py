"""The precisions a configuration may ask for; apart from `precision`, which imports torch."""

from typing import Literal

Precision = Literal["auto", "fp32", "bf16"]
