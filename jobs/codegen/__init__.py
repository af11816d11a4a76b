"""Code generation: training an adapter, scoring answers, techniques side by side.

    config.py, data.py, memory.py, plan.py, pipeline.py, table.py, push.py    jobs.train_codegen
    compare_config.py, compare.py                                             jobs.compare_methods
    evaluate_*.py, decoding.py, context.py, retrieval.py, answering.py,       jobs.evaluate_codegen
    published.py

In: instructions (common.corpora.instructions). Out: run folders with adapters, answers and scores. May import: common,
jobs.training, jobs.execution, jobs.apps, jobs.ray_session.
"""
