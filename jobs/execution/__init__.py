"""Running untrusted candidates on tests, and the Ray actors that do it by the thousand.

In: `CodeProblem`s with tests, candidate programs. Out: a `Verdict` for each (problem, sample).

    sandbox/      isolation: one candidate, one input, what it printed (no Ray, no semantics)
    inside/       the programs that run within a sandbox; standard library only
    strict.py     what a user means by a right answer; reference.py, what codeparrot/apps_metric takes for one
    evaluator.py  a candidate and a problem → a verdict, on this machine
    verdicts.py   the record of it
    pool.py       the same over a cluster: one actor a CPU, each with sandboxes of its own
    probe.py      what this host can give

May import: common. Neither torch nor transformers.
"""
