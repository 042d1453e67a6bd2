# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The pytest plugin, by test suites that are written and run here."""

import importlib.util
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap
import unittest

from mktest import LIMIT, SERVICE, redis_executor

CONFTEST = f"""
from pytest_mirakuru_glib import mk_service
redis = mk_service("redis-server --bind 127.0.0.1 --port {{port}} --dir {{dir}} --save ''", tcp="127.0.0.1:{{port}}", scope="session")
chatty = mk_service(
    ["{SERVICE}", "--lifetime", "60", "--print", "hello {{port}}", "--stderr", "{{ oops }}", "--ready", "up"], output="up"
)
"""


@unittest.skipUnless(importlib.util.find_spec("pytest"), "pytest is not installed")
class Plugin(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def run_pytest(self, test, *options, conftest=CONFTEST, outcomes):
        (self.folder / "conftest.py").write_text(conftest)
        (self.folder / "test_it.py").write_text("import os\nimport pytest\n" + textwrap.dedent(test))
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", f"--basetemp={self.folder}/t", *options]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
        done = subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=3 * LIMIT, check=False
        )
        summary = (done.stdout.splitlines() or [""])[-1]
        counts = {kind: int(count) for count, kind in re.findall(r"(\d+) (passed|failed|error)", summary)}
        self.assertEqual(counts, outcomes, done.stdout + done.stderr)
        return done.stdout

    def section(self, output, name):
        found = re.search(rf"^-+ [^\n]*: {name} -+\n(.*?)(?=^[-=_])", output, re.M | re.S)
        return found and found[1]

    def test_templates_and_settings(self):
        redis_executor()
        self.run_pytest(
            """
            import subprocess

            def test_template(cache):
                assert cache.exports["REDIS_URL"] == f"redis://127.0.0.1:{cache.port}/0"
                command = ["redis-cli", "-u", cache.exports["REDIS_URL"], "ping"]
                assert subprocess.check_output(command, text=True) == "PONG\\n"
                assert cache.dir.is_dir()

            def test_settings(described, tmp_path):
                assert described.exports["GREETING"] == f"hello {tmp_path}"
                assert described.dup_value("who") == str(tmp_path)
                assert described.get_stop_timeout() == 2000
            """,
            conftest=f"""
from pytest_mirakuru_glib import mk_service
cache = mk_service(template="redis", values={{"host": "127.0.0.1"}})
described = mk_service(settings={{
    "Command": "{SERVICE} --lifetime 60 --ready up", "Output": "up", "Values": {{"who": "{{tmp_path}}"}},
    "Export": ["GREETING=hello {{who}}"], "StopTimeout": "2s"}}, needs="tmp_path")
""",
            outcomes={"passed": 2},
        )

    def test_launcher(self):
        redis_executor()
        self.run_pytest(
            """
            import subprocess

            @pytest.mark.parametrize("name", ["by_command", "by_template"])
            def test_it(name, request):
                cache = request.getfixturevalue(name)
                command = ["redis-cli", "-p", str(cache.port), "config", "get", "port"]
                assert str(cache.port) in subprocess.check_output(command, text=True)
            """,
            conftest="""
from pytest_mirakuru_glib import mk_service
by_command = mk_service(
    "redis-server --port {port} --save ''", tcp="{port}", launcher="env THERE=1", forwards="{port}")
by_template = mk_service(template="redis", launcher=["env", "THERE=1"], forwards=["{port}"])
""",
            outcomes={"passed": 2},
        )

    def test_wrong_arguments(self):
        for arguments, words in (("", "either a command"), ('"true", template="redis"', "either a command"),
                                 ('template="redis", tcp="1"', "other options must be in settings="),
                                 ('template="redsi"', "did you mean redis?"),
                                 ('settings={"Comnd": "true"}', "did you mean Command?")):
            with self.subTest(arguments):
                output = self.run_pytest(
                    f"""
                    from pytest_mirakuru_glib import mk_service

                    try:
                        wrong = mk_service({arguments})
                    except TypeError as error:
                        message = str(error)

                        @pytest.fixture
                        def wrong():
                            raise ValueError(message)

                    def test_it(wrong):
                        pass
                    """,
                    outcomes={"error": 1},
                )
                self.assertIn(words, output)

    def test_desktop_fixtures(self):
        for program in ("dbus-daemon", "Xvfb"):
            if not shutil.which(program):
                self.skipTest(f"{program} is not installed")
        self.run_pytest(
            """
            import gi
            from gi.repository import Gio

            before = dict(os.environ)

            def test_home(isolated_home):
                assert os.environ["HOME"] == str(isolated_home) and isolated_home.is_dir()
                assert os.environ["DBUS_SESSION_BUS_ADDRESS"] == "disabled:"
                assert os.environ["XDG_CONFIG_HOME"].startswith(str(isolated_home))

            def test_restored():
                assert {name: os.environ.get(name) for name in before} == before

            @pytest.mark.parametrize("n", range(2))
            def test_bus(session_bus, isolated_home, n):
                assert os.environ["DBUS_SESSION_BUS_ADDRESS"] == session_bus != "disabled:"
                bus = Gio.bus_get_sync(Gio.BusType.SESSION)
                reply = bus.call_sync("org.freedesktop.DBus", "/", "org.freedesktop.DBus", "ListActivatableNames", None, None, 0,
                                      5000, None)
                assert reply.unpack() == (["org.freedesktop.DBus"],)

            def test_display(display):
                assert os.environ["DISPLAY"] == display
                assert display.startswith(":")
            """,
            outcomes={"passed": 5},
        )

    def test_held_bus(self):
        if not shutil.which("dbus-daemon"):
            self.skipTest("dbus-daemon is not installed")
        output = self.run_pytest(
            """
            from gi.repository import Gio

            kept = []

            def test_it(session_bus):
                kept.append(Gio.bus_get_sync(Gio.BusType.SESSION))

            def test_another():
                pass
            """,
            outcomes={"passed": 2, "error": 1},
        )
        self.assertIn("still holds the connection to its session bus", output)

    def test_session_and_function(self):
        redis_executor()
        output = self.run_pytest(
            """
            seen = {"redis": set(), "chatty": set()}

            @pytest.mark.parametrize("n", range(3))
            def test_each(redis, chatty, n):
                assert redis.get_running() and chatty.get_running()
                seen["redis"].add(redis.get_pid())
                seen["chatty"].add(chatty.get_pid())

            def test_after():
                assert (len(seen["redis"]), len(seen["chatty"])) == (1, 3)
                redis, = seen["redis"]
                assert os.path.exists(f"/proc/{redis}")
                assert not any(os.path.exists(f"/proc/{pid}") for pid in seen["chatty"])
            """,
            outcomes={"passed": 4},
        )
        self.assertNotIn("hello", output)  # tests that pass say nothing

    def test_output_of_a_failing_test(self):
        output = self.run_pytest(
            """
            def test_it(chatty):
                assert 0
            """,
            outcomes={"failed": 1},
        )
        self.assertRegex(self.section(output, "stdout"), r"^hello \d+\n")
        self.assertEqual(self.section(output, "stderr"), "{ oops }\n")

    def test_needs_other_fixtures(self):
        conftest = CONFTEST + f'''
import pytest
@pytest.fixture
def greeting():
    return "good morning"
client = mk_service(
    ["{SERVICE}", "--lifetime", "60", "--print", "{{greeting}} from {{redis.port}} in {{tmp_path.name}}, {{other}}",
     "--ready", "up"],
    output="up", needs=("redis", "greeting", "tmp_path"),
)
def make(port, dir, greeting):
    from gi.repository import Mk
    return Mk.OutputExecutor.new(["{SERVICE}", "--lifetime", "60", "--print", greeting, "--ready", "up"], "up")
made = mk_service(make, needs="greeting")
wrong = mk_service("true {{redis.prot}}", needs="redis")
'''
        redis_executor()
        output = self.run_pytest(
            """
            def printed(service):
                return service.dup_output(1).get_data().decode()

            def test_it(client, redis, tmp_path):
                assert f"good morning from {redis.port} in {tmp_path.name}, {{other}}" in printed(client)

            def test_made(made):
                assert "good morning" in printed(made)

            def test_wrong(wrong):
                pass
            """,
            conftest=conftest,
            outcomes={"passed": 2, "error": 1},
        )
        self.assertIn("{redis.prot}: the fixture 'redis' has no attribute 'prot'", output)

    def test_output_is_clean(self):
        output = self.run_pytest(
            """
            from pytest_mirakuru_glib import mk_service
            rude = mk_service(["printf", r"\\033[1mbold\\033c\\033[2J\\033]0;x\\007\\n"], output="\\n")

            def test_it(rude):
                assert 0
            """,
            outcomes={"failed": 1},
        )
        self.assertEqual(self.section(output, "stdout"), "bold\n")

    def test_only_what_was_printed_meanwhile(self):
        output = self.run_pytest(
            """
            from pytest_mirakuru_glib import mk_service
            echo = mk_service(["cat"], stdin_mode=2, scope="session")

            def say(echo, text):
                lines = echo.lines()
                echo.dup_stdin().write_all(f"{text}\\n".encode(), None)
                while next(lines) != text:
                    pass

            def test_first(echo):
                say(echo, "before")

            def test_second(echo):
                say(echo, "meanwhile")
                assert 0

            def test_other():
                assert 0
            """,
            outcomes={"failed": 2, "passed": 1},
        )
        self.assertEqual(self.section(output, "stdout"), "meanwhile\n")
        self.assertEqual(output.count(": stdout"), 1)

    def test_indirect_and_handmade(self):
        output = self.run_pytest(
            """
            from gi.repository import Mk

            @pytest.fixture
            def client(chatty):
                return object()

            @pytest.fixture
            def handmade():
                with Mk.SimpleExecutor.new_for_shell("echo by hand; sleep 60") as executor:
                    next(executor.lines())
                    yield executor

            def test_indirect(client):
                assert 0

            def test_dynamic(request):
                request.getfixturevalue("chatty")
                assert 0

            def test_handmade(handmade):
                assert 0
            """,
            outcomes={"failed": 3},
        )
        self.assertEqual(len(re.findall("^hello", output, re.M)), 2)
        self.assertEqual(len(re.findall("^by hand", output, re.M)), 1)

    def test_services_that_fail(self):
        """One does not start; with the other the test passes, but the service does not end as it should."""
        conftest = f"""
from pytest_mirakuru_glib import mk_service
broken = mk_service(["{SERVICE}", "--stderr", "no licence", "--exit", "3"], tcp="127.0.0.1:{{port}}")
dying = mk_service(["{SERVICE}", "--ready", "up", "--exit-after", "50", "--exit", "3"], output="up")
"""
        output = self.run_pytest(
            """
            def test_broken(broken): pass

            def test_dying(dying): dying.wait()
            """,
            conftest=conftest,
            outcomes={"passed": 1, "error": 2},
        )
        broken, dying = output.split("ERROR at teardown of test_dying")
        self.assertIn("ERROR at setup of test_broken", broken)
        self.assertIn("Mk.ExitedError", broken)
        self.assertIn("no licence", broken)
        self.assertIn("Mk.FinishedWithError", dying)

    def test_ways_to_be_ready(self):
        conftest = f"""
from gi.repository import Mk
from pytest_mirakuru_glib import mk_service
base = ["{SERVICE}", "--lifetime", "60"]
tcp = mk_service([*base, "--listen", "127.0.0.1:{{port}}"], tcp="127.0.0.1:{{port}}")
unix = mk_service([*base, "--listen", "{{dir}}/s"], unix="{{dir}}/s")
file = mk_service("sh -c 'touch {{dir}}/f; exec sleep 60'", file="{{dir}}/f")
pid = mk_service("sh -c 'echo $$ > {{dir}}/p; exec sleep 60'", pid="{{dir}}/p")
http = mk_service("/usr/bin/python3 -m http.server {{port}} --bind 127.0.0.1", http="http://127.0.0.1:{{port}}/", cwd="{{dir}}")
simple = mk_service(base, environment={{"MK_PLACE": "{{dir}}"}})
class Own(Mk.SimpleExecutor): pass
exec = mk_service("sh -c 'touch {{dir}}/e; exec sleep 60'", exec="test -e {{dir}}/e")
stderr = mk_service([*base, "--stderr", "up"], output="up")
own = mk_service(lambda port, dir, **more: Own(command=base, **more), start_timeout=4321, name="renamed")
two = mk_service("true", tcp="h:1", unix="/s")
"""
        output = self.run_pytest(
            """
            @pytest.mark.parametrize("name", ["tcp", "unix", "file", "pid", "http", "exec", "stderr", "simple", "renamed"])
            def test_each(name, request):
                assert request.getfixturevalue(name).get_running()

            def test_environment(simple):
                place, = (e for e in simple.dup_environment() if e.startswith("MK_PLACE="))
                assert os.path.isdir(place.partition("=")[2])

            def test_own(renamed):
                assert (type(renamed).__name__, renamed.get_start_timeout()) == ("Own", 4321)

            def test_two(two):
                pass
            """,
            conftest=conftest,
            outcomes={"passed": 11, "error": 1},
        )
        self.assertIn("one condition for readiness, not several", output)

    def test_port_and_dir(self):
        conftest = f"""
from gi.repository import Mk
from pytest_mirakuru_glib import mk_service
base = ["{SERVICE}", "--lifetime", "60"]
both = mk_service([*base, "--print", "{{port}} {{dir}}"])
neither = mk_service(base)
port = mk_service([*base, "--listen", "127.0.0.1:{{port}}"], tcp="127.0.0.1:{{port}}")
folder = mk_service(base, cwd="{{dir}}")
called = mk_service(lambda port, dir: Mk.SimpleExecutor(command=[*base, "--listen", f"127.0.0.1:{{port}}"], cwd=dir))
class Own(Mk.SimpleExecutor):
    port = property(lambda self: 7)
own = mk_service(lambda port, dir: Own(command=base))
given = mk_service(lambda port, dir: Mk.SimpleExecutor(command=base), port=7)
"""
        self.run_pytest(
            """
            def test_both(both):
                assert next(both.lines()) == f"{both.port} {both.dir}"
                assert both.port > 0 and both.dir.is_dir()

            def test_one(port, folder, neither):
                assert (port.port, port.dir) == (port.get_port(), None)
                assert (folder.port, str(folder.dir)) == (None, folder.get_cwd())
                assert (neither.port, neither.dir) == (None, None)

            def test_function(called, own, given):
                assert called.get_command()[-1] == f"127.0.0.1:{called.port}"
                assert called.get_cwd() == str(called.dir)
                assert own.port == 7 == given.port
            """,
            conftest=conftest,
            outcomes={"passed": 3},
        )

    def test_ports_of_the_command_line(self):
        import pytest_mirakuru_glib as plugin

        for value, host, port in (
            (6379, "localhost", 6379),
            ("6379", "localhost", 6379),
            (":6379", "localhost", 6379),
            ("127.0.0.1:1", "127.0.0.1", 1),
            ("[::1]:1", "::1", 1),
        ):
            with self.subTest(value):
                self.assertEqual(plugin._host_and_port(value), {"host": host, "port": port})
        for value in ("redis", "host:", None, 6379.0):
            with self.subTest(value), self.assertRaisesRegex(ValueError, "HOST:PORT"):
                plugin._host_and_port(value)

    def test_wrong_services(self):
        conftest = """
from pytest_mirakuru_glib import mk_service
def make_nothing(port, dir):
    pass
nothing = mk_service(make_nothing)
"""
        output = self.run_pytest("def test_it(nothing): pass", conftest=conftest, outcomes={"error": 1})
        self.assertIn("TypeError: make_nothing() must return an executor, not None", output)

    @unittest.skipUnless(importlib.util.find_spec("xdist"), "pytest-xdist is not installed")
    def test_parallel_workers(self):
        redis_executor()
        self.run_pytest(
            """
            @pytest.mark.parametrize("n", range(12))
            def test_each(redis, chatty, n, worker_id):
                with open(f"ports-{worker_id}", "a") as file:
                    file.write(f"{redis.get_port()}\\n")
                assert redis.get_running() and chatty.get_running()
            """,
            "-n",
            "2",
            outcomes={"passed": 12},
        )
        ports = [set(path.read_text().split()) for path in self.folder.glob("ports-gw*")]
        self.assertTrue(ports)
        self.assertTrue(all(len(own) == 1 for own in ports))
        self.assertEqual(len(set.union(*ports)), len(ports))

    def test_items_without_fixtures(self):
        """A doctest, and an item of another plugin, that fail while a service of the session runs."""
        conftest = f"""
import pytest
from pytest_mirakuru_glib import mk_service
session = mk_service("{SERVICE} --lifetime 60", scope="session")

class Line(pytest.Item):
    def runtest(self):
        assert self.name == "good"

class Lines(pytest.File):
    def collect(self):
        return [Line.from_parent(self, name=name) for name in self.path.read_text().split()]

def pytest_collect_file(file_path, parent):
    return Lines.from_parent(parent, path=file_path) if file_path.suffix == ".lines" else None
"""
        (self.folder / "test.lines").write_text("good bad")
        (self.folder / "test_other.py").write_text('def f():\n    """\n    >>> 1\n    2\n    """\n')
        output = self.run_pytest(
            """
            def test_it(session):
                pass
            """,
            "--doctest-modules",
            "test_it.py",
            "test_other.py",
            "test.lines",
            conftest=conftest,
            outcomes={"passed": 2, "failed": 2},
        )
        self.assertNotIn("INTERNALERROR", output)

    def test_harmless_without_the_library(self):
        """It is loaded into every run of pytest."""
        self.run_pytest("def test_it(): import sys; assert 'gi' not in sys.modules", conftest="", outcomes={"passed": 1})


if __name__ == "__main__":
    unittest.main()
