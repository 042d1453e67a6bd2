# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""`mirakuru run`: services are started, waited for, and stopped again."""

import json
import os
import re
import signal
import shlex
import socket
import subprocess
import time
import unittest
import xml.etree.ElementTree as ElementTree

from clitest import (
    LOCALHOST,
    SERVICE,
    TOOL,
    TestCase,
    can_connect,
    free_port,
    listener,
    needs_linux_features,
    redis,
    service,
    tcp,
)


class Redis(TestCase):
    def test_ping(self):
        port = free_port()
        status, stdout, stderr = self.run_tool(
            "run", "--service", redis(port), *tcp(port), "--", "redis-cli", "-p", str(port), "ping")
        self.assertEqual((status, stdout), (0, "PONG\n"), stderr)
        self.assertRegex(stderr, r"mirakuru: redis-server: ready after \d+\.\d\d s \(pid \d+\)\n")
        self.assertFalse(can_connect(port))

    def test_two_side_by_side(self):
        first, second = free_port(), free_port()
        script = f"redis-cli -p {first} ping; redis-cli -p {second} ping"
        status, stdout, stderr = self.run_tool(
            "run", "--service", redis(first), *tcp(first), "--service", redis(second), *tcp(second),
            "--", "sh", "-c", script)
        self.assertEqual((status, stdout), (0, "PONG\nPONG\n"), stderr)
        self.assertIn("mirakuru: redis-server: ready after", stderr)
        self.assertIn("mirakuru: redis-server-2: ready after", stderr)

    @needs_linux_features("it is known who listens")
    def test_second_redis_on_the_same_port(self):
        port = free_port()
        first = self.start("run", "--service", redis(port), *tcp(port))
        first.expect("ready after")
        status, _, stderr = self.run_tool("run", "--service", redis(port), *tcp(port), "--", "true")
        self.assertEqual(status, 125)
        pid = re.search(r"\(pid (\d+)\)", first.stderr).group(1)
        self.assertIn(f"redis-server (pid {pid})", stderr)
        self.assertTrue(can_connect(port))
        first.process.terminate()
        self.assertEqual(first.wait(), -signal.SIGTERM)


    @needs_linux_features("it is known who listens")
    def test_two_at_once_on_the_same_port(self):
        """None of them uses what the other has started."""
        port = free_port()
        both = [self.start("run", "--service", redis(port), *tcp(port), "--", "redis-cli", "-p", str(port), "ping")
                for _ in range(2)]
        self.assertIn(0, [one.wait() for one in both])
        for one in both:
            self.assertEqual(one.process.returncode == 0, "PONG" in one.stdout, one.stderr)

    def test_within_another(self):
        port = free_port()
        inner = (TOOL, "run", "--service", redis(port), *tcp(port))
        status, stdout, stderr = self.run_tool(
            "run", "--service", shlex.join(inner), *tcp(port), "--", "redis-cli", "-p", str(port), "ping")
        self.assertEqual((status, stdout), (0, "PONG\n"), stderr)


