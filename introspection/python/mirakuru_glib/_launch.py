# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Sets up an executor of the library for what would be the arguments of subprocess.Popen."""

import errno
import operator
import os
import subprocess

from ._native import Mk

_USED = {"close_fds", "cwd", "env", "executable", "pass_fds", "shell", "stderr", "stdin", "stdout"}
# Those about text and buffers are the streams' business. The values of others that a service has anyway, and what
# there is instead.
_TEXT = {"bufsize", "encoding", "errors", "text", "universal_newlines"}
_FIXED = {
    "creationflags": ((0,), "it is only available on Windows"),
    "extra_groups": ((None,), "start the service with setpriv or sudo"),
    "group": ((None,), "start the service with setpriv or sudo"),
    "pipesize": ((-1,), "all output is read as it comes"),
    "preexec_fn": ((None, os.setsid, os.setpgrp), "the service is not forked from this process"),
    "process_group": ((None, -1, 0), "each service has a process group of its own"),
    "restore_signals": ((True,), "each service has the default signals"),
    "start_new_session": ((True,), "each service has a session of its own"),
    "startupinfo": ((None,), "it is only available on Windows"),
    "umask": ((-1,), "start the service with sh -c 'umask …; exec …'"),
    "user": ((None,), "start the service with setpriv or sudo"),
}

_MODES = {
    "stdin": {
        None: Mk.StdioMode.INHERIT,
        subprocess.PIPE: Mk.StdioMode.PIPE,
        subprocess.DEVNULL: Mk.StdioMode.NULL,
    },
    "stdout": {
        None: Mk.StdioMode.INHERIT,
        subprocess.PIPE: Mk.StdioMode.CAPTURE,
        subprocess.DEVNULL: Mk.StdioMode.NULL,
    },
}
_MODES["stderr"] = {**_MODES["stdout"], subprocess.STDOUT: Mk.StdioMode.MERGE}


def _check(kwargs):
    for name, value in kwargs.items():
        if name not in _USED | _TEXT | _FIXED.keys():
            raise TypeError(f"popen_kwargs has an unknown argument: {name!r}")
        if name in _FIXED:
            values, instead = _FIXED[name]
            if not any(value is fixed or (isinstance(fixed, int) and value == fixed) for fixed in values):
                raise ValueError(f"{name}={value!r} cannot be used: {instead}")


def _inheritable_fds():
    """As a process without close_fds gets them."""
    for number in map(int, os.listdir("/proc/self/fd")):
        try:
            if number > 2 and os.get_inheritable(number):
                yield number
        except OSError:
            pass  # that of the listing


def _check_open(name, number):
    try:
        os.fstat(number)
    except OSError as error:
        raise OSError(error.errno, f"{name} has descriptor {number}: {error.strerror}") from None


def _passed_fds(kwargs):
    numbers = set(map(operator.index, kwargs.get("pass_fds") or ()))
    if not kwargs.get("close_fds", True) and not numbers:
        numbers = set(_inheritable_fds())
    for number in numbers:
        _check_open("pass_fds", number)
    return sorted(number for number in numbers if number > 2)


def _set_stream(native, name, stream):
    mode = _MODES[name].get(stream) if stream is None or isinstance(stream, int) else None
    if mode is not None:
        native.set_property(f"{name}-mode", mode)
        return
    if not isinstance(stream, int) and not hasattr(stream, "fileno"):
        raise TypeError(f"{name}={stream!r} cannot be used: it is not an open file")
    number = stream if isinstance(stream, int) else stream.fileno()
    _check_open(name, number)
    native.set_property(f"{name}-mode", Mk.StdioMode.FILE)
    native.set_property(f"{name}-path", f"/dev/fd/{number}")


def _command(command, parts, kwargs):
    if kwargs.get("shell"):
        return [os.fsdecode(kwargs.get("executable") or "/bin/sh"), "-c", command]
    if kwargs.get("executable"):
        return [os.fsdecode(kwargs["executable"]), *parts[1:]]
    return list(parts)


def _set_environment(native, environment):
    if environment is None:
        environment = os.environ
    environment = {
        os.fsdecode(name): os.fsdecode(value) if isinstance(value, bytes) else value
        for name, value in environment.items()
    }
    changed = {name: value for name, value in environment.items() if os.environ.get(name) != value}
    native.set_environment({**changed, **{name: None for name in os.environ if name not in environment}})


def configure(native, command, parts, kwargs):
    """Sets what Popen would be given."""
    _check(kwargs)
    argv = _command(command, parts, kwargs)
    if not argv or not argv[0]:
        raise ValueError("the command is empty")
    if any("\0" in part for part in argv):
        raise ValueError("the command contains a null character")

    for name in _MODES:
        _set_stream(native, name, kwargs.get(name))
    _set_environment(native, kwargs.get("env"))
    native.set_cwd(kwargs.get("cwd"))
    native.set_passed_fds(_passed_fds(kwargs))
    native.set_command(argv)


def spawn_error(native, message):
    """The exception that Popen would raise for a program that cannot be run."""
    program, cwd = native.get_command()[0], native.get_cwd()
    number = native.get_spawn_errno() or errno.EAGAIN
    is_about_cwd = cwd is not None and not (os.path.isdir(cwd) and os.access(cwd, os.X_OK))
    return OSError(number, message, cwd if is_about_cwd else program)
