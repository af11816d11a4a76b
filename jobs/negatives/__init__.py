"""Hard negatives and the consistency filter: what `jobs.mine_negatives` runs.

    data.py      pairs by row, texts by offset
    vectors.py   vectors on disk, in shards
    search.py    the nearest documents of each query, by pool
    choice.py    which of them become negatives
    pipeline.py  the steps; report.py, the account

May import: common.
"""
