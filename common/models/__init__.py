"""Base models: what is known of them, how they are had, and the encoder that turns texts into vectors.

In: a model's name, folder or Hub id. Out: a `Base` (weights on disk with their digest, documented prompts, pooling,
adapter targets) and an `Encoder`. May import: common.config, common.errors, common.adapters; `catalogue`, `batching`
and `digests` import neither torch nor transformers.
"""