class Start(TestCase):
    def stamps(self, name):
        return {line.split()[0]: int(line.split()[1]) for line in self.read(name).splitlines()}

    def test_services_start_side_by_side(self):
        first, second = free_port(), free_port()
        args = []
        for port, stamp in ((first, "first"), (second, "second")):
            args += ["--service", listener(port, "--after", 500, "--on-term", 0, "--stamp", self.path(stamp)), *tcp(port)]
        status, _, stderr = self.run_tool("run", *args, "--", "true")
        self.assertEqual(status, 0, stderr)
        self.assertLess(self.stamps("first")["start"], self.stamps("second")["listen"])
        self.assertLess(self.stamps("second")["start"], self.stamps("first")["listen"])

    def test_all_ports_of_a_service_are_waited_for(self):
        first, second = free_port(), free_port()
        script = f"{listener(first)} & exec {listener(second, '--after', 400, '--on-term', 0, '--stamp', self.path('stamp'))}"
        status, stdout, stderr = self.run_tool(
            "run", "--service", shlex.join(["sh", "-c", script]), *tcp(first), *tcp(second), "--", "cat", "/proc/uptime")
        self.assertEqual(status, 0, stderr)
        self.assertGreater(float(stdout.split()[0]) + 0.01, self.stamps("stamp")["listen"] / 1e6)

    def test_without_readiness(self):
        status, stdout, stderr = self.run_tool("run", "--service", service(), "--", "echo", "here")
        self.assertEqual((status, stdout), (0, "here\n"), stderr)
        self.assertRegex(stderr, r"mirakuru: mk-test-service: ready after \d+\.\d\d s \(pid \d+\)\n")

    def test_names(self):
        status, _, stderr = self.run_tool(
            "run", "--service", service(), "--name", "web", "--service", service(), "--name", "web",
            "--service", service(), "--service", service(), "--", "true")
        self.assertEqual(status, 0, stderr)
        for name in ("web", "web-2", "mk-test-service", "mk-test-service-2"):
            self.assertIn(f"mirakuru: {name}: ready after", stderr)

    def test_environment_and_folder(self):
        os.mkdir(self.path("inner"))
        status, _, stderr = self.run_tool(
            "run", "--verbose",
            "--service", service("--print-env", "COLOUR", "--print-env", "EMPTY", "--print-cwd", "--ready", "up"),
            "--name", "one", "--cwd", "inner", "--env", "COLOUR=a=b", "--env", "EMPTY=",
            "--service", service("--print-env", "COLOUR", "--print-cwd", "--ready", "up"), "--name", "two",
            "--", "sh", "-c", "echo $COLOUR; pwd; sleep 0.3")
        self.assertEqual(status, 0, stderr)
        self.assertIn("one | COLOUR=a=b\n", stderr)
        self.assertIn("one | EMPTY=\n", stderr)
        self.assertIn(f"one | {self.path('inner')}\n", stderr)
        self.assertIn("two | COLOUR is not set\n", stderr)
        self.assertIn(f"two | {self.folder}\n", stderr)

    @needs_linux_features("processes that leave their group are found")
    def test_service_does_not_hold_the_output(self):
        """Whoever reads it would wait for the service, not for mirakuru."""
        done = subprocess.run([os.environ["MK_TOOL"], "run", "--service", service("--orphan"), "--", "echo", "hi"],
                              cwd=self.folder, env=self.env, stdin=subprocess.DEVNULL, capture_output=True,
                              timeout=10, check=True)
        self.assertEqual(done.stdout, b"hi\n")


class Failure(TestCase):
    def assert_failed(self, expected_status, *args):
        """COMMAND must not have been run."""
        status, stdout, stderr = self.run_tool("run", *args, "--", "echo", "COMMAND ran")
        self.assertEqual((status, stdout), (expected_status, ""), stderr)
        return stderr

    def test_timeout(self):
        port = free_port()
        begun = time.monotonic()
        stderr = self.assert_failed(124, "--timeout", "0.3", "--service", service("--print", "last words"), *tcp(port))
        self.assertGreater(time.monotonic() - begun, 0.3)
        self.assertIn(f"127.0.0.1:{port} to accept connections", stderr)
        self.assertIn("last words", stderr)
        self.assertIn("--timeout", stderr)

    def test_timeout_of_a_further_port(self):
        port = free_port()
        stderr = self.assert_failed(124, "--timeout", "0.3", "--service", listener(port), *tcp(port), *tcp(free_port()))
        self.assertNotIn("ready after", stderr)

    def test_timeout_of_a_deaf_service(self):
        self.assert_failed(124, "--timeout", "0.2", "--service", service("--deaf", "--children", 2), *tcp(free_port()))

    def test_program_not_found(self):
        stderr = self.assert_failed(125, "--service", "mk-no-such-program --flag")
        self.assertIn("mk-no-such-program", stderr)

    def test_program_not_executable(self):
        with open(self.path("plain"), "w", encoding="utf-8") as file:
            file.write("nothing")
        self.assert_failed(125, "--service", self.path("plain"), *tcp(free_port()))
        self.assert_failed(125, "--service", self.folder)

    def test_folder_does_not_exist(self):
        stderr = self.assert_failed(125, "--service", service(), "--cwd", "nowhere")
        self.assertIn("nowhere", stderr)

    def test_unbalanced_quotes(self):
        stderr = self.assert_failed(125, "--service", "redis-server 'x")
        self.assertIn("redis-server 'x", stderr)

    def test_empty_command(self):
        self.assert_failed(125, "--service", "")

    def test_service_exits(self):
        stderr = self.assert_failed(125, "--service", service("--stderr", "no licence", "--exit", 3), *tcp(free_port()))
        self.assertIn("status 3", stderr)
        self.assertIn("no licence", stderr)

    def test_service_exits_before_anybody_looks(self):
        """The news of its birth and of its death come together, now and then."""
        for _ in range(50):
            self.assert_failed(125, "--service", service("--exit", 3), *tcp(free_port()))

    @needs_linux_features("it is known who listens")
    def test_port_is_held(self):
        with socket.create_server((LOCALHOST, 0)) as server:
            port = server.getsockname()[1]
            stderr = self.assert_failed(125, "--service", listener(port), *tcp(port))
            self.assertIn(f"pid {os.getpid()}", stderr)

    def test_further_port_is_held(self):
        with socket.create_server((LOCALHOST, 0)) as server:
            port, held = free_port(), server.getsockname()[1]
            stderr = self.assert_failed(125, "--service", listener(port), *tcp(port), *tcp(held))
            self.assertIn(f"127.0.0.1:{held}", stderr)

    def test_first_failure_ends_the_others(self):
        port = free_port()
        stderr = self.assert_failed(
            125, "--service", listener(port, "--children", 1), *tcp(port),
            "--service", service("--after", 200, "--exit", 1), "--name", "bad", *tcp(free_port()),
            "--service", service(), "--name", "slow", *tcp(free_port()))
        self.assertIn("bad: ", stderr)
        self.assertIn("slow: given up after", stderr)
        self.assertIn("mk-test-service: stopped after", stderr)

    def test_service_without_readiness_fails_while_another_starts(self):
        stderr = self.assert_failed(125, "--service", service("--after", 100, "--exit", 4), "--name", "short",
                                    "--service", service(), *tcp(free_port()))
        self.assertIn("short: exited with status 4", stderr)


