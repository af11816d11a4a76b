"""Tasks to write code for, with their reference answers: what a generator is tuned on and scored with.

Comes in: an `InstructionConfig`. Goes out: `InstructionSets`: train, dev and the test sets by name, the problems whose
tests score answers, and an `InstructionReport` that accounts for every row read.

    record.py        Example; read_examples, write_examples
    config.py        the sources and their options
    load.py          load_instructions; write_sets, read_set: a folder of sets
    report.py        where every row went
    clean.py         what must not be learnt
    source.py        what one source gives
    conala.py, codealpaca.py, apps.py       published sets
    generated.py, library.py, own.py        the microproblems, the standard library, anyone's JSONL

May import: common.errors, common.config, common.runs, common.corpora. No torch, no ray; the Hub's client only inside
common.corpora.sources.hub.
"""
