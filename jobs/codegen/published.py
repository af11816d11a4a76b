"""Figures of Weyssow et al., "Exploring Parameter-Efficient Fine-Tuning Techniques for Code Generation with Large
Language Models", arXiv 2308.10462 v3, to print beside ours. Per cent. Describes only.

CoNaLa and CodeAlpacaPy: their tables of RQ2 and RQ3 (10 beams). APPS: RQ4, introductory problems, 5 samples.
"""

from __future__ import annotations

Figures = dict[str, float]


def _match(em1: float, em10: float, codebleu: float) -> Figures:
    return {"em@1": em1, "em@10": em10, "codebleu": codebleu}


def _tests(tests: float, pass1: float, pass2: float, pass5: float) -> Figures:
    return {"avg_tests_passed": tests, "pass@1": pass1, "pass@2": pass2, "pass@5": pass5}


SOURCE = "Weyssow et al., arXiv 2308.10462 v3"
PUBLISHED: dict[str, dict[str, Figures]] = {
    "conala": {
        "CodeGen-350M full": _match(7.92, 18.42, 14.68),
        "CodeGen-350M LoRA": _match(12.52, 25.60, 17.89),
        "CodeGen-350M IA3": _match(11.42, 25.78, 18.83),
        "CodeGen-350M prompt": _match(7.92, 20.26, 16.29),
        "CodeGen-350M prefix": _match(5.34, 12.52, 17.53),
        "CodeLlama-7B LoRA": _match(20.07, 39.31, 25.33),
        "CodeLlama-7B IA3": _match(17.68, 37.20, 23.19),
        "CodeLlama-7B prompt": _match(19.15, 38.12, 25.01),
        "CodeLlama-7B prefix": _match(8.47, 19.52, 23.19),
        "CodeLlama-7B ICL (best)": {"em@10": 29.83},
        "CodeLlama-7B RAG": {"em@10": 35.17},
        "CodeLlama-7B-Python QLoRA-4bit": {"em@10": 37.8},
        "CodeLlama-13B-Python QLoRA-4bit": {"em@10": 38.1},
        "CodeLlama-34B-Python QLoRA-4bit": {"em@10": 40.7},
    },
    "codealpaca": {
        "CodeGen-350M LoRA": _match(4.62, 10.70, 30.09),
        "CodeLlama-7B LoRA": _match(7.33, 16.24, 32.05),
        "CodeLlama-7B-Instruct LoRA": _match(7.01, 17.04, 31.42),
    },
    "apps": {
        "CodeLlama-7B-Instruct, introductory": _tests(13.66, 4.16, 6.24, 8.80),
        "  LoRA, introductory": _tests(19.57, 5.60, 8.04, 11.20),
        "  QLoRA-8bit, introductory": _tests(17.63, 3.68, 5.40, 7.60),
        "  QLoRA-4bit, introductory": _tests(20.84, 5.76, 8.40, 12.40),
    },
}
"""Source of the test set → model and technique → metric."""
