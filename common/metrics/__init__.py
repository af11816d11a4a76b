"""How good a ranking or a set of sampled programs is, how sure we are of it, and how good it could have been.

In: score matrices (queries × documents) or runs, relevance judgements, texts. Out: one value per query and metric,
under the strict protocol and two that forgive repetition; means, differences and gains with bootstrap intervals, over
one set or several; the ceiling that repeated documents put on a strict protocol; TREC files. And from test results of
sampled programs (pass_at_k.py): pass@k, strict accuracy and tests passed, by difficulty. May import: numpy only, and
nothing of the project; whoever has the scores comes here with them.
"""
