# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Fixtures for pytest that start services.

    # conftest.py
    from pytest_mirakuru_glib import mk_service

    redis = mk_service("redis-server --port {port} --dir {dir}", tcp="127.0.0.1:{port}", scope="session")
    database = mk_service(template="postgresql", values={"database": "app"})

    # test_it.py
    def test_it(redis):
        client = connect("127.0.0.1", redis.port)

The value of the fixture is the executor, with the additional attributes port and dir. If a test fails, its report
contains the output of its services during the test. With pytest-xdist, each worker has its own services, ports and
directories.
"""

from __future__ import annotations

import contextlib
import gc
import inspect
import os
import pathlib
import re
import shlex
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import pytest

_SERVICES = pytest.StashKey()  # of the configuration: fixture name and executor of each that runs
_PRINTED = pytest.StashKey()  # of a test: how much each service had printed before it
_FAILED = pytest.StashKey()  # of a test
_LINES = 100  # of a service in a report
# Colours, movements of the cursor, titles and other control characters, but for tabs and line ends
_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[ -?]*[@-~]?|\x1b[\]PX^_][^\x07\x1b\n]*(?:\x07|\x1b\\)?|\x1b[ -/]*[0-~]?"
    r"|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]"
)


def _repository():
    """Loaded by the first service, so that a test suite without services does not need the library."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ImportWarning)  # of PyGObject itself
            import gi

            gi.require_version("Mk", "1")
            from gi.repository import Mk
    except (ImportError, AttributeError, ValueError) as error:
        raise ImportError(f"mk_service needs PyGObject and the typelib of mirakuru-glib in this Python: {error}") from error
    return Mk


# --- Fixtures


def _fill_in(value, places, used):
    """Replaces known places only, so that other braces stay."""

    def replace(match):
        name, *attributes = match[1].split(".")
        if name not in places:
            return match[0]
        used.add(name)
        found = places[name]
        for attribute in attributes:
            if not hasattr(found, attribute):
                raise AttributeError(f"{match[0]}: the fixture {name!r} has no attribute {attribute!r}")
            found = getattr(found, attribute)
        return str(found)

    if isinstance(value, str):
        return re.sub(r"\{(\w+(?:\.\w+)*)\}", replace, value)
    if isinstance(value, (list, tuple)):
        return [_fill_in(item, places, used) for item in value]
    if isinstance(value, dict):
        return {name: _fill_in(item, places, used) for name, item in value.items()}
    return value


def _host_and_port(value):
    """As `mirakuru --tcp` takes it."""
    host, _, port = str(value).rpartition(":")
    if not port.isdecimal():
        raise ValueError(f"{value!r} is neither HOST:PORT nor a port")
    return {"host": host.strip("[]") or "localhost", "port": int(port)}


_KINDS = {
    "tcp": lambda Mk, value: (Mk.TcpExecutor, _host_and_port(value)),
    "http": lambda Mk, value: (Mk.HttpExecutor, {"uri": value}),
    "unix": lambda Mk, value: (Mk.UnixSocketExecutor, {"path": value}),
    "file": lambda Mk, value: (Mk.Executor, {"probe": Mk.FileProbe.new(value)}),
    "pid": lambda Mk, value: (Mk.PidExecutor, {"filename": value}),
    "exec": lambda Mk, value: (Mk.Executor, {"probe": Mk.CommandProbe.new(value)}),
    "output": lambda Mk, value: (Mk.OutputExecutor, {"banner": value, "stream": Mk.StreamFlags.BOTH}),
}


def _make_from_function(function, options):
    executor = function(**options)
    if not isinstance(executor, _repository().SimpleExecutor):
        name = getattr(function, "__qualname__", function)
        raise TypeError(f"{name}() must return an executor, not {executor!r}")
    return executor


def _make_from_command(options):
    Mk = _repository()
    kinds = [kind for kind in _KINDS if kind in options]
    if len(kinds) > 1:
        raise TypeError(f"a service can have one condition for readiness, not several: {', '.join(kinds)}")
    executor, settings = Mk.SimpleExecutor, {}
    if kinds:
        executor, settings = _KINDS[kinds[0]](Mk, options.pop(kinds[0]))
    return executor(**{**settings, **options})


def _make(command, options, places, needed):
    """The executor, with what stood for the places that the command, or the options, have."""
    used = set()
    if callable(command):
        places = {name: options.get(name, value) for name, value in places.items()}
        executor = _make_from_function(command, {**places, **needed, **options})
        used.update(places)
    else:
        executor = _make_from_command(_fill_in({"command": command, **options}, {**places, **needed}, used))
    for name, value in places.items():
        if not hasattr(executor, name):  # a class may have it already
            setattr(executor, name, value if name in used else None)
    return executor


