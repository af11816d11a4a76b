"""Runs candidates without any sandbox: one forked process a candidate (`reference`) or a test (`strict`).

For programs that are known to be harmless, such as the oracle's. Jobs come as JSON lines on stdin: {"mode": one of
"reference", "call" and "stdin", "code", "fn_name", "inputs", "cpu": seconds}; outcomes go out likewise: {"records",
"signal", "cpu"} for `reference`, {"status", "output", "signal", "cpu"} for one test otherwise.
"""

import json
import os
import resource
import select
import signal
import sys
import tempfile

from jobs.execution.inside import call_run, reference_run, script_run

MEMORY = 4 << 30  # bytes of address space, as the oracle's runs had
WALL = 4  # times the CPU seconds


def main():
    sys.set_int_max_str_digits(0)
    for line in sys.stdin:
        job = json.loads(line)
        outcome = reference(job) if job["mode"] == "reference" else strict(job)
        sys.__stdout__.write(json.dumps(outcome) + "\n")
        sys.__stdout__.flush()


def reference(job):
    def work(result):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        reference_run.run(
            job["code"],
            job["fn_name"],
            job["inputs"],
            lambda record: os.write(result, json.dumps(record).encode() + b"\n"),
            job.get("seconds", 4.0),
        )

    _, output, signal_, cpu = fork(work, b"", job["cpu"])
    records = [json.loads(line) for line in output.splitlines()]
    return {"records": records, "signal": signal_, "cpu": cpu}


def strict(job):
    def work(result):
        names = script_run.namespace()
        if job["mode"] == "stdin":
            os.dup2(result, 1)
            script_run.finish(lambda: exec(compiled(job), names))
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)

        def call():
            value = call_run.call(call_run.load(compiled(job), job["fn_name"]), job["inputs"])
            os.write(result, value.encode())

        script_run.finish(call)

    given = job["inputs"].encode() if job["mode"] == "stdin" else b""
    status, output, signal_, cpu = fork(work, given, job["cpu"])
    return {"status": status, "output": output, "signal": signal_, "cpu": cpu}


def compiled(job):
    return compile(job["code"], script_run.FILE, "exec", dont_inherit=True)


def fork(work, given, cpu):
    """(exit status, what it wrote, signal or 0, CPU seconds) of `work(descriptor)` in a child."""
    with tempfile.TemporaryFile() as source, tempfile.TemporaryFile() as result:
        source.write(given)
        source.seek(0)
        child = os.fork()
        if not child:
            try:
                os.dup2(source.fileno(), 0)
                sys.stdin = open(0, closefd=False)  # noqa: SIM115 - the worker's own has read ahead
                sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
                os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
                resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu + 1))
                resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
                work(result.fileno())
            finally:
                os._exit(0)
        pidfd = os.pidfd_open(child)
        if not select.select([pidfd], [], [], cpu * WALL)[0]:
            os.kill(child, signal.SIGKILL)
        os.close(pidfd)
        _, status, usage = os.wait4(child, 0)
        result.seek(0)
        code = os.waitstatus_to_exitcode(status)
        return max(code, 0), result.read().decode("utf-8", "replace"), max(-code, 0), usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
