"""From the command line and a YAML file to one frozen, validated record.

Precedence: dotted overrides (`--peft.rank 32`) over `--config FILE` over the defaults in the class. The docstring
under a field is its help text. pydantic-settings does the parsing: the records are pydantic models in any case, it
turns them into argparse flags without a second description, and it imports in a tenth of a second.
"""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar, get_args

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_settings import BaseSettings, CliSettingsSource, SettingsConfigDict, SettingsError

from common.errors import ConfigError


class Config(BaseModel):
    """Base of every configuration record: frozen, unknown keys refused, field docstrings become help."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, validate_default=True, protected_namespaces=()
    )


class JobConfig(Config):
    """What every job has."""

    volatile: ClassVar[frozenset[str]] = frozenset({"run_dir"})
    """Dotted keys that may change between two submissions of one run."""

    run_dir: Path | None = None
    """Run folder; submitting again with the same folder goes on where the job stopped. Default: runs/JOB."""


C = TypeVar("C", bound=Config)


@dataclass(frozen=True)
class Invocation(Generic[C]):
    """A parsed command line."""

    config: C
    dry_run: bool


def parse(model: type[C], argv: Sequence[str], *, prog: str, description: str = "") -> Invocation[C]:
    """Parse `argv`; raises `ConfigError` with one line per mistake, `SystemExit(0)` after `--help`."""
    parser = _Parser(prog=prog, description=description, formatter_class=_HelpFormatter, allow_abbrev=False)
    parser.add_argument("--config", metavar="FILE", help="YAML file with the fields below; flags override it")
    parser.add_argument("--dry-run", action="store_true", help="check everything, print the plan, run nothing")
    settings = type(
        model.__name__,
        (model, BaseSettings),
        {"__doc__": None, "__module__": model.__module__, "model_config": SettingsConfigDict(cli_avoid_json=True)},
    )
    try:
        source: CliSettingsSource[Any] = (
            CliSettingsSource(  # `run_dir` is typed --run-dir: flags are kebab-case, YAML keys are not
                settings, root_parser=parser, cli_implicit_flags=True, cli_kebab_case=True, cli_hide_none_type=True
            )
        )
        known = parser.parse_args(list(argv))
        given = source(parsed_args=vars(known))()
    except SettingsError as error:
        raise ConfigError(str(error)) from error
    for own in ("config", "dry_run"):
        given.pop(own, None)
    from_file = read_yaml(Path(known.config)) if known.config else {}
    return Invocation(config=validate(model, merge(from_file, given), source=known.config), dry_run=known.dry_run)


def validate(model: type[C], values: Mapping[str, Any], source: str | None = None) -> C:
    """Validate a plain mapping; the error names each key, and for an unknown one the nearest valid key."""
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        lines = [_explain(model, item) for item in error.errors()]
        where = f"with {source}: " if source else ""  # "with": the mistake may be in a flag laid over the file
        raise ConfigError(where + "; ".join(lines), "`--help` lists every key with its meaning") from error


def read_yaml(path: Path) -> dict[str, Any]:
    """A YAML mapping; raises `ConfigError` with the line of a syntax error."""
    try:
        loaded = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"no configuration file {path}", "jobs/configs/ holds the ones that come along") from None
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from error
    if loaded is None:
        return {}
    if not isinstance(loaded, dict):
        raise ConfigError(f"{path} must hold a mapping of keys to values, not a {type(loaded).__name__}")
    return loaded


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`over` laid on `base`, mapping by mapping."""
    merged = dict(base)
    for key, value in over.items():
        old = merged.get(key)
        merged[key] = merge(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return merged


def dump_yaml(config: BaseModel) -> str:
    """The resolved configuration as YAML that `--config` reads back."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def keys(model: type[BaseModel], prefix: str = "") -> list[str]:
    """All dotted keys of a configuration class."""
    found: list[str] = []
    for name, field in model.model_fields.items():
        found.append(prefix + name)
        for inner in (field.annotation, *get_args(field.annotation)):  # `Inner | None` holds keys as well
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                found += keys(inner, f"{prefix}{name}.")
    return found


def nearest(word: str, known: Sequence[str]) -> str | None:
    """The known word that is most like `word`, or None where nothing is close."""
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    if not close:  # `rank` for `peft.rank`: the last part alone may be what the user meant
        close = [key for key in known if key.rsplit(".", 1)[-1] == word.rsplit(".", 1)[-1]][:1]
    return close[0] if close else None


def _explain(model: type[BaseModel], item: Mapping[str, Any]) -> str:
    key = ".".join(str(part) for part in item["loc"])
    if item["type"] == "extra_forbidden":
        guess = nearest(key, keys(model))
        return f"unknown key {key!r}" + (f", did you mean {guess!r}?" if guess else "")
    if item["type"] == "missing":
        return f"key {key!r} is required"
    message = item["msg"].removeprefix("Value error, ")
    return f"{key}: {message} (got {item['input']!r})" if key else message


class _HelpFormatter(argparse.RawDescriptionHelpFormatter):
    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=34, width=110)


class _Parser(argparse.ArgumentParser):
    """Argparse that raises `ConfigError`, and knows the nearest flag to one it does not know."""

    def error(self, message: str):
        raise ConfigError(message, f"`{self.prog} --help` lists every flag")

    def parse_args(self, args=None, namespace=None):
        known, unknown = self.parse_known_args(args, namespace)
        if unknown:
            flags = [flag for action in self._actions for flag in action.option_strings if flag.startswith("--")]
            bad = unknown[0].split("=")[0]
            if not bad.startswith("-"):
                self.error(f"unexpected argument {bad!r}")
            guess = nearest(bad, flags)
            self.error(f"unknown key {bad!r}" + (f", did you mean {guess!r}?" if guess else ""))
        return known
