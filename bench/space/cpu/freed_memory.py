"""Tell the C library to keep freed memory, instead of handing every large tensor back.

glibc gives blocks above 32 MB back to the system at once and trims its heap; the next step then
pays a page fault for every 4 kB again. Measured on 2 cores: element-wise kernels on 33 MB tensors
5 to 6 times as fast (9.7 ms -> 1.5 ms for a copy).
"""

from __future__ import annotations

import contextlib
import ctypes
import sys

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX = -1, -2, -4  # malloc.h


def keep_memory() -> bool:
    """Set glibc's malloc up for repeated steps; False where the C library is another one."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        library = ctypes.CDLL(None)
        settings = ((_MMAP_MAX, 0), (_TRIM_THRESHOLD, 2**31 - 1), (_TOP_PAD, 64 * 2**20))
        return all(library.mallopt(name, value) for name, value in settings)
    except (OSError, AttributeError):  # no mallopt: musl and others
        return False


def release_memory() -> None:
    """Hand all freed memory back to the system, as `keep_memory` keeps malloc from doing."""
    if sys.platform.startswith("linux"):
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).malloc_trim(0)
