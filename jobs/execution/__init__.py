"""Running untrusted candidates: the sandbox and the Ray actors that feed it. Empty until the execution work lands.

In: problems with tests, candidate programs. Out: verdicts. May import: common.
"""