def _list_settings(settings):
    """Texts "Key=value", as services files have them. A key may have several values."""
    for key, value in settings.items():
        values = [f"{name}={text}" for name, text in value.items()] if isinstance(value, Mapping) else value
        for text in values if isinstance(values, (list, tuple)) else [values]:
            yield f"{key}={str(text).lower() if isinstance(text, bool) else text}"


@contextlib.contextmanager
def _running(request, executor, context):
    """A service that is started and stopped by a context, and whose output goes into reports."""
    entry = (request.fixturename, executor)
    services = request.config.stash.setdefault(_SERVICES, [])
    services.append(entry)
    try:
        with context:
            yield executor
    finally:
        services.remove(entry)


@contextlib.contextmanager
def _described(request, settings):
    """A service that settings describe."""
    Mk = _repository()
    group = Mk.ExecutorGroup()
    name = re.sub(r"[^A-Za-z0-9_-]", "-", request.fixturename)
    executor = group.add_service(name if name[0].isalpha() else f"service-{name}", list(_list_settings(settings)))
    with _running(request, executor, group):
        port, folder = executor.dup_value("port"), executor.dup_value("dir")
        entries = group.dup_environment(["_="])
        executor.port, executor.dir = port and int(port), folder and pathlib.Path(folder)
        executor.exports = dict(entry.split("=", 1) for entry in entries if entry != "_=")
        yield executor


def mk_service(
    command: str | Sequence[str] | Callable[..., Any] | None = None,
    *,
    template: str | None = None,
    values: Mapping[str, Any] | None = None,
    settings: Mapping[str, Any] | None = None,
    launcher: str | Sequence[str] | None = None,
    forwards: str | Sequence[str] = (),
    scope: Literal["session", "package", "module", "class", "function"] = "function",
    name: str | None = None,
    needs: str | Sequence[str] = (),
    **options: Any,
) -> Any:
    """Makes a fixture that starts a service before the first test that uses it, and stops it after the last.

    The command is a list, or a string, which is split as a shell would. One option is the condition for readiness:

    - `tcp="HOST:PORT"` or `tcp=PORT`: a port accepts connections
    - `http="URL"`: a URL responds with a status of 200 to 299
    - `unix="PATH"`: a Unix socket accepts connections
    - `file="PATH"`: a file exists
    - `pid="PATH"`: a pid file exists
    - `exec="COMMAND"`: a command succeeds
    - `output="REGULAR EXPRESSION"`: standard output or standard error matches

    Without a condition, the service is ready at once. All other options are properties of the executor:
    `environment={"LANG": "C"}`, `start_timeout=5000`. In the command and in all options, `{port}` stands for a free
    port, and `{dir}` for a new directory.

    `needs=["database", "tmp_path"]` names other fixtures. They are set up before the service is started, and
    torn down after it is stopped. In the command and the options, `{tmp_path}` then stands for the value of this
    fixture, and `{database.port}` for an attribute of its value.

    `template="postgresql"` starts the service of a template instead of a command, with `values={"database": "app"}`.
    `settings={…}` describes a service with the keys of services files:
    `{"Command": "my-server --port {port}", "Tcp": "{port}"}`. If a key takes several values, use a list or a dict.
    The executor then also has the attribute `exports`, a dict of the variables for the environment of clients.
    `dup_value("database")` returns a value of the service.

    `launcher="ssh -o BatchMode=yes far"` runs the service at the far end of this command.
    `forwards="{port}:6379"`, written as for `ssh -L`, forwards a port to the far end.

    Instead of a command, you can pass a function that returns an executor, for example of a subclass. It is called
    with `port=`, `dir=`, the fixtures in `needs`, and the options.

    The value of the fixture is the executor. Its attribute `port` is an int, the value of `{port}`. Its attribute
    `dir` is a `pathlib.Path`, the value of `{dir}`. Each is `None` if its placeholder is not used.
    """

    described = {**({"Template": template} if template else {}), **({"Values": values} if values else {}), **(settings or {})}
    if (command is None) != bool(described):
        raise TypeError("mk_service() needs either a command, or template= or settings=")
    if described and options:
        raise TypeError(f"with template= or settings=, other options must be in settings=: {', '.join(options)}")
    forwards = [forwards] if isinstance(forwards, str) else list(forwards)
    if launcher:
        words = shlex.split(launcher) if isinstance(launcher, str) else list(launcher)
        if described:
            described["Launcher"] = shlex.join(words)
        else:
            options["launcher"] = words
    if forwards:
        (described if described else options)["Forwards" if described else "forwards"] = forwards

    def service(request, tmp_path_factory, **needed):
        if described:
            with _described(request, _fill_in(described, needed, set())) as executor:
                yield executor
            return
        with _repository().PortLease.new() as lease:
            places = {"port": lease.get_port(), "dir": tmp_path_factory.mktemp("service")}
            executor = _make(command, options, places, needed)
            with _running(request, executor, executor):
                yield executor

    # pytest reads the names of the fixtures that are needed there.
    needs = [needs] if isinstance(needs, str) else needs
    parameters = [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY) for name in needs]
    signature = inspect.signature(service)
    kept = [parameter for parameter in signature.parameters.values() if parameter.name != "needed"]
    service.__signature__ = signature.replace(parameters=kept + parameters)
    return pytest.fixture(scope=scope, name=name)(service)


