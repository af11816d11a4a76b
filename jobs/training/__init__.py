"""The loops that run on a Ray Train worker: contrastive for search, generative (causal and seq2seq) for code.

In: a `WorkerInput` (base, adapter spec, recipe, paths of the prepared data). Out: checkpoints, metrics, an adapter
folder. `sampling` (which pairs, in which order), `objective` (the loss) and `preflight` are pure; `gradients` turns a
loss over gathered vectors into parameter gradients; `validation` scores the dev split. `loop` is the frame of both
loops (steps, evaluations, checkpoints); `contrastive` and `generative` fill it; `trainer` starts them on Ray. Of the
generative one: `tokenised` (examples on disk), `packing` (which run together), `segments` (attention that keeps them
apart), `forward` (the loss at answers only), `answering` (metrics of answers during training), `sharding` (FSDP2).
May import: common.
"""
