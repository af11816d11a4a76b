"""Named data sets for code search, each read from a local copy in the layout in which it is published, or from the Hub.

Comes in: a `SetConfig`. Goes out: `Part`s, one a language or direction, whose training pairs stream and whose retrieval
sets are built when they are asked for; everything that is wrong with the files comes along as `Problem`s.

    catalogue.py      open_set: from a name to its parts
    config.py, part.py     the two records
    files.py          finding files; records with their place
    collector.py      a retrieval set from documents, queries and judgements that may be wrong
    hub.py            rows and files from the Hugging Face Hub
    functions.py      rows in CodeSearchNet's fields; documentation.py takes the documentation out of their code
    codesearchnet.py, challenge.py, cosqa.py, advtest.py, xlcost.py, codetrans.py, humaneval_x.py     the sets
    markers.py        XLCoST's NEW_LINE, INDENT and the like

May import: common.errors, common.config, common.corpora. No torch, no ray; `datasets` only inside hub.py's functions.
"""
