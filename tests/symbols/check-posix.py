#!/usr/bin/python3
# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Checks that what was built without linux_features calls nothing that only Linux has, and reads no /proc.

Usage: check-posix.py ARCHIVE...
"""

import pathlib
import re
import subprocess
import sys

# Of Linux and of its C library; what POSIX.1-2008 has is not among it.
LINUX = re.compile(
    "accept4|clone3?|close_range|dup3|epoll_.*|eventfd.*|execvpe|fanotify_.*|getrandom|gettid|"
    "inotify_.*|memfd_.*|pidfd_.*|pipe2|ppoll|prctl|process_vm_.*|process_madvise|prlimit(64)?|ptsname_r|sched_setaffinity|"
    "secure_getenv|setns|sigabbrev_np|sigdescr_np|signalfd|splice|statx|syscall|tee|timerfd_.*|unshare|vmsplice"
)


def undefined(archive):
    lines = subprocess.run(["nm", "--undefined-only", archive], check=True, capture_output=True, text=True).stdout
    return {words[1].split("@")[0] for words in map(str.split, lines.splitlines()) if len(words) == 2}


def members(archive):
    """The archives of a build directory are thin: they only name the files."""
    names = subprocess.run(["ar", "t", archive], check=True, capture_output=True, text=True).stdout
    return map(pathlib.Path, names.splitlines())


def complaints(archive):
    symbols = undefined(archive)
    if "fork" not in symbols and "socketpair" not in symbols:
        yield f"{archive}: neither the supervisor nor the library"
    for symbol in sorted(filter(LINUX.fullmatch, symbols)):
        yield f"{archive} needs {symbol}()"
    for member in members(archive):
        if b"/proc/" in member.read_bytes():
            yield f"{member} names a file in /proc"


found = [complaint for archive in sys.argv[1:] for complaint in complaints(archive)]
print("\n".join(found) or "there is nothing that only Linux has")
sys.exit(1 if found else 0)
