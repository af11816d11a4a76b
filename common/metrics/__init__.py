"""How good a ranking is, how sure we are of it, and how good it could have been.

In: score matrices (queries × documents) or runs, relevance judgements, texts. Out: one value per query and metric,
under the strict protocol and two that forgive repetition; means, differences and gains with bootstrap intervals, over
one set or several; the ceiling that repeated documents put on a strict protocol; TREC files. May import: numpy only,
and nothing of the project; whoever has the scores comes here with them.
"""
