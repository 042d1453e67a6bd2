# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests of the `mirakuru` command share."""

import atexit
import glob
import os
import random
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest
import uuid

TOOL = os.environ["MK_TOOL"]
SERVICE = os.environ["MK_TEST_SERVICE"]
LIMIT = 20  # seconds; no wait of a test lasts longer
GONE_LIMIT = 4  # seconds; nothing of a service is left then
LOCALHOST = "127.0.0.1"
LINUX_FEATURES = os.environ["MK_TEST_LINUX_FEATURES"] == "1"


def needs_linux_features(what):
    """Skips a test, or a class of them, where the library was built without the option linux_features."""
    return unittest.skipUnless(LINUX_FEATURES, f"not without linux_features: {what}")


def free_port():
    """A port that no other test is given, whether something listens there or not.

    It is below those that the kernel gives to whoever asks for any port, and an abstract
    socket of its name reserves it until the test program ends.
    """
    while True:
        port = random.randrange(20000, 32768)
        reservation = socket.socket(socket.AF_UNIX)
        try:
            reservation.bind(f"\0mk-test-port-{port}")
            socket.create_server((LOCALHOST, port)).close()
        except OSError:
            reservation.close()
            continue
        atexit.register(reservation.close)
        return port


def can_connect(port):
    with socket.socket() as client:
        return client.connect_ex((LOCALHOST, port)) == 0


def poll(condition, what, limit=LIMIT):
    """Asks until the answer is true, and returns it."""
    deadline = time.monotonic() + limit
    while not (answer := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {limit} s: {what() if callable(what) else what}")
        time.sleep(0.005)
    return answer


def insist(action, is_over):
    """Does it again and again, as somebody at a keyboard would: a signal that comes before the last
    one was looked at is lost."""
    deadline = time.monotonic() + LIMIT
    while not is_over():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {LIMIT} s, however often it was asked for")
        action()
        time.sleep(0.1)


def service(*options):
    """The command line of a test service that serves until it is stopped."""
    return shlex.join([SERVICE, "--lifetime", "60", *map(str, options)])


def listener(port, *options):
    return service("--listen", f"{LOCALHOST}:{port}", *options)


def tcp(port):
    return "--tcp", f"{LOCALHOST}:{port}"


def redis(port):
    if not shutil.which("redis-server") or not shutil.which("redis-cli"):
        raise unittest.SkipTest("redis is not installed")
    return f"redis-server --port {port}"


class Tool:
    """A running `mirakuru`, or a program that runs it, with what it prints in files, so that it can be watched."""

    def __init__(self, folder, env, args, program=TOOL, **options):
        name = os.path.join(folder, uuid.uuid4().hex)
        self.stdout_path, self.stderr_path = name + ".out", name + ".err"
        with open(self.stdout_path, "wb") as stdout, open(self.stderr_path, "wb") as stderr:
            options = {"stdin": subprocess.DEVNULL, "stdout": stdout, "stderr": stderr, **options}
            self.process = subprocess.Popen([program, *args], cwd=folder, env=env, **options)

    @staticmethod
    def _read(path):
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()

    @property
    def stdout(self):
        return self._read(self.stdout_path)

    @property
    def stderr(self):
        return self._read(self.stderr_path)

    def send(self, signal_number):
        self.process.send_signal(signal_number)

    def has_ended(self):
        return self.process.poll() is not None

    def expect(self, text, limit=LIMIT):
        """Waits until the text is on standard error or output."""
        poll(lambda: text in self.stderr or text in self.stdout,
             lambda: f"{text!r} in {self.stdout!r} {self.stderr!r}", limit)

    def wait(self, limit=LIMIT):
        """Waits for the end, and returns the exit status."""
        try:
            return self.process.wait(limit)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running after {limit} s: {self.stderr!r}") from None


class TestCase(unittest.TestCase):
    """Has a folder of its own, and makes sure that no test leaves anything behind."""

    def setUp(self):
        self.token = "mk-cli-" + uuid.uuid4().hex
        self.folder = tempfile.mkdtemp(prefix=self.token)
        self.env = {**os.environ, "MK_CLI_TOKEN": self.token}
        self.env.pop("NO_COLOR", None)
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.addCleanup(self.kill_rest)

    def tearDown(self):
        self.assert_nothing_left()

    def path(self, name):
        return os.path.join(self.folder, name)

    def read(self, name):
        with open(self.path(name), encoding="utf-8") as file:
            return file.read()

    def exists(self, name):
        return os.path.exists(self.path(name))

    def start(self, *args, **options):
        return Tool(self.folder, self.env, args, **options)

    def run_tool(self, *args, **options):
        """Runs `mirakuru` to its end; returns status, standard output and error."""
        tool = self.start(*args, **options)
        status = tool.wait()
        return status, tool.stdout, tool.stderr

    def processes(self):
        """What carries the token: in the environment, the arguments or the working directory.

        redis-server, for one, writes over its arguments and its environment.
        """
        found = {}
        for folder in glob.glob("/proc/[0-9]*"):
            pid = int(folder[len("/proc/"):])
            try:
                with open(folder + "/cmdline", "rb") as file:
                    cmdline = file.read()
                with open(folder + "/environ", "rb") as file:
                    environ = file.read()
                cwd = os.readlink(folder + "/cwd")
            except OSError:
                continue
            if self.token.encode() in cmdline + environ or self.token in cwd:
                found[pid] = cmdline.replace(b"\0", b" ").decode(errors="replace")
        return found

    def service_pid(self, port):
        """The pid of the test service that was told to listen on the port."""
        address = f"{LOCALHOST}:{port}"
        found = poll(lambda: [pid for pid, cmdline in self.processes().items()
                              if cmdline.startswith(SERVICE) and address in cmdline],
                     f"a service with {address}")
        return found[0]

    def assert_nothing_left(self):
        poll(lambda: not self.processes(), lambda: f"nothing is left of {self.processes()}", GONE_LIMIT)

    def kill_rest(self):
        for pid in self.processes():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
