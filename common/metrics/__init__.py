"""How good a ranking, a set of sampled programs or generated code is, how sure we are of it, and how good it could be.

In: score matrices (queries × documents) or runs, relevance judgements, texts. Out: one value per query and metric,
under the strict protocol and two that forgive repetition; means, differences and gains with bootstrap intervals, over
one set or several; the ceiling that repeated documents put on a strict protocol; TREC files. From test results of
sampled programs (pass_at_k.py): pass@k, strict accuracy and tests passed, by difficulty. From generated code beside
reference code (codegen.py): exact match, CodeBLEU (codebleu/) and chrF, as corpus figures and an item at a time. May
import: numpy; sacrebleu and, for CodeBLEU, tree-sitter with the parsers of common.corpora.mining; common.errors.
Whoever has the scores comes here with them.
"""
