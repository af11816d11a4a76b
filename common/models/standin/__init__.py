"""The embedded base, as files only: weights, tokenizer, model card. `jobs.train_standin` made it; `--model stand-in`."""
