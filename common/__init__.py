"""What every part shares: configuration, run folders, models, adapters, corpora, metrics, retrieval.

In: configuration records and files. Out: frozen records, pure functions and small classes that jobs, tuning, serving
and cluster put together. May import: no other part of the project. Modules that only describe (config, errors, runs,
the manifest, the catalogue) import neither torch nor ray, so that `--help` answers at once.
"""
