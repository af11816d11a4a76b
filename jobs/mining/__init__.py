"""Mining pairs from a source tree: what `jobs.mine_pairs` runs.

    source.py    a folder, or a git repository that is fetched; which repositories lie in it
    pipeline.py  walk, shards over Ray, reduce; goes on where it stopped
    shards.py    one shard: parse, filter, hash
    reduce.py    duplicates, splits, benchmarks; writes what training takes
    result.py, report.py, sample.py  the account of it, for machines, for people, for reading by eye

May import: common, jobs.ray_session, jobs.training.
"""
