"""Freed memory goes back to the kernel: measured in a process of its own, since the setting cannot be taken back."""

import platform
import subprocess
import sys

import pytest

SCRIPT = """
import sys
import numpy as np, psutil
from common.models.memory import return_freed_memory
if sys.argv[1] == "set":
    assert return_freed_memory()
def resident():
    return psutil.Process().memory_info().rss / 2**20
first = np.ones(3_500_000)   # freeing it raises glibc's own threshold above the blocks below
del first
before = resident()
kept = []
for _ in range(120):
    block = np.ones(250_000) # 2 MB
    kept.append(np.ones(20_000)) # 160 kB, which stays, on top of it
    del block
    kept.append(np.ones(20_000))
blocks = [np.ones(250_000) for _ in range(60)]
pins = [np.ones(100) for _ in range(60)]
grown = resident()
del blocks[::2]
after = resident()
print(grown - after)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc's allocator is what is set")
def test_blocks_go_back_to_the_kernel_when_they_are_freed():
    def returned(how):
        ended = subprocess.run([sys.executable, "-c", SCRIPT, how], capture_output=True, text=True, check=True)
        return float(ended.stdout)

    assert returned("set") > 50, "every second of sixty blocks of 2 MB"
    assert returned("leave") < 30, "without it they stay as holes in the heap"
