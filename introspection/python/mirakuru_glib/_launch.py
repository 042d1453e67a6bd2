# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Sets up an executor of the library for what would be the arguments of subprocess.Popen."""

import errno
import os
import subprocess

from ._native import Mk

# Those that make no difference here, and those about text, which are the streams' business.
_ACCEPTED = {
    "args",
    "bufsize",
    "close_fds",
    "creationflags",
    "encoding",
    "errors",
    "pipesize",
    "process_group",
    "restore_signals",
    "start_new_session",
    "startupinfo",
    "text",
    "universal_newlines",
}
_USED = {"cwd", "env", "executable", "shell", "stderr", "stdin", "stdout"}
# What Popen would do in a forked child. Here a supervisor starts the service.
_REFUSED = {"extra_groups", "group", "pass_fds", "preexec_fn", "umask", "user"}

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
        # A session of its own is what every service has.
        if name in _REFUSED and value and value not in (os.setsid, os.setpgrp) and value != -1:
            raise ValueError(f"{name} cannot be used: services are not forked from this process")
        if name not in _ACCEPTED | _USED | _REFUSED:
            raise TypeError(f"popen_kwargs has an unknown argument: {name!r}")


def _set_stream(native, name, stream):
    mode = _MODES[name].get(stream) if stream is None or isinstance(stream, int) else None
    if mode is not None:
        native.set_property(f"{name}-mode", mode)
        return
    number = stream if isinstance(stream, int) else stream.fileno()
    os.fstat(number)
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
    environment = {os.fsdecode(name): value for name, value in environment.items()}
    changed = {name: value for name, value in environment.items() if os.environ.get(name) != value}
    native.set_environment({**changed, **{name: None for name in os.environ if name not in environment}})


def configure(native, command, parts, kwargs):
    """Sets what Popen would be given."""
    _check(kwargs)
    argv = _command(command, parts, kwargs)
    if not argv or not argv[0]:
        raise ValueError("the command is empty")
    if any("\0" in part for part in argv):
        raise ValueError("the command has a null character")

    for name in _MODES:
        _set_stream(native, name, kwargs.get(name))
    _set_environment(native, kwargs.get("env"))
    native.set_cwd(kwargs.get("cwd"))
    native.set_command(argv)


def spawn_error(native, message):
    """The exception that Popen would raise for a program that cannot be run."""
    program, cwd = native.get_command()[0], native.get_cwd()
    if cwd is not None and not os.path.isdir(cwd):
        number, name = (errno.ENOTDIR if os.path.exists(cwd) else errno.ENOENT), cwd
    elif os.path.exists(program):
        number, name = (errno.ENOEXEC if os.access(program, os.X_OK) else errno.EACCES), program
    else:
        number, name = errno.ENOENT, program
    return OSError(number, message, name)
