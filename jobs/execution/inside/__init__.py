"""What runs inside the sandbox, beside the candidate: standard library only, nothing of ours but its neighbours here.

Inside, these files are plain scripts that import each other by file name; outside, tests import them as a package.
In: code and inputs, never an expected output. Out: what the candidate did, as records that JSON can hold.
"""