class Command(TestCase):
    def run_command(self, *command, **options):
        return self.run_tool("run", "--service", service(), "--", *command, **options)

    def test_status_is_passed_on(self):
        for status in (0, 1, 7, 124, 255):
            self.assertEqual(self.run_command("sh", "-c", f"exit {status}")[0], status)

    def test_status_of_a_signal(self):
        self.assertEqual(self.run_command("sh", "-c", "kill -KILL $$")[0], 128 + 9)
        self.assertEqual(self.run_command("sh", "-c", "kill -TERM $$")[0], 128 + 15)

    def test_not_found(self):
        status, _, stderr = self.run_command("mk-no-such-command")
        self.assertEqual(status, 127)
        self.assertIn("mk-no-such-command", stderr)
        self.assertIn("stopped after", stderr)

    def test_not_executable(self):
        with open(self.path("plain"), "w", encoding="utf-8") as file:
            file.write("nothing")
        for command in ("./plain", self.folder):
            status, _, stderr = self.run_command(command)
            self.assertEqual(status, 126)
            self.assertIn(command, stderr)

    def test_options_of_the_command_are_its_own(self):
        status, stdout, stderr = self.run_command("echo", "--version", "--", "-x")
        self.assertEqual((status, stdout), (0, "--version -- -x\n"), stderr)

    def test_standard_input(self):
        read, write = os.pipe()
        os.write(write, b"from the pipe\n")
        os.close(write)
        status, stdout, stderr = self.run_command("cat", stdin=read)
        os.close(read)
        self.assertEqual((status, stdout), (0, "from the pipe\n"), stderr)

    def test_open_files(self):
        read, write = os.pipe()
        status, _, stderr = self.run_command("sh", "-c", f"echo through >&{write}", pass_fds=[write])
        os.close(write)
        self.assertEqual(status, 0, stderr)
        self.assertEqual(os.read(read, 100), b"through\n")
        os.close(read)

    def test_no_other_open_files(self):
        """Above all not the control socket of a supervisor."""
        status, stdout, stderr = self.run_command("ls", "/proc/self/fd")
        self.assertEqual(status, 0, stderr)
        self.assertEqual(stdout.split(), ["0", "1", "2", "3"])  # 3 is the folder that ls reads

    def test_service_runs_as_long_as_the_command(self):
        port = free_port()
        status, _, stderr = self.run_tool("run", "--service", listener(port), *tcp(port), "--",
                                          SERVICE, "--exit-after", "300", "--exit", "5")
        self.assertEqual(status, 5, stderr)
        self.assertFalse(can_connect(port))


