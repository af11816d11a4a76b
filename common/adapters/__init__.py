"""Adapters: the PEFT method table, the manifest beside the weights, the folder, scaling, and the registry.

In: a base model and a `PeftSpec`. Out: adapter folders that PEFT's own loader opens, with a `manifest.json` that
names the base by digest, and versions in MLflow's model registry. May import: common.config, common.errors,
common.runs, common.models; `methods` and `manifest` import neither torch nor peft at the top.
"""
