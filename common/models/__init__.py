"""Base models: what is known of them, how they are had, the encoder of texts, the generator that
writes.

In: a model's name, folder or Hub id. Out: a `Base` (weights on disk with their digest, documented prompts, pooling,
adapter targets) and an `Encoder`. `catalogue` and `architectures` are tables; `weights` and `tokens` load module and
tokenizer as their authors use them. `generator` finds and loads what writes, as it is or quantised; `generation`,
`decoding` and `rows` let it answer; `footprint` predicts the memory of its training; `standin/` is the embedded base.
May import: common.config, common.errors, common.adapters; `catalogue`, `architectures`, `loading`, `batching`,
`sampling` and `digests` import neither torch nor transformers. `suites` shows the encoder to mteb, coir-eval and
sentence-transformers, and knows `common.corpora.beir` for what a document is.
"""