class End(TestCase):
    def test_service_ends_while_the_command_runs(self):
        """It is said at once, and the command goes on."""
        port = free_port()
        tool = self.start("run", "--service", listener(port), *tcp(port), "--", "sh", "-c", "read line; exit 6",
                          stdin=subprocess.PIPE)
        tool.expect("ready after")
        os.kill(self.service_pid(port), 9)
        tool.expect("was ended by signal 9")
        self.assertIsNone(tool.process.poll())
        tool.process.stdin.close()
        self.assertEqual(tool.wait(), 6)

    def test_service_that_failed_is_told_from_success(self):
        tool = self.start("run", "--service", service("--exit-after", 100, "--exit", 3, "--print", "why"),
                          "--", "cat", stdin=subprocess.PIPE)
        tool.expect("exited with status 3")
        tool.process.stdin.close()
        self.assertEqual(tool.wait(), 125)
        self.assertIn("why", tool.stderr)

    def test_service_may_not_end_well_either(self):
        """Whether it ends before the others are ready or later: it is said at once, and is an error."""
        tool = self.start("run", "--service", service("--exit-after", 100, "--exit", 0),
                          "--", "cat", stdin=subprocess.PIPE)
        tool.expect("exited with status 0")
        tool.process.stdin.close()
        self.assertEqual(tool.wait(), 125)

        ending = ["--service", service("--exit-after", 200, "--exit", 0), "--name", "short"]
        for after in (1, 3000):
            port = free_port()
            slow = ["--service", listener(port, "--after", after), *tcp(port)]
            for services in (ending + slow, slow + ending):
                status, _, stderr = self.run_tool("run", *services, "--", "sleep", "0.5")
                self.assertEqual(status, 125, stderr)
                self.assertIn("short: exited with status 0", stderr)

    def test_completes(self):
        port = free_port()
        done = ["--service", service("--exit-after", 100, "--exit", 0), "--name", "done", "--completes"]
        slow = ["--service", listener(port, "--after", 200), *tcp(port)]
        for services in (done + slow, slow + done):
            status, stdout, stderr = self.run_tool("run", *services, "--", "echo", "both")
            self.assertEqual((status, stdout), (0, "both\n"), stderr)
            self.assertIn("done: done after", stderr)
            self.assertNotIn("exited", stderr)

        # Without a command and with nothing that runs there is nothing to wait for
        status, _, stderr = self.run_tool("run", *done)
        self.assertEqual(status, 0, stderr)

    def test_completes_badly(self):
        step = ["--service", service("--exit-after", 100, "--exit", 3, "--print", "why"), "--completes"]
        status, stdout, stderr = self.run_tool("run", *step, "--", "echo", "no")
        self.assertEqual((status, stdout), (125, ""), stderr)
        self.assertRegex(stderr, "(?s)exited with status 3 .*why")
        status, stdout, stderr = self.run_tool("run", *step, "--expected-status", "3", "--", "echo", "yes")
        self.assertEqual((status, stdout), (0, "yes\n"), stderr)
        status, _, stderr = self.run_tool("run", "--service", service(), "--completes", "--timeout", "0.2")
        self.assertEqual(status, 124, stderr)
        status, _, stderr = self.run_tool("run", *step, *tcp(free_port()))
        self.assertEqual(status, 125)
        self.assertIn("--completes: the service cannot have another condition", stderr)

    def test_stop_when_dead(self):
        begun = time.monotonic()
        ending = ["--service", service("--exit-after", 100, "--exit", 0), "--stop-when-dead"]
        status, _, stderr = self.run_tool("run", *ending, "--", "sleep", "60")
        self.assertEqual(status, 125, stderr)
        self.assertIn("ending the command, because a service has ended", stderr)

        # One that does not end is killed
        status, _, stderr = self.run_tool("run", *ending, "--stop-timeout", "0.2", "--",
                                          "env", "--ignore-signal=TERM", "sleep", "60")
        self.assertEqual(status, 125, stderr)
        self.assertLess(time.monotonic() - begun, 30)
        status, _, stderr = self.run_tool("run", *ending)
        self.assertEqual(status, 125)
        self.assertIn("--stop-when-dead needs a COMMAND", stderr)

    def test_service_ends_without_a_command(self):
        port = free_port()
        tool = self.start("run", "--service", listener(port), *tcp(port),
                          "--service", service("--exit-after", 100, "--exit", 0), "--name", "short")
        self.assertEqual(tool.wait(), 125, tool.stderr)
        self.assertIn("short: exited with status 0", tool.stderr)
        self.assertFalse(can_connect(port))

    def test_bad_status_when_stopped(self):
        bad = service("--on-term", 3, "--ready", "up")
        status, _, stderr = self.run_tool("run", "--service", bad, "--name", "bad", "--verbose",
                                          "--", "sh", "-c", "sleep 0.3")
        self.assertEqual(status, 125, stderr)
        self.assertIn("status 3", stderr)
        status, _, stderr = self.run_tool("run", "--service", bad, "--", "sh", "-c", "sleep 0.3; exit 5")
        self.assertEqual(status, 5, stderr)

    def test_last_lines_when_the_command_fails(self):
        noisy = service("--print", "\n".join(f"line {number}" for number in range(30)), "--stderr", "why it failed", "--ready", "up")
        arguments = ["run", "--service", noisy, "--name", "noisy", "--output", "up", "--"]
        status, _, stderr = self.run_tool(*arguments, "sh", "-c", "exit 3")
        self.assertEqual(status, 3)
        for words in ("noisy | line 29\n", "noisy | up\n", "noisy | why it failed\n"):
            self.assertIn(words, stderr)
        self.assertNotIn("line 10\n", stderr)
        self.assertNotIn("noisy |", self.run_tool(*arguments, "true")[2])

    def test_isolate(self):
        names = ["HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR"]
        print_all = [part for name in [*names, "DBUS_SESSION_BUS_ADDRESS", "MINE"] for part in ("--print-env", name)]
        script = "for name in " + " ".join(names) + "; do eval path=\\$$name; test -d $path && echo $path; done; touch $HOME/new; " \
                 "echo $GSETTINGS_BACKEND $DBUS_SESSION_BUS_ADDRESS; stat -c %a $XDG_RUNTIME_DIR"
        status, stdout, stderr = self.run_tool(
            "run", "--isolate", "--verbose", "--service", service(*print_all, "--ready", "up"), "--name", "it",
            "--env", "MINE=x", "--output", "up", "--", "sh", "-c", script)
        self.assertEqual(status, 0, stderr)
        *paths, rest, mode = stdout.splitlines()
        self.assertEqual((len(paths), rest, mode), (6, "memory disabled:", "700"))
        self.assertTrue(all(path.startswith(paths[0]) for path in paths))
        self.assertNotEqual(paths[0], os.environ.get("HOME"))
        self.assertFalse(os.path.exists(paths[0]))
        for name, path in zip(names, paths):
            self.assertIn(f"it | {name}={path}\n", stderr)
        self.assertIn("it | MINE=x\n", stderr)

    def test_log_directory(self):
        logs = self.path("logs/inner")
        one = service("--print", "\n".join(f"line {number}" for number in range(30)), "--stderr", "an error", "--ready", "up")
        status, _, stderr = self.run_tool("run", "--log-dir", logs, "--service", one, "--name", "a b", "--output", "up",
                                          "--service", service("--ready", "two"), "--name", "other", "--output", "two", "--", "true")
        self.assertEqual(status, 0, stderr)
        text = self.read("logs/inner/a-b.log")
        self.assertEqual(text.count("line "), 30)
        self.assertIn("an error\n", text)
        self.assertEqual(self.read("logs/inner/other.log"), "two\n")
        status, _, stderr = self.run_tool("run", "--log-dir", "/dev/null/x", "--service", one, "--", "true")
        self.assertEqual(status, 125)
        self.assertIn("--log-dir: cannot make the directory", stderr)

    @needs_linux_features("a refused connection is known at once")
    def test_report_and_timeline(self):
        good = ["--service", service("--ready", "up", "--print", "a <line> & more"), "--name", "good", "--output", "up"]
        bad = ["--service", service(), "--name", "<bad>", *tcp(free_port()), "--timeout", "0.2"]
        for services, command, expected in ((good, ["sleep", "0.1"], 0), (good + bad, ["true"], 124)):
            status, _, stderr = self.run_tool("run", "--report", self.path("r.json"), "--timeline", self.path("t.svg"), *services,
                                              "--", *command)
            self.assertEqual(status, expected, stderr)
            report = json.loads(self.read("r.json"))
            self.assertEqual(report["status"], expected)
            self.assertEqual(report["services"][0]["name"], "good")
            self.assertEqual(report["services"][0]["stdout"], "a <line> & more\nup")
            if expected == 0:
                one = report["services"][0]
                self.assertLess(one["spawned"], one["ready"])
                self.assertLess(one["ready"], one["stopping"])
                self.assertLessEqual(one["stopping"], one["gone"])
                self.assertEqual(report["command"]["command"], "sleep 0.1")
                self.assertGreater(report["command"]["ended"] - report["command"]["started"], 0.09)
            else:
                probe = report["services"][1]["probes"][0]
                self.assertGreater(probe["attempts"], 1)
                self.assertIn("refused", probe["last-failure"])
            picture = ElementTree.parse(self.path("t.svg")).getroot()
            texts = [element.text for element in picture.iter("{http://www.w3.org/2000/svg}text")]
            self.assertIn("good", texts)
            self.assertIn("prefers-color-scheme: dark", self.read("t.svg"))

    def test_where_the_reports_are(self):
        for option in ("--report", "--timeline"):
            command = ["--service", service(), "--", "touch", self.path(option)]
            path = self.path(f"artifacts{option}/inner/file")
            status, _, stderr = self.run_tool("run", option, path, *command)
            self.assertEqual(status, 0, stderr)
            self.assertTrue(os.path.exists(path))
            # What cannot work is said before anything runs; the rest at the end.
            os.remove(self.path(option))
            status, _, stderr = self.run_tool("run", option, "/dev/null/x", *command)
            self.assertEqual(status, 125)
            self.assertIn(f"{option}: cannot make the directory '/dev/null'", stderr)
            self.assertFalse(os.path.exists(self.path(option)))
            status, _, stderr = self.run_tool("run", option, os.path.dirname(path), *command)
            self.assertEqual(status, 125)
            self.assertIn(os.path.dirname(path), stderr)
            self.assertTrue(os.path.exists(self.path(option)))

    def test_times_of_one_service(self):
        quick = ["--service", service("--after", 600, "--ready", "up"), "--output", "up"]
        never = ["--service", service(), "--name", "never", *tcp(free_port()), "--timeout", "0.2"]
        for services in (quick + never, never + quick):
            status, _, stderr = self.run_tool("run", "--timeout", "30", *services, "--", "true")
            self.assertEqual(status, 124)
            self.assertIn("never: mk-test-service", stderr)
            self.assertIn("within 0.2 s", stderr)

    @needs_linux_features("processes that leave their group are found")
    def test_deaf_service_is_killed(self):
        port = free_port()
        begun = time.monotonic()
        status, _, stderr = self.run_tool("run", "--stop-timeout", "0.2", "--service",
                                          listener(port, "--deaf", "--setsid-children", "--children", 2), *tcp(port),
                                          "--", "true")
        self.assertEqual(status, 0, stderr)
        self.assertLess(time.monotonic() - begun, 8)  # the default of 10 s would be more
        self.assertIn("killed, because it had not ended 0.2 s after SIGTERM", stderr)

    def test_stop_mode(self):
        # A parent that passes the signal on, a little later, as two that come at once are one
        for mode, expected in (("leader", 1), ("tree", 2)):
            with self.subTest(mode):
                stamps = self.path(f"stamps-{mode}")
                server = service("--on-term", 0, "--term-delay", 2000, "--ready", "up", "--stamp", stamps)
                script = f"trap \"sleep 0.2; kill -TERM \\$child\" TERM; {server} & child=$!; wait $child; wait $child"
                status, _, stderr = self.run_tool("run", "--service", f"sh -c '{script}'", "--stop-mode", mode,
                                                  "--output", "up", "--", "true")
                self.assertEqual(status, 0, stderr)
                self.assertEqual(self.read(stamps).count("term "), expected)
        status, _, stderr = self.run_tool("run", "--service", "sleep 9", "--stop-mode", "leaves", "--", "true")
        self.assertEqual(status, 125)
        self.assertIn("--stop-mode: “leaves” is neither leader nor tree", stderr)

    def test_stop_signal_and_expected_status(self):
        script = "trap \"exit 7\" INT; echo up; while :; do sleep 0.1; done"
        for signal, options, expected in (("INT", [], 125), ("SIGINT", ["--expected-status", "7"], 0),
                                          ("2", ["--expected-status", "7"], 0), ("sigint", [], 125)):
            with self.subTest(signal):
                status, _, stderr = self.run_tool("run", "--service", f"sh -c '{script}'", "--output", "up",
                                                  "--stop-signal", signal, *options, "--", "true")
                self.assertEqual(status, expected, stderr)
        for option, value in (("--stop-signal", "NOPE"), ("--stop-signal", "0"), ("--expected-status", "256"),
                              ("--expected-status", "-1"), ("--expected-status", "ok")):
            status, _, stderr = self.run_tool("run", "--service", "sleep 9", option, value, "--", "true")
            self.assertEqual(status, 125)
            self.assertIn(f"{option}: “{value}” is not a", stderr.replace("an exit", "a"))

    def test_status_of_the_stop_signal(self):
        script = "trap \"exit 143\" TERM; echo up; while :; do sleep 0.1; done"
        status, _, stderr = self.run_tool("run", "-q", "--service", f"sh -c '{script}'", "--output", "up",
                                          "--", "true")
        self.assertEqual((status, stderr), (0, ""))

    @needs_linux_features("processes that leave their group are found")
    def test_whole_tree_is_stopped(self):
        for options in (["--children", 3], ["--orphan"], ["--daemon"], ["--daemon", "--scrub-env"]):
            with self.subTest(options):
                port = free_port()
                tag = ["--tag", self.token]
                status, _, stderr = self.run_tool("run", "--service", listener(port, *tag, *options), *tcp(port),
                                                  "--", "true")
                self.assertEqual(status, 0, stderr)
                self.assert_nothing_left()


