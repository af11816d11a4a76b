"""Run folders: where a job keeps what it has done, so that submitting it again goes on instead of starting over.

RUN/config.resolved.yaml   the configuration, written first; another one is refused
RUN/steps/NAME.json        the outcome of each finished step
RUN/logs/attempt_N.log     one log a submission, `latest` links to the newest
RUN/result.json            written last and atomically: it exists only if the work is complete
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import yaml

from common.config import JobConfig, dump_yaml
from common.errors import RunFolderError

Result = dict[str, Any]
CONFIG, RESULT = "config.resolved.yaml", "result.json"


class RunFolder:
    """An opened run folder, locked against a second process on this machine until `close` or the process' end."""

    def __init__(self, path: Path, lock: IO[str]) -> None:
        self.path = path
        self._lock = lock
        self._handler: logging.Handler | None = None

    @classmethod
    def open(cls, path: Path, config: JobConfig, patience: float = 0.0) -> RunFolder:
        """Create the folder or reopen it for the same configuration.

        Where another process works in it, wait for it up to `patience` seconds: one that was killed with its cluster
        may need some to end.

        Raises `RunFolderError` where another process works in it, or it was made by another configuration; the
        differences are named. Fields listed in the configuration's `volatile` (where to run, where to track) may
        change between submissions.
        """
        path = _checked(path)
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunFolderError(f"cannot write in {path}: {error.strerror}", "choose another --run-dir") from error
        lock = lock_folder(path, patience)
        try:
            _claim(path, config)
        except BaseException:
            lock.close()
            raise
        return cls(path, lock)

    def result(self) -> Result | None:
        """What a finished run found, None where the run is not complete."""
        file = self.path / RESULT
        return json.loads(file.read_text("utf-8")) if file.exists() else None

    def finish(self, result: Result) -> Result:
        """Write `result.json`; the run is complete from here on."""
        write_json(self.path / RESULT, result)
        return result

    def step(self, name: str, work: Callable[[], Result]) -> Result:
        """The outcome of step `name`: read back where an earlier submission finished it, worked out otherwise."""
        file = self.path / "steps" / f"{name}.json"
        if file.exists():
            return json.loads(file.read_text("utf-8"))
        write_json(file, work())
        return json.loads(file.read_text("utf-8"))

    def log_to_file(self) -> Path:
        """Send this process' log records to the next `logs/attempt_N.log` as well."""
        folder = self.path / "logs"
        folder.mkdir(exist_ok=True)
        numbers = (file.stem.removeprefix("attempt_") for file in folder.glob("attempt_*.log"))
        attempt = 1 + max((int(number) for number in numbers if number.isdigit()), default=0)
        file = folder / f"attempt_{attempt}.log"
        handler = logging.FileHandler(file, encoding="utf-8")
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        logging.getLogger().addHandler(handler)
        self._handler = handler
        latest = folder / "latest"
        latest.unlink(missing_ok=True)
        latest.symlink_to(file.name)
        return file

    def close(self) -> None:
        """Let another process in, and stop writing the log."""
        if self._handler:
            logging.getLogger().removeHandler(self._handler)
            self._handler.close()
            self._handler = None
        self._lock.close()

    def __enter__(self) -> RunFolder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def lock_folder(path: Path, patience: float = 0.0) -> IO[str]:
    """Lock an existing run folder against other processes until the file that is returned is closed.

    Raises `RunFolderError` where another process still works in it after `patience` seconds.
    """
    try:
        lock = (path / ".lock").open("a+")
    except OSError as error:
        raise RunFolderError(f"cannot write in {path}: {error.strerror}", "choose another --run-dir") from error
    if not _locked(lock, patience):
        lock.close()
        raise RunFolderError(f"another process is working in {path}", "wait for it, or give a --run-dir")
    return lock


def _locked(lock: IO[str], patience: float) -> bool:
    """Whether the lock is ours."""
    until = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() >= until:
                return False
            time.sleep(0.2)


def _claim(path: Path, config: JobConfig) -> None:
    """Write the configuration of a new run, or compare it with the one there."""
    stored = path / CONFIG
    try:
        if not stored.exists():
            write_text(stored, dump_yaml(config))
            return
        lines = differences(yaml.safe_load(stored.read_text("utf-8")) or {}, config)
    except OSError as error:
        raise RunFolderError(
            f"cannot write in {path}: {error.strerror}", "free space, or choose another --run-dir"
        ) from error
    except (yaml.YAMLError, AttributeError, UnicodeDecodeError) as error:
        raise RunFolderError(f"{stored} is damaged: {error}", "remove the folder to start over") from error
    if lines:
        raise RunFolderError(
            f"{path} holds a run of another configuration ({'; '.join(lines)})",
            "give a new --run-dir, or remove the folder to start over",
        )


def differences(stored: dict[str, Any], config: JobConfig) -> list[str]:
    """`key: stored → given` for every key that counts and differs."""
    given = config.model_dump(mode="json")
    volatile = type(config).volatile
    old, new = _flat(stored), _flat(given)
    return [
        f"{key}: {old.get(key, 'absent')!r} there, {new.get(key, 'absent')!r} now"
        for key in sorted(old.keys() | new.keys())
        if old.get(key) != new.get(key) and not any(key == v or key.startswith(v + ".") for v in volatile)
    ]


@contextmanager
def whole_file(path: Path) -> Iterator[IO[bytes]]:
    """A file to write so that a reader, or a crash, meets the old content or the new one and nothing between.

    Each writer has a draft of its own: of two that write the same file (a task that outlived its cancelled job, and
    the job that goes on) the last one wins, and neither harms the other.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".draft")
    draft = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        draft.chmod(0o644)
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def write_text(path: Path, text: str) -> None:
    """Write text as a `whole_file`."""
    with whole_file(path) as file:
        file.write(text.encode())


def write_json(path: Path, value: Any) -> None:
    """`write_text` of indented JSON; NaN is refused, since it is not JSON."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def _checked(path: Path) -> Path:
    """An absolute path; inside a submitted job a relative one would vanish with Ray's copy of the working folder."""
    submitted = "RAY_JOB_CONFIG_JSON_ENV_VAR" in os.environ  # what Ray 2.60 gives the driver of a submitted job
    if not path.is_absolute() and submitted:
        raise RunFolderError(
            f"--run-dir {path} is relative, and a submitted job runs in a temporary copy of the folder",
            "give an absolute --run-dir on storage that all nodes share",
        )
    return path.absolute()


def _flat(value: Any, prefix: str = "") -> dict[str, Any]:
    if not isinstance(value, dict):
        return {prefix.removesuffix("."): value}
    flat: dict[str, Any] = {}
    for key, inner in value.items():
        flat |= _flat(inner, f"{prefix}{key}.")
    return flat
