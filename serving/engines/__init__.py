"""What computes: one base in memory, many adapters over it.

    lora.py       LoRA adapters side by side on one base, chosen row by row
    lanes.py      what runs together: the mixed lane of base and LoRA, and one lane for each adapter of another kind
    encoding.py   texts → vectors, batches planned by `serving.planner`
    decoding.py   prompts → tokens, rows joining and leaving at each step

In: token ids and adapters that `serving.store` holds. Out: vectors, tokens. May import: torch, common.models,
common.adapters, serving.planner; no ray, no HTTP.
"""
