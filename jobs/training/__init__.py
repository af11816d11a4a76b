"""The loops that run on a Ray Train worker. Contrastive today; causal and seq2seq join with the generation work.

In: a `TrainerInput` (base, adapter spec, recipe, paths of the prepared data). Out: checkpoints, metrics, an adapter
folder. `sampling` (which pairs, in which order), `objective` (the loss) and `preflight` are pure; `gradients` turns a
loss over gathered vectors into parameter gradients; `validation` scores the dev split; `contrastive` is the loop;
`trainer` starts it on Ray.
May import: common.
"""
