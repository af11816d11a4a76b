"""Attacks on the sandbox, one for each property that it must hold; `attack.py` says how they are written."""
