"""Freed memory goes back to the kernel: measured in a process of its own, where nothing else allocates."""

import platform
import subprocess
import sys

import pytest

SCRIPT = """
import sys
import numpy as np, psutil
from common.models.memory import return_freed_memory
def resident():
    return psutil.Process().memory_info().rss / 2**20
first = np.ones(3_500_000)   # freeing 28 MB raises glibc's own threshold above the blocks below
del first
blocks = [np.ones(250_000) for _ in range(60)]   # 2 MB each
grown = resident()
del blocks[:-1:2]
if sys.argv[1] == "call":
    assert return_freed_memory()
print(grown - resident())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc's allocator is what gives it back")
def test_holes_in_the_heap_go_back_to_the_kernel():
    def returned(how):
        ended = subprocess.run([sys.executable, "-c", SCRIPT, how], capture_output=True, text=True, check=True)
        return float(ended.stdout)

    assert returned("call") > 45, "every second of sixty blocks of 2 MB"
    assert returned("leave") < 20, "without it they stay as holes in the heap"
