"""Which processes let others read their memory."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable

import pytest

from harness.worker.processes import allow_inspection, forbid_inspection, libc

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the system has no such setting")
SECRET = b"the actual"
NOBODY = 65534


def in_child(action: Callable[[], int]) -> int:
    """The exit code of a forked process that does this, as a user without privileges."""
    pid = os.fork()
    if not pid:
        code = 99
        try:
            if not os.getuid():
                os.setgroups([])
                os.setgid(NOBODY)
                os.setuid(NOBODY)
            allow_inspection()  # a process that changes its user loses it
            code = action()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def reads_its_parent() -> int:
    """Whether a forked process, as a worker is, can read a value in the memory of this one."""
    secret = ctypes.create_string_buffer(SECRET)
    parent, child = os.getpid(), os.fork()
    if not child:
        allow_inspection()
        try:
            with open(f"/proc/{parent}/mem", "rb", buffering=0) as memory:
                memory.seek(ctypes.addressof(secret))
                os._exit(int(memory.read(len(SECRET)) == SECRET))
        except PermissionError:
            os._exit(0)
        finally:
            os._exit(2)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def forbidden() -> int:
    forbid_inspection()
    return reads_its_parent()


def test_a_process_that_forbids_it_cannot_be_read_by_its_children() -> None:
    libc()
    if in_child(reads_its_parent) != 1:
        pytest.skip("this system lets no process read another one")

    assert in_child(forbidden) == 0
