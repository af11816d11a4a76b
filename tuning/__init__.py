"""Sweeps: search spaces over the jobs' configurations, Ray Tune, the report. Empty until the sweep work lands.

In: a search space and a job. Out: trials in MLflow, the best configuration, a report. May import: common, jobs.
"""
