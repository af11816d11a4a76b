"""Programming problems with tests, and candidate programs for them, each read from the layouts in which they come.

Comes in: APPS (the Hub's JSONL, or its folders), HumanEval, MBPP; candidates as JSONL. Goes out: `CodeProblem` and
`Candidate` records, one by one or as a set, and a `Problem` (common.corpora.lines) for each one that cannot be used.

    record.py        the records; what a `Notice` is
    reading.py       read_problems, stream_problems: finding the files, and telling the layout
    apps.py          a problem of APPS; folders.py, the folders of its first release
    scripts.py       HumanEval and MBPP: a test is a script below the candidate
    candidates.py    read_candidates, stream_candidates
    hub.py           the same sets from the Hugging Face Hub
    integers.py      integers of any length, which some tests of APPS hold

May import: common.errors, common.corpora. No torch, no ray; the Hub's client only inside the functions of hub.py.
"""
