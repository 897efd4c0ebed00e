"""A process begins again once, where that gets it large pages."""

import os
import sys

import pytest

from resnet_jax.pages import take_large_pages


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="of Linux")
@pytest.mark.parametrize(
    ("enabled", "user", "asks"),
    [
        ("always [madvise] never", None, True),
        ("[always] madvise never", None, False),
        ("always [madvise] never", "glibc.malloc.hugetlb=0", False),
    ],
)
def test_large_pages_are_asked_for_once(monkeypatch, tmp_path, enabled, user, asks):
    if "CS_GNU_LIBC_VERSION" not in os.confstr_names:
        pytest.skip("of glibc")
    begun = []
    monkeypatch.setattr(os, "execv", lambda *command: begun.append(command))
    monkeypatch.setattr("resnet_jax.pages._LARGE_PAGES", tmp_path / "enabled")
    (tmp_path / "enabled").write_text(enabled)
    # Both ways: what the test sets is taken back after it.
    monkeypatch.setenv("GLIBC_TUNABLES", user or "")
    if user is None:
        monkeypatch.delenv("GLIBC_TUNABLES")
    take_large_pages()
    take_large_pages()
    again = [sys.executable, *sys.orig_argv[1:]]
    assert begun == [(sys.executable, again)] * asks
    wanted = "glibc.malloc.hugetlb=1" if asks else user
    assert os.environ.get("GLIBC_TUNABLES") == wanted
