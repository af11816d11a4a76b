"""The embedded base, files only: weights, tokenizer, model card. Made by `jobs.train_standin`; `--model stand-in`."""
