"""Sweeps: search spaces over the jobs' configurations, Ray Tune, the report.

In: a search space and a job (`config`). Out: trials in MLflow, the best adapter, scored and registered, a report.
`space` and `plan` say what is tried, pure; `tasks` is what a job is to a sweep; `setup`, `trial` and `member` run in a
trial's process; `searchers`, `stopping` and `progress` are Ray Tune's parts, which `drive` puts together; `pipeline` is
the whole. May import: common, jobs.
"""