class Output(TestCase):
    def test_quiet(self):
        port = free_port()
        status, stdout, stderr = self.run_tool(
            "run", "--quiet", "--service", listener(port, "--print", "noise"), *tcp(port), "--", "echo", "hi")
        self.assertEqual((status, stdout, stderr), (0, "hi\n", ""))

    def test_quiet_tells_errors(self):
        status, _, stderr = self.run_tool("run", "--quiet", "--service", "mk-no-such-program", "--", "true")
        self.assertEqual(status, 125)
        self.assertEqual(stderr.count("\n"), 1, stderr)
        self.assertTrue(stderr.startswith("mirakuru: "), stderr)

    def test_verbose(self):
        port = free_port()
        status, stdout, stderr = self.run_tool(
            "run", "--verbose", "--service", listener(port, "--print", "to out", "--stderr", "to err"), *tcp(port),
            "--name", "a b", "--", "true")
        self.assertEqual((status, stdout), (0, ""), stderr)
        self.assertIn("a b | to out\n", stderr)
        self.assertIn("a b | to err\n", stderr)

    def test_verbose_shows_the_last_words(self):
        port = free_port()
        _, _, stderr = self.run_tool("run", "--verbose", "--service", redis(port), *tcp(port), "--", "true")
        self.assertRegex(stderr, r"redis-server \| .*bye bye")

    def test_output_is_not_shown_otherwise(self):
        port = free_port()
        status, _, stderr = self.run_tool("run", "--service", listener(port, "--print", "noise"), *tcp(port),
                                          "--", "true")
        self.assertEqual(status, 0)
        self.assertNotIn("noise", stderr)

    def test_plain_lines_elsewhere(self):
        _, _, stderr = self.run_tool("run", "--service", service(), "--", "true")
        self.assertNotIn("\033", stderr)
        self.assertNotIn("\r", stderr)
        self.assertRegex(stderr, r"\Amirakuru: mk-test-service: ready after .*\n"
                                 r"mirakuru: mk-test-service: stopped after \d+\.\d\d s\n\Z")


if __name__ == "__main__":
    unittest.main()