# --- For tests of GNOME applications


@contextlib.contextmanager
def _environment(entries):
    """What programs that the test starts get."""
    before = {name: os.environ.get(name) for name in entries}
    os.environ.update(entries)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextlib.contextmanager
def _with_template(request, template):
    with _described(request, {"Template": template}) as executor:
        with _environment({name: value for name, value in executor.exports.items() if not name.endswith(("_PORT", "_HOST"))}):
            yield executor


def _is_bus_held(pid):
    """Whether the test still has the connection that Gio.bus_get_sync() shares. GLib would end this process with it."""
    Gio = sys.modules.get("gi.repository.Gio")
    if Gio is None:
        return False
    from gi.repository import GLib

    try:
        connection = Gio.bus_get_sync(Gio.BusType.SESSION)
        peer = connection.get_stream().get_socket().get_credentials().get_unix_pid()
    except (GLib.Error, AttributeError):
        return False
    if peer != pid:
        return False
    connection.set_exit_on_close(False)
    for _ in range(20):
        gc.collect()
        GLib.MainContext.default().iteration(False)
        # By C, and by Python: the variable here, and the argument of the call
        if connection.__grefcount__ == 1 and sys.getrefcount(connection) == 2:
            return False
    return True


@pytest.fixture
def isolated_home(request):
    """A new home directory for the test, a `pathlib.Path`.

    `HOME` and the XDG directories are inside it. There are no settings, and no address of a message bus in the
    environment.
    """
    with _with_template(request, "home") as executor:
        yield executor.dir


@pytest.fixture
def session_bus(request):
    """The address of a new session bus for the test. The environment contains it, too."""
    if "isolated_home" in request.fixturenames:  # which has none, so it comes first
        request.getfixturevalue("isolated_home")
    with _with_template(request, "session-bus") as executor:
        yield executor.exports["DBUS_SESSION_BUS_ADDRESS"]
        held = _is_bus_held(executor.get_pid())
    # What has failed still has its variables.
    if held and not request.node.stash.get(_FAILED, False):
        pytest.fail("the test still holds the connection to its session bus: release what Gio.bus_get_sync() returned")


@pytest.fixture(scope="session")
def display(request):
    """The name of the display of an X server without a screen. The environment contains it, too."""
    with _with_template(request, "xvfb") as executor:
        yield executor.exports["DISPLAY"]


# --- Reports


def _services(item):
    """The services that a test uses, from fixtures made here or elsewhere."""
    Mk = sys.modules.get("gi.repository.Mk")
    if Mk is None:
        return []
    printed = item.stash.get(_PRINTED, {})
    running = item.config.stash.get(_SERVICES, [])
    # One that was started during the test was started for it.
    used = [service for name, service in running if name in getattr(item, "fixturenames", ()) or service not in printed]
    others = [value for value in getattr(item, "funcargs", {}).values() if isinstance(value, Mk.SimpleExecutor)]
    return used + [service for service in others if service not in used]


def _streams(service):
    Mk = _repository()
    for name, stream in (("stdout", Mk.Stream.STDOUT), ("stderr", Mk.Stream.STDERR)):
        yield name, service.dup_output(stream).get_data() or b""


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    running = item.config.stash.get(_SERVICES, [])
    item.stash[_PRINTED] = {
        service: {name: len(data) for name, data in _streams(service)} for _, service in running
    }


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if not report.failed or call.when == "teardown":
        return
    item.stash[_FAILED] = True
    printed = item.stash.get(_PRINTED, {})
    for service in _services(item):
        for name, data in _streams(service):
            # Once the limit is reached, it is unknown where the output of the test begins.
            if len(data) < service.get_output_limit() or service.get_output_limit() == 0:
                data = data[printed.get(service, {}).get(name, 0) :]
            lines = _ESCAPES.sub("", data.decode(errors="replace")).splitlines()[-_LINES:]
            if lines:
                report.sections.append((f"{service.describe()}: {name}", "\n".join(lines)))
