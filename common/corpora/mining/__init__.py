"""From source files to functions worth pairing with their documentation.

    functions.py  the record of one function, whatever its language
    languages.py  which files hold which language, and who parses it
    python.py     functions from Python source; one such module a language
    rules.py      which functions make a good pair
    neardup.py    near-duplicates, contamination

May import: common.errors, common.corpora.lines. No torch, no ray.
"""
