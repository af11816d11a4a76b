"""CodeBLEU (Ren et al. 2020, arXiv 2009.10297): generated code against reference code.

In: predictions, and for each one or more references, as texts. Out: a corpus figure with its four parts; or a row of
numbers a pair, from which figures of any corpus made of these pairs follow without parsing again (`statistics.py`).
Two modes give the figures of the two published implementations. A language is a record in `languages.py`. May import:
numpy, tree-sitter, common.errors and the parsers of common.corpora.mining.
"""

from common.metrics.codebleu.languages import Mode
from common.metrics.codebleu.statistics import (
    COLUMNS,
    FIGURES,
    PARTS,
    CodeBleu,
    corpus_codebleu,
    figures_of,
    pair_statistics,
)

__all__ = ["COLUMNS", "FIGURES", "PARTS", "CodeBleu", "Mode", "corpus_codebleu", "figures_of", "pair_statistics"]
