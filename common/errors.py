"""Errors a user can act on.

Every one is a sentence that says what is wrong and, in `remedy`, what to do about it. The command line prints both
and exits with status 2; a traceback is for our own mistakes only.
"""

from __future__ import annotations

from pathlib import Path


class UserError(Exception):
    """Something in the input, the configuration or the machine that the user can mend."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}\n  → {self.remedy}" if self.remedy else self.message

    def __reduce__(self):  # Ray pickles exceptions on their way from the workers to the driver
        return (_rebuild, (type(self), self.message, self.remedy))


def _rebuild(cls: type[UserError], message: str, remedy: str) -> UserError:
    error = cls.__new__(cls)
    UserError.__init__(error, message, remedy)
    return error


class ConfigError(UserError):
    """A configuration that does not validate."""


class RunFolderError(UserError):
    """A run folder that belongs to another configuration or to a process that is still running."""


class ModelError(UserError):
    """A base model that cannot be had, or is not what it claims to be."""


class AdapterError(UserError):
    """An adapter that is damaged or was trained on another base."""


class PreflightError(UserError):
    """Training data or a loss that makes the run meaningless."""


class DataError(UserError):
    """Bad data, with the place where it was found."""

    def __init__(self, path: Path | str, line: int | None, field: str | None, reason: str, remedy: str = "") -> None:
        place = f"{path}:{line}" if line is not None else str(path)
        what = f"field {field!r}: {reason}" if field else reason
        super().__init__(f"{place}: {what}", remedy)
