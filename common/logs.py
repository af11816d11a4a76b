"""Messages: ours at INFO, other people's warnings, and nothing that a user cannot act on."""

from __future__ import annotations

import logging
import sys
import warnings


def set_up() -> None:
    """For a process that a person started: everything to standard error, which leaves standard output to results."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    for part in ("common", "jobs", "tuning", "serving", "cluster"):
        logging.getLogger(part).setLevel(logging.INFO)
    quieten()


def quieten() -> None:
    """Silence, by name, what other libraries say to nobody's use."""
    for name in (
        "bitsandbytes",  # the package `kernels` is missing: only inference over a 4-bit base would gain by it
        "alembic",  # each migration of a new SQLite file
        "mlflow.store.db.utils",
        "mlflow.utils.credentials",
        "ray._private.authentication.authentication_token_setup",  # a local cluster makes a token for itself
    ):
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", message=".*is_gradient_checkpointing.*")  # PEFT's call, not ours
