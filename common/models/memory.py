"""Giving freed memory back. PyTorch has no caching allocator on the CPU; glibc's heap is all there is."""

from __future__ import annotations

import ctypes
import functools
import platform

THRESHOLD = 256 * 1024  # bytes
_TRIM, _MMAP = -1, -3  # <malloc.h>: M_TRIM_THRESHOLD, M_MMAP_THRESHOLD


@functools.cache
def return_freed_memory() -> bool:
    """Make glibc map blocks above `THRESHOLD` on their own, so that freeing them returns them; False without glibc.

    glibc raises that threshold by itself up to 32 MB. Activations of changing sizes then share one heap and leave
    holes in it: a worker training MiniLM grew from 0.5 to 3.8 GB in 100 steps, and stays below 0.9 GB with this.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    libc = ctypes.CDLL(None)
    return bool(libc.mallopt(_MMAP, THRESHOLD)) and bool(libc.mallopt(_TRIM, THRESHOLD))
