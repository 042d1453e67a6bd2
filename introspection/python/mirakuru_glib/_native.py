# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The library as this package uses it: operations, waits, and checks that are made by probes.

Python runs its signal handlers where it likes, and what they raise is lost in a callback of the library.
So callbacks are either written in C, as the methods of a dict are, or have a try around all of them.
"""

import contextlib
import functools
import inspect
import os
import sys
import threading
import types

import gi

gi.require_version("Mk", "1")
from gi.repository import Gio, GLib, Mk  # noqa: E402

# How late a signal handler of Python may run if its signal comes just before a wait, in ms.
SIGNAL_DELAY = 200
# GLib ends the program when it has no descriptors for a main context.
DESCRIPTORS = 4


def is_error(error, code):
    """Whether a GLib.Error is that one of the library."""
    return error.matches(Mk.error_quark(), code)


def _check_descriptors():
    spare = []
    try:
        for _ in range(DESCRIPTORS):
            spare.append(os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC))
    finally:
        for descriptor in spare:
            os.close(descriptor)


_local = threading.local()
# The descriptors of a main context are those of the parent.
os.register_at_fork(after_in_child=lambda: _local.__dict__.clear())


def _new_context():
    _check_descriptors()
    context = GLib.MainContext.new()
    if threading.current_thread() is threading.main_thread():
        timer = GLib.timeout_source_new(SIGNAL_DELAY)
        timer.set_callback("again".format)
        timer.attach(context)
    return context


@contextlib.contextmanager
def _main_context():
    """The main context of the thread, or another one inside of a wait, made the default of the thread.

    It is kept, for PyGObject loses some memory for each callback.
    """
    context = getattr(_local, "context", None) or _new_context()
    _local.context = None
    context.push_thread_default()
    try:
        yield context
    finally:
        context.pop_thread_default()
        _local.context = context


def _iterate(context, results):
    while not results:
        context.iteration(True)


def run(thing, name, *arguments, waits=True):
    """Runs an operation of the library to its end, and returns its result.

    Other than in the blocking calls of the library, signal handlers of Python run meanwhile: Ctrl-C
    cancels the operation and raises KeyboardInterrupt. Without `waits` the operation is only begun.
    """
    if sys.is_finalizing():
        raise RuntimeError("the interpreter is ending: the library cannot call back any more")
    results, cancellable = {}, Gio.Cancellable()
    begin, finish = getattr(thing, f"{name}_async"), getattr(thing, f"{name}_finish")
    has_begun = False
    with _main_context() as context:
        try:
            begin(*arguments, cancellable, results.__setitem__)
            has_begun = True
            if not waits:
                cancellable.cancel()
            _iterate(context, results)
        except BaseException:
            cancellable.cancel()
            if has_begun:
                _iterate(context, results)
            raise
    return finish(results[thing])


def _ask(function, raised):
    """Gives an answer each time it is resumed; an exception counts as a yes, and is put aside."""
    there = False
    while True:
        try:
            while True:
                yield there
                there = bool(function())
        except GeneratorExit:
            return
        except BaseException as error:  # pylint: disable=broad-except
            raised.append(error)
        # Waiting above, where none is handled: a generator keeps an exception, and all that it came through.
        there = True


def function_probe(function):
    """Returns a probe that asks a function, and a list that gets the exception it raises."""
    raised = []
    answers = _ask(function, raised)
    next(answers)
    # As it is in the typelib: else a signal handler could raise in what the override puts around the function.
    new = inspect.unwrap(Mk.CallbackProbe.new.__func__)
    return new(Mk.CallbackProbe, answers.__next__), raised


def wait_until(function, limit):
    """Waits until a function returns true; how often it is asked, the library decides.

    Returns whether it did within `limit` milliseconds (0 for no limit). Its exceptions are passed on.
    """
    probe, raised = function_probe(function)
    try:
        run(probe, "wait", limit)
    except GLib.Error as error:
        if not raised and is_error(error, Mk.Error.TIMED_OUT):
            return False
        if not raised:
            raise
    if raised:
        raise raised.pop()
    return True


def ask(probe):
    """Whether a probe is satisfied right now; what cannot be found out is not there."""
    try:
        return probe.check(None)
    except GLib.Error as error:
        if is_error(error, Mk.Error.INVALID_ARGUMENT):
            raise ValueError(error.message) from None
        return False


def probed(make_probe):
    """Makes a check of an executor from a method that returns a probe.

    A wait for a check that nobody has overridden asks the probe itself, without Python in between.
    """

    @functools.wraps(make_probe)
    def check(self):
        return ask(make_probe(self))

    check.make_probe = make_probe
    return check


def probe_of(check):
    """The probe behind a bound check; None if it is somebody else's function."""
    if not isinstance(check, types.MethodType):
        return None
    make_probe = getattr(check.__func__, "make_probe", None)
    return make_probe(check.__self__) if make_probe else None


def end_service(native):
    """For when an executor is gone, or the interpreter is about to end."""
    if native.get_active():
        run(native, "kill")


def describe_holder(probe):
    """What answers in the place of a service that was not started yet."""
    try:
        run(Mk.Executor(command=["true"], probe=probe, start_timeout=1000), "start")
    except GLib.Error as error:
        if is_error(error, Mk.Error.ALREADY_RUNNING):
            return error.message
    return ""
