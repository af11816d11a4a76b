"""Running a program that nobody trusts: it gets a verdict and nothing else. Usable without Ray.

    spec.py         levels, limits, configuration
    host.py         Sandbox: start it, load a candidate, run it on an input; Execution: how that went
    environment.py  what of this machine is shown inside
    cgroups.py      a bound on a sandbox's memory, where the host lets us
    ../inside/      what runs within: zygote, server, jail, filters, runners (standard library only)

    host ─ socket of whole messages, pipes ─→ server ─ fork ─→ a fresh process for each test
                                               ▲ forked by the zygote, in a pid namespace of its own

**Covered at level `full`**, each with a test in tests/security: user, pid, mount, network, ipc and uts namespaces;
a read-only root with the interpreter's library and little else, no /proc, no programs; a tmpfs of a few megabytes,
renewed whenever a test has used it; a user of its own where the host's user may map one; no capabilities, no_new_privs;
a seccomp allow list; limits on CPU time, address space, file size, processes, descriptors, output; after each test
everything it has started is killed. Landlock and a cgroup for the sum of the memory are added where the host has them.

**Covered at level `reduced`** (no user namespaces: most containers): seccomp, landlock, rlimits. A test can then write
no file, start no process and signal nobody; it sees the host's process ids, names of networks that it cannot reach, and
which files there are and how large (`stat`), but not what is in them. Without Landlock there is no such level.

**Not covered.** A hole in the kernel. Side channels: time, caches, how busy the machine is. A test's own process is its
own: it can print whatever it likes, also what it was not asked for, so expected outputs never enter and are compared
outside; HumanEval's and MBPP's tests are scripts below the candidate, so a candidate made to cheat can pass those.
Without a cgroup a test that may start processes can use its memory limit once for each, and CPU time of children that
it does not wait for is bounded by the wall limit only. In mode `reference` all tests of a candidate run in one
process, as in the evaluator that it imitates.

What a sandbox really consists of is in its `isolation` record and goes into every result.
"""
