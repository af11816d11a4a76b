"""Jobs: one module = one job = one `python -m jobs.NAME`, run alone, by `ray job submit`, or as a sweep's trial.

In: a frozen configuration (YAML and flags). Out: a run folder with `result.json` and, where it trains, `adapter/`.
May import: common. A job's module parses its configuration before it imports torch or ray.
"""
