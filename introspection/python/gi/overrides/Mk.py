# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Adapts mirakuru-glib to Python; loaded by `from gi.repository import Mk`.

- A command may be a list of arguments, or a string, which is split as a shell would. An environment, headers and
  the fields of a form may be a dict. None in an environment unsets a variable. A path may be anything that
  os.fspath() takes. A time limit may be milliseconds or a timedelta.
- Executors, groups and leases of ports are context managers. An executor also has stopped() and lines().
- Each error code has an exception class, such as Mk.TimedOutError. All of them are subclasses of Mk.ServiceError,
  which is a subclass of GLib.Error.
- Signal handlers of Python run during a blocking call. An exception in a handler ends the call.
- Other greenlets of gevent or eventlet run during a blocking call if time.sleep() is replaced.
- With asyncio, the result of X_async() can be awaited.
- A hook is a virtual function that is written in Python. An exception in a hook becomes an error with its text.

The functions are found by their names in the typelib, so functions that are added to the library are adapted, too.
"""

import collections
import contextlib
import datetime
import functools
import os
import select
import signal
import sys
import threading
import time
import traceback
import types
import warnings
from collections.abc import Iterable, Mapping, Set

from gi.repository import Gio, GLib

from ..module import get_introspection_module
from ..overrides import override

Mk = get_introspection_module("Mk")

__all__ = []

_DOMAIN = GLib.quark_to_string(Mk.error_quark())


# --- Errors


class ServiceError(GLib.Error):
    """Any error of mirakuru-glib. Each code of Mk.Error has a subclass."""

    CODE = Mk.Error.FAILED

    def __init__(self, message="", domain=_DOMAIN, code=None):
        super().__init__(message, domain, int(self.CODE if code is None else code))

    def __str__(self):
        return self.message

    def __repr__(self):
        return f"Mk.{type(self).__name__}({self.message!r})"

    def copy(self):
        return type(self)(self.message, self.domain, self.code)


def _make_error(code):
    words = code.value_nick.split("-")
    name = "".join(word.capitalize() for word in words)
    name = name if words[-1] == "error" else f"{name}Error"
    doc = f"The error Mk.Error.{'_'.join(words).upper()}."
    return type(name, (ServiceError,), {"CODE": code, "__doc__": doc})


_errors = {int(code): _make_error(code) for code in vars(Mk.Error).values() if isinstance(code, Mk.Error)}

for _class in (ServiceError, *_errors.values()):
    _class.__module__ = "gi.repository.Mk"
    globals()[_class.__name__] = _class
    __all__.append(_class.__name__)


def _told_apart(error):
    """The exception to raise instead of what PyGObject raised."""
    if error.domain != _DOMAIN or isinstance(error, ServiceError):
        return error
    return _errors.get(error.code, ServiceError)(error.message, error.domain, error.code)


def _typed(function, *args, **kwargs):
    try:
        return function(*args, **kwargs)
    except GLib.Error as error:
        raise _told_apart(error) from None


# --- Arguments


def _text(value, what="a path"):
    if not isinstance(value, (str, bytes, os.PathLike)):
        raise TypeError(f"{what} must be a string, bytes or a path, not {value!r}")
    text = os.fsdecode(value)
    if "\0" in text:
        raise ValueError(f"{what} contains a null character: {text!r}")
    return text


def _strings(value, what):
    """A list of strings; what only looks like one, such as a string, is refused."""
    if not isinstance(value, Iterable) or isinstance(value, (str, bytes, bytearray, Mapping, Set)):
        raise TypeError(f"expected {what}, not {value!r}")
    return [_text(item, f"item {index} of the list") for index, item in enumerate(value)]


def _argv(value):
    if isinstance(value, str):
        return _typed(Mk.SimpleExecutor.new_for_command_line, _text(value, "a command line")).get_command()
    return _strings(value, "a command line as a string or a list of arguments")


def _pairs(separator, what, unsets=False):
    """Converts a mapping; None as a value unsets the name, where it can be unset."""

    def pair(name, value):
        name = _text(name, "a name")
        if separator[0] in name:
            raise ValueError(f"{name!r} cannot be a name: it contains {separator[0]!r}")
        return name if unsets and value is None else f"{name}{separator}{_text(value, f'the value of {name!r}')}"

    def convert(value):
        if not isinstance(value, Mapping):
            return _strings(value, what)
        return [pair(name, text) for name, text in value.items()]

    return convert


def _milliseconds(value):
    if isinstance(value, datetime.timedelta):
        if value <= datetime.timedelta():
            raise ValueError(f"a timedelta must be positive, not {value!r}; 0 has a special meaning, and must be an int")
        return -(-value // datetime.timedelta(milliseconds=1))
    if isinstance(value, (bool, float)):
        raise TypeError(f"expected milliseconds as an int, or a timedelta, not {value!r}")
    return value


def _probes(value):
    """PyGObject would hand on a None in the list."""
    probes = list(value)
    if not all(isinstance(probe, Mk.Probe) for probe in probes):
        raise TypeError(f"expected a list of probes, not {value!r}")
    return probes


def _list_store(probes):
    """What they are as a property."""
    store = Gio.ListStore.new(Mk.Probe)
    store.splice(0, 0, probes)
    return store


def _bytes(value):
    return GLib.Bytes.new(bytes(value)) if isinstance(value, (bytes, bytearray, memoryview)) else value


# The names of arguments and properties that the system takes as bytes, which need not be UTF-8.
_PATHS = {"cwd", "path", "filename", "socket_path", "ca_file", "certificate_file"} | {
    f"{stream}_path" for stream in ("stdin", "stdout", "stderr")
}
_RAW = _PATHS | {"command", "environment", "launcher", "forwards"}

# By the names that arguments and properties have all over the library.
_converters = {
    "argv": _argv,
    "command": _argv,
    "launcher": _argv,
    "forwards": lambda value: _strings(value, "a list of forwards"),
    "environment": _pairs("=", "a dict or a list of NAME=value", unsets=True),
    "headers": _pairs(": ", "a dict or a list of 'Name: value'"),
    "fields": _pairs("=", "a dict or a list of name=value"),
    "body": _bytes,
    "func": lambda func: _check_hook(func, bool) if callable(func) else func,
    "probes": _probes,
    **dict.fromkeys(("start_timeout", "stop_timeout", "timeout", "timeout_ms"), _milliseconds),
    **dict.fromkeys(("interval", "interval_ms", "attempt_timeout", "attempt_timeout_ms"), _milliseconds),
    **dict.fromkeys(_PATHS, _text),
}


def _converted(name, value):
    converter = _converters.get(name.replace("-", "_"))
    return value if converter is None or value is None else converter(value)


def _names(info):
    return [argument.get_name() for argument in info.get_arguments()]


def _convert(names, args, kwargs):
    rest = args[len(names) :]  # user data of a callback
    args = [_converted(name, value) for name, value in zip(names, args)]
    return [*args, *rest], {name: _converted(name, value) for name, value in kwargs.items()}


def _bind(names, args, kwargs):
    """All arguments of a call by name."""
    if len(args) > len(names) or set(names[: len(args)]) & set(kwargs):
        raise TypeError(f"expected each of {', '.join(names)} at most once")
    args, kwargs = _convert(names, args, kwargs)
    return {**dict(zip(names, args)), **kwargs}


# --- Operations: X(), X_async(), X_finish()


# How late a signal handler runs whose signal comes just before GLib begins to wait, in milliseconds.
_SIGNAL_DELAY = 200
# How long other greenlets go on before a call looks whether it is over, in seconds: a hundredth of the time that it
# takes, within these limits.
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.001, 0.01


def has_greenlets():
    """Whether gevent, eventlet or the like has replaced what threads wait with: then they wait for each other.

    All of them use greenlet, and replace select(), too; a test that replaces time.sleep() does not.
    """
    if "greenlet" not in sys.modules:
        return False
    return not any(isinstance(function, types.BuiltinFunctionType) for function in (time.sleep, select.select))


def _ident():
    """Of the thread, or of the greenlet."""
    return id(sys.modules["greenlet"].getcurrent()) if has_greenlets() else threading.get_ident()


class _Ends:
    """What ends the blocking calls of a thread or greenlet, of which one may be made in a hook of the other.

    That is what a signal handler raises, and what a hook raises that is not an Exception, such as SystemExit.
    """

    def __init__(self):
        self._calls = {}  # of each thread or greenlet: how many there are, and what was raised

    def note(self, exception):
        if (call := self._calls.get(_ident())) is not None:
            call[1] = call[1] or exception

    def has(self, exception):
        return self._calls.get(_ident(), (0, None))[1] is exception

    @contextlib.contextmanager
    def reraised(self):
        ident = _ident()
        call = self._calls.setdefault(ident, [0, None])
        call[0] += 1
        try:
            yield
        finally:
            call[0] -= 1
            if not call[0]:
                del self._calls[ident]
                if call[1] is not None:
                    try:
                        raise call[1] from None
                    finally:
                        call.clear()


_ends = _Ends()


class _Signals:
    """Calls signal handlers during the blocking calls of the main thread, but not inside of GLib.

    Python calls a handler wherever the program is. What it raises in a hook, or in another function that GLib has
    called, would be taken for an error of that, or be lost. So signals are noted, and handled between two turns of
    the main context.
    """

    def __init__(self):
        self._came, self._handlers, self._process = [], {}, 0

    def _note(self, number, frame):
        if os.getpid() == self._process:
            self._came.append((number, frame))
        else:  # a hook has forked
            self._handlers[number](number, frame)

    @contextlib.contextmanager
    def noted(self):
        if self._handlers:  # by the call whose hook makes this one
            yield
            return
        self._process = os.getpid()
        handlers = {number: signal.getsignal(number) for number in signal.valid_signals()}
        self._handlers = {number: handler for number, handler in handlers.items() if callable(handler)}
        try:
            for number in self._handlers:
                signal.signal(number, self._note)
            yield
        finally:
            handlers, self._handlers = self._handlers, {}
            for number, handler in handlers.items():
                if signal.getsignal(number) == self._note:  # and not one that a hook has put there
                    signal.signal(number, handler)
            came, self._came = self._came, []
            for number, frame in came:
                handlers[number](number, frame)

    def handle(self):
        while self._came:
            number, frame = self._came.pop(0)
            self._handlers[number](number, frame)


_signals = _Signals()

# Those that no call uses now: they are kept, for PyGObject loses some memory for each source.
_contexts = []
os.register_at_fork(after_in_child=_contexts.clear)  # their descriptors are those of the parent


@contextlib.contextmanager
def _main_context():
    """A main context that a signal wakes up."""
    if _contexts:
        context = _contexts.pop()
    else:
        context, timer = GLib.MainContext.new(), GLib.timeout_source_new(_SIGNAL_DELAY)
        timer.set_callback("again".format)  # written in C: no handler can run in it
        timer.attach(context)
    try:
        yield context
    finally:
        _contexts.append(context)


# The threads or greenlets whose contexts are the default now: one, as often as its hooks make calls.
_inside = []


@contextlib.contextmanager
def _as_default(context):
    """Not for longer than GLib is called: where greenlets take turns in a thread, each call has a context of its own.

    A greenlet whose hook waits is still inside of GLib; the others call it after that.
    """
    ident = _ident()
    while _inside and _inside[-1] != ident:
        time.sleep(_SHORTEST_PAUSE)
    _inside.append(ident)
    context.push_thread_default()
    try:
        yield
    finally:
        context.pop_thread_default()
        _inside.pop()


def _iterate(context, begun):
    greenlets = has_greenlets()
    with _as_default(context):
        dispatched = context.iteration(not greenlets)
    if greenlets and not dispatched:
        time.sleep(min(_LONGEST_PAUSE, max(_SHORTEST_PAUSE, (time.monotonic() - begun) / 100)))


def _iterate_until_done(context, cancellable, results):
    begun = time.monotonic()
    try:
        while not results:
            _iterate(context, begun)
            _signals.handle()
    except BaseException as error:
        _ends.note(error)
        cancellable.cancel()
        with _as_default(context):
            while not results:
                context.iteration(True)
        raise


def _block(sync, begin, finish, cancellable=None, undo=None):
    """Makes a blocking call. In the main thread signal handlers run meanwhile, and what they raise ends it."""
    # The handlers of Python run in the main thread only, and at the end of the interpreter GLib cannot call it back.
    if threading.get_native_id() != os.getpid() or sys.is_finalizing():
        with _ends.reraised():
            return _typed(sync, cancellable=cancellable)
    cancellable, results = Gio.Cancellable() if cancellable is None else cancellable, {}
    if not isinstance(cancellable, Gio.Cancellable):
        raise TypeError(f"expected a Gio.Cancellable, not {cancellable!r}")
    try:
        with _ends.reraised(), _signals.noted(), _main_context() as context:
            with _as_default(context):
                begin(cancellable=cancellable, callback=results.__setitem__)
            _iterate_until_done(context, cancellable, results)
            return _typed(finish, *results.values())
    except BaseException as error:
        # Perhaps after a start came to its end.
        if undo is not None and (cancellable.is_cancelled() or not isinstance(error, Exception)):
            undo()
        raise


def read_bytes(stream, count, cancellable=None):
    """Reads from the output of a service. A signal handler can end it, as any blocking call of the library."""
    if stream.is_readable():
        return stream.read_bytes(count, cancellable)
    return _block(
        functools.partial(stream.read_bytes, count),
        functools.partial(stream.read_bytes_async, count, GLib.PRIORITY_DEFAULT),
        stream.read_bytes_finish,
        cancellable,
    )


async def _await_thread(call, cancellable, undo):
    """Awaits a blocking call that a thread makes. If cancelled, it waits until the call is over."""
    import asyncio

    loop = asyncio.get_running_loop()
    future, calls = loop.create_future(), [call]
    del call

    def settle(future, set_outcome, outcome):
        if not future.done():
            set_outcome(outcome)

    def body(future):
        try:
            outcome = (future.set_result, calls.pop()())  # the result may hold the last reference to the object
        except BaseException as exception:
            outcome = (future.set_exception, exception)
        with contextlib.suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(settle, future, *outcome)
        del outcome  # an exception would keep what this function knows

    threading.Thread(target=body, args=(future,), name="mirakuru-glib operation", daemon=True).start()
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        cancellable.cancel()
        while not future.done():
            with contextlib.suppress(asyncio.CancelledError):  # once more
                await asyncio.wait([future])
        if future.exception() is None:
            undo()
        raise
    finally:
        del future


def _running_loop():
    asyncio = sys.modules.get("asyncio")
    try:
        return asyncio and asyncio.get_running_loop()
    except RuntimeError:
        return None


def _wrap_operation(cls, name):
    """The three forms of an operation of a class."""
    sync, begin, finish = (vars(cls)[f"{name}{form}"] for form in ("", "_async", "_finish"))
    names, begin_names = _names(sync), _names(begin)

    def undo(self):
        """A start may come to its end although it is no longer wanted."""
        if name == "start":
            self.kill()

    def call_with(self, cancellable, given):
        call, call_async = (functools.partial(function, self, **given) for function in (sync, begin))
        return _block(
            call, call_async, functools.partial(finish, self), cancellable, functools.partial(undo, self)
        )

    @functools.wraps(sync)
    def call(self, *args, **kwargs):
        given = _bind(names, args, kwargs)
        return call_with(self, given.pop("cancellable", None), given)

    @functools.wraps(begin)
    def call_async(self, *args, **kwargs):
        args, kwargs = _convert(begin_names, args, kwargs)
        given = {**dict(zip(begin_names, args)), **kwargs}
        loop = None if given.pop("callback", None) else _running_loop()
        if loop is None:
            return begin(self, *args, **kwargs)
        given.pop("user_data", None)
        cancellable = given.pop("cancellable", None) or Gio.Cancellable()
        operation = functools.partial(call_with, self, cancellable, given)
        return loop.create_task(_await_thread(operation, cancellable, functools.partial(undo, self)))

    @functools.wraps(finish)
    def call_finish(self, result):
        return _typed(finish, self, result)

    for form, function in (("", call), ("_async", call_async), ("_finish", call_finish)):
        setattr(cls, f"{name}{form}", function)


def _wrap_function(cls, name, info):
    names = _names(info)

    @functools.wraps(info)
    def call(owner, *args, **kwargs):
        args, kwargs = _convert(names, args, kwargs)
        if not info.is_constructor():
            return _typed(info, owner, *args, **kwargs)
        if owner is not cls and owner.__gtype__ != cls.__gtype__:
            raise TypeError(f"Mk.{cls.__name__}.{name}() cannot make a {owner.__name__}: call {owner.__name__}()")
        return _typed(info, cls, *args, **kwargs)

    setattr(cls, name, classmethod(call) if info.is_constructor() else call)


def _wrap_functions(cls):
    """What a class has from the typelib, with arguments and errors of Python."""
    infos = {name: info for name, info in vars(cls).items() if type(info).__name__ == "FunctionInfo"}
    operations = [name for name in infos if f"{name}_async" in infos]
    for name in operations:
        _wrap_operation(cls, name)
    for name, info in infos.items():
        if isinstance(vars(cls)[name], type(info)) and (info.can_throw_gerror() or set(_names(info)) & set(_converters)):
            _wrap_function(cls, name, info)


# --- Hooks, which are vfuncs that Python overrides


def _explain(exception):
    """What was raised, and the last place of it that is not here."""
    text = traceback.format_exception_only(type(exception), exception)[-1].strip()
    frames = [frame for frame in traceback.extract_tb(exception.__traceback__) if frame.filename != __file__]
    return f"{text} ({os.path.basename(frames[-1].filename)}:{frames[-1].lineno})" if frames else text


def _check_hook(hook, result):
    """A check: what it raises means what an error of it means."""

    @functools.wraps(hook)
    def call(*args):
        try:
            return result(hook(*args))
        except GLib.Error:
            raise
        except BaseException as exception:
            text, domain, code = _explain(exception), Gio.io_error_quark(), Gio.IOErrorEnum.FAILED
            if not isinstance(exception, Exception):
                _ends.note(exception)
            if _ends.has(exception):  # the probe must not be polled again
                domain, code = Mk.error_quark(), Mk.Error.FAILED
        raise GLib.Error(text, GLib.quark_to_string(domain), code)

    return call


def _task_hook(hook, domain, code):
    """A step: what it raises is the error that its task returns."""

    @functools.wraps(hook)
    def call(self, task):
        references = task.__grefcount__
        try:
            return hook(self, task)
        except BaseException as exception:
            error = exception
            if not isinstance(exception, GLib.Error):
                error = GLib.Error.new_literal(domain, _explain(exception), code)
            if not isinstance(exception, Exception):
                _ends.note(exception)
            # Whoever has returned the task, or is going to, holds it.
            if task.get_completed() or task.__grefcount__ != references:
                traceback.print_exc()
            else:
                task.return_error(error)
            del error  # it would keep what the hook knows

    return call


def _text_hook(hook):
    @functools.wraps(hook)
    def call(self):
        try:
            return str(hook(self))
        except Exception:
            traceback.print_exc()
            return type(self).__name__

    return call


_io_failed = (Gio.io_error_quark(), Gio.IOErrorEnum.FAILED)
_mk_failed = (Mk.error_quark(), Mk.Error.FAILED)

_hooks = {
    "do_build_command": lambda hook: _check_hook(hook, _argv_or_none),
    **dict.fromkeys(
        ("do_check", "do_check_alive", "do_pre_start_check", "do_after_start_check"),
        lambda hook: _check_hook(hook, bool),
    ),
    "do_check_task": lambda hook: _task_hook(hook, *_io_failed),
    **dict.fromkeys(
        ("do_prepare", "do_started", "do_request_stop", "do_cleanup"),
        lambda hook: _task_hook(hook, *_mk_failed),
    ),
    "do_describe": _text_hook,
}


def _argv_or_none(value):
    return None if value is None else _argv(value)


def _wrap_hooks(cls):
    for name, wrap in _hooks.items():
        if name in vars(cls) and callable(vars(cls)[name]):
            setattr(cls, name, wrap(vars(cls)[name]))


# --- Classes


class _Lines:
    """The lines of a stream, without their ends, as they come; also below asyncio."""

    def __init__(self, stream):
        self._stream, self._whole, self._part, self._ended = stream, collections.deque(), b"", False
        self._position = stream.tell()

    def __iter__(self):
        return self

    def __aiter__(self):
        return self

    def _add(self, data):
        self._look_for_gap(len(data))
        *whole, part = ((self._part or b"") + data).split(b"\n")
        if self._part is None:  # the first of what was read is no whole line
            part = part if whole else None
            whole = whole[1:]
        self._part, self._ended = part, not data
        if self._ended and self._part:
            whole.append(self._part)
        self._whole.extend(whole)

    def _look_for_gap(self, length):
        position = self._stream.tell()
        lost, self._position = position - self._position - length, position
        if lost:
            self._part = None
            text = f"output was lost ({lost} bytes): raise output_limit, set it to 0, or read faster"
            warnings.warn(text, RuntimeWarning, stacklevel=4)

    def _read(self, cancellable=None):
        return read_bytes(self._stream, 65536, cancellable).get_data() or b""

    def _next(self):
        return self._whole.popleft().removesuffix(b"\r").decode(errors="replace")

    def __next__(self):
        while not self._whole:
            if self._ended:
                raise StopIteration
            self._add(self._read())
        return self._next()

    async def __anext__(self):
        while not self._whole:
            if self._ended:
                raise StopAsyncIteration
            cancellable = Gio.Cancellable()
            read = functools.partial(self._read, cancellable)
            self._add(await _await_thread(read, cancellable, lambda: None))
        return self._next()


def _raw_accessor(thing, kind, name):
    """The getter or setter of a property that is bytes; PyGObject would take its value for UTF-8."""
    name = name.replace("-", "_")
    return getattr(thing, f"{kind}_{name}", None) if name in _RAW else None


class _Props:
    """The properties of an object, with arguments of Python."""

    __slots__ = ("_thing",)

    def __init__(self, thing):
        object.__setattr__(self, "_thing", thing)

    def __getattr__(self, name):
        get = _raw_accessor(self._thing, "get", name)
        return getattr(_props_of(self._thing), name) if get is None else get()

    def __setattr__(self, name, value):
        put = _raw_accessor(self._thing, "set", name)
        if put is None:
            setattr(_props_of(self._thing), name, _checked(self._thing, name, value))
        else:
            put(value)

    def __iter__(self):
        return iter(_props_of(self._thing))

    def __len__(self):
        return len(_props_of(self._thing))

    def __dir__(self):
        return dir(_props_of(self._thing))


def _checked(thing, name, value):
    """The value of a property, converted. GObject would replace a number that is out of range by the default."""
    value = _converted(name, value)
    spec = type(thing).find_property(name.replace("_", "-")) if isinstance(value, int) else None
    low, high = getattr(spec, "minimum", None), getattr(spec, "maximum", None)
    if low is not None and high is not None and not low <= value <= high:
        raise ValueError(f"{name} must be between {low} and {high}, not {value}")
    return value


def _props_of(thing):
    return super(_Base, thing).props


class _PropsDescriptor:
    def __get__(self, thing, owner):
        return super(_Base, owner).props if thing is None else _Props(thing)


class _Base:
    """What executors and probes have in common."""

    props = _PropsDescriptor()

    def __init__(self, *args, **properties):
        if args:
            name, has_new = type(self).__name__, type(self).__module__ in (__name__, "gi.repository.Mk")
            other = f"; Mk.{name}.new() takes positional arguments" if has_new else ""
            raise TypeError(f"{name}() takes only keyword arguments, which are its properties{other}")
        raw = [name for name in properties if _raw_accessor(self, "set", name)]
        converted = {name: _checked(self, name, properties[name]) for name in properties if name not in raw}
        if isinstance(converted.get("probes"), list):
            converted["probes"] = _list_store(converted["probes"])
        super().__init__(**converted)
        for name in raw:
            self.set_property(name, properties[name])

    def get_property(self, name):
        get = _raw_accessor(self, "get", name)
        return super().get_property(name) if get is None else get()

    def set_property(self, name, value):
        put = _raw_accessor(self, "set", name)
        if put is None:
            super().set_property(name, _checked(self, name, value))
        else:
            put(value)

    def get_properties(self, *names):
        return tuple(map(self.get_property, names))

    def set_properties(self, **properties):
        with self.freeze_notify():
            for name, value in properties.items():
                self.set_property(name, value)

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        _wrap_hooks(cls)

    def __repr__(self):
        try:
            return f"<{type(self).__module__.rpartition('.')[2]}.{type(self).__name__}: {self.describe()}>"
        except RuntimeError:  # before __init__()
            return super().__repr__()


class _Running:
    """What runs during a with statement."""

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, kind, exception, trace):
        try:
            self.stop()
        except GLib.Error as error:
            if exception is None:
                raise
            _add_note(exception, error)

    async def __aenter__(self):
        await self.start_async()
        return self

    async def __aexit__(self, kind, exception, trace):
        try:
            await self.stop_async()
        except GLib.Error as error:
            if exception is None:
                raise
            _add_note(exception, error)


class SimpleExecutor(_Running, _Base, Mk.SimpleExecutor):
    __doc__ = Mk.SimpleExecutor.__doc__

    def lines(self, stream=Mk.Stream.STDOUT):
        """Iterates over the lines that the service prints, from its start to its end. Also for `async for`."""
        return _Lines(self.open_output(stream))

    @contextlib.contextmanager
    def stopped(self):
        """Stops the service during a with block. It is started again only if it was running before."""
        ran = self.get_state() in (Mk.ExecutorState.STARTING, Mk.ExecutorState.READY)
        self.stop()
        try:
            yield self
        finally:
            if ran:
                self.start()


def _add_note(exception, error):
    """The block failed, perhaps because of this; its own exception is raised."""
    if hasattr(exception, "add_note"):  # Python 3.11
        exception.add_note(str(error))


SimpleExecutor = override(SimpleExecutor)


class Probe(_Base, Mk.Probe):
    __doc__ = Mk.Probe.__doc__


Probe = override(Probe)


class PortLease(Mk.PortLease):
    __doc__ = Mk.PortLease.__doc__

    def __enter__(self):
        return self

    def __exit__(self, kind, exception, trace):
        self.release()

    def __repr__(self):
        return f"<Mk.PortLease: {self.get_port()}>"


PortLease = override(PortLease)


class ExecutorGroup(_Running, Mk.ExecutorGroup):
    __doc__ = Mk.ExecutorGroup.__doc__

    def __getitem__(self, key):
        """Returns an executor, by the name of its service or by its position."""
        if not isinstance(key, str):
            return super().__getitem__(key)
        if (executor := self.lookup(key)) is None:
            raise KeyError(key)
        return executor

    def __contains__(self, key):
        return self.lookup(key) is not None if isinstance(key, str) else super().__contains__(key)

    def __repr__(self):
        return f"<Mk.ExecutorGroup: {', '.join(map(self.get_name, self))}>"


ExecutorGroup = override(ExecutorGroup)

__all__ += ["SimpleExecutor", "Probe", "PortLease", "ExecutorGroup"]

_wrap_functions(PortLease.__mro__[1])
for _base in (SimpleExecutor, Probe, ExecutorGroup):
    _wrap_functions(next(_class for _class in _base.__mro__ if _class.__module__ == "gi.repository.Mk"))
for _name in dir(Mk):
    _class = getattr(Mk, _name)
    if isinstance(_class, type) and issubclass(_class, (SimpleExecutor, Probe)):
        _wrap_functions(_class)
