# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The library as this package uses it: waits, and checks that are made by probes."""

from __future__ import annotations

import functools
import importlib.machinery
import importlib.util
import time
import types
import warnings
from collections.abc import Callable
from typing import Any

try:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ImportWarning)  # of PyGObject itself
        import gi

        gi.require_version("Mk", "1")
        from gi.repository import Gio, GLib, Mk
except (ImportError, AttributeError, ValueError) as error:  # a folder gi without PyGObject has no require_version()
    raise ImportError(
        "mirakuru_glib needs PyGObject and the typelib of mirakuru-glib in this Python: install python3-gi and "
        f"mirakuru-glib; a virtual environment sees them with --system-site-packages ({error})"
    ) from error

from gi.overrides.Mk import has_greenlets  # noqa: E402


def original(name):
    """A module of C, as it is where gevent or eventlet have put other functions into it."""
    finders = (importlib.machinery.BuiltinImporter, importlib.machinery.PathFinder)
    spec = next(filter(None, (finder.find_spec(name) for finder in finders)))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def pauses(limit):
    """Lets other greenlets go on, again and again, for at most `limit` seconds (None for no limit)."""
    begun = time.monotonic()
    while limit is None or time.monotonic() < begun + limit:
        yield
        time.sleep(min(0.01, max(0.001, (time.monotonic() - begun) / 100)))


def is_error(error, code):
    """Whether a GLib.Error is that one of the library."""
    return error.matches(Mk.error_quark(), code)


def function_probe(function):
    """Returns a probe that calls a function, and a list that gets the exception it raises, which ends a wait."""
    raised = []

    def check():
        try:
            return bool(function())
        except BaseException as error:  # pylint: disable=broad-except
            raised.append(error)
            return True

    return Mk.CallbackProbe.new(check), raised


def wait_until(function, limit):
    """Waits until a function returns true; the library decides how often it is called.

    Returns whether it did within `limit` milliseconds (0 for no limit). Its exceptions are passed on.
    """
    if has_greenlets():  # which could not leave a function that is called from C
        return any(function() for _ in pauses(limit / 1000 if limit else None)) or bool(function())
    probe, raised = function_probe(function)
    try:
        probe.wait(limit)
    except GLib.Error as error:
        if not raised and is_error(error, Mk.Error.TIMED_OUT):
            return False
        if not raised:
            raise
    if raised:
        raise raised.pop()
    return True


def check_now(probe):
    """Whether a probe is satisfied right now; not if that cannot be found out."""
    try:
        return probe.check()
    except GLib.Error as error:
        if is_error(error, Mk.Error.INVALID_ARGUMENT):
            raise ValueError(error.message) from None
        return False


def probed(make_probe: Callable[[Any], Any]) -> Callable[[Any], bool]:
    """Makes a check of an executor from a method that returns a probe.

    A wait for a check that nobody has overridden uses the probe itself, without Python in between.
    """

    @functools.wraps(make_probe)
    def check(self):
        return check_now(make_probe(self))

    check.make_probe = make_probe
    return check


def probe_of(check):
    """The probe behind a bound check; None if the check was overridden."""
    if not isinstance(check, types.MethodType):
        return None
    make_probe = getattr(check.__func__, "make_probe", None)
    return make_probe(check.__self__) if make_probe else None


def end_service(native):
    """For when an executor is gone, or the interpreter is about to end."""
    if native.get_active():
        native.kill()


def begin_kill(native):
    """Kills a service, and does not wait for its end."""
    context, cancellable, results = GLib.MainContext.new(), Gio.Cancellable(), {}
    context.push_thread_default()
    try:
        native.kill_async(cancellable, results.__setitem__)
        cancellable.cancel()
        while not results:
            context.iteration(True)
    finally:
        context.pop_thread_default()


def describe_holder(probe):
    """What is ready in the place of a service that was not started yet."""
    try:
        Mk.Executor(command=["true"], probe=probe, start_timeout=1000).start()
    except GLib.Error as error:
        if is_error(error, Mk.Error.ALREADY_RUNNING):
            return error.message
    return ""
