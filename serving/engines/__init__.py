"""What computes: one base in memory, many adapters over it.

    lora.py       LoRA adapters side by side on one base, chosen row by row
    lanes.py      what runs together: the mixed lane of base and LoRA, and one lane for each adapter of another kind
    encoding.py, encoding_queue.py               texts → vectors; their rows on the way through `serving.planner`
    decoding.py   prompts → tokens, rows joining and leaving at each step: the thread, and what may be asked of it
    requests.py, text_stream.py                  an answer in the making, and its text piece by piece
    generation_lane.py, generation_rounds.py     rows over one model and cache; all lanes' turns
    generation_adapters.py                       adapters as slots or as lanes

In: token ids and adapters that `serving.store` holds. Out: vectors, tokens. May import: torch, common.models,
common.adapters, serving.planner; no ray, no HTTP.
"""
