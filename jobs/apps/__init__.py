"""Judging programs on problems with tests: what `jobs.evaluate_apps` runs.

    config.py    the job's fields
    inputs.py    problems and candidates: what can be used, what cannot
    generation.py  candidates from a model, sampled while earlier ones run
    ledger.py    verdicts.jsonl: written as verdicts come, read when the job goes on
    pipeline.py  candidates → pool → ledgers → result; takes any iterator of candidates, so also a model's
    summary.py   figures, failures, both modes side by side (pure)
    report.py, plot.py  the same for people

In: problems, candidates. Out: verdicts.jsonl, result.json, report.md, failures.png. May import: common, jobs.execution,
jobs.ray_session; torch only inside the actor of generation.py.
"""
