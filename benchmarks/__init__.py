"""Measurements beside the peers: each runs us and the peer in turn in one run, prints one table and writes JSON.

In: this machine, the standard-library corpus. Out: benchmarks/results/NAME.json (not committed) and a table with
ratios. May import: everything; the peers are imported here and nowhere else.
"""
