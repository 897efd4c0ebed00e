"""Memory in large pages, which is had for the asking before a process starts."""

import contextlib
import os
import pathlib
import sys

_LARGE_PAGES = pathlib.Path("/sys/kernel/mm/transparent_hugepage/enabled")


def take_large_pages() -> None:
    """Begins this process again with GLIBC_TUNABLES, unless the user has set it.

    A step on a CPU takes hundreds of megabytes and gives them back. Where Linux has to
    be asked for large pages, getting these in small ones is a tenth of its time, and
    glibc asks only if it is told to before a process starts.
    """
    known = "CS_GNU_LIBC_VERSION" in getattr(os, "confstr_names", {})
    if "GLIBC_TUNABLES" in os.environ or not known or not sys.orig_argv[1:]:
        return
    with contextlib.suppress(OSError):
        if "[madvise]" in _LARGE_PAGES.read_text():
            os.environ["GLIBC_TUNABLES"] = "glibc.malloc.hugetlb=1"
            os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
