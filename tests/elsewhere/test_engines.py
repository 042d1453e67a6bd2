# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a launcher promises, with each engine.

Classes are named for the engine and for what is tested: SshServices, BwrapPidEnds. MK_TEST_KILLS is how many random
kills there are of each kind, MK_TEST_SEED repeats those of a run.
"""

import contextlib
import hashlib
import os
import random
import shlex
import signal
import socket
import subprocess
import time

from gi.repository import Gio

from elsewheretest import (
    GONE,
    LEASE,
    LIMIT,
    LOCALHOST,
    PATIENCE,
    GLib,
    Host,
    Mk,
    TestCase,
    can_connect,
    free_port,
    iterate_until,
    kill,
    lease,
    main,
    ping,
    read_output,
    scan,
    wait_until,
)

import engines

KILLS = int(os.environ.get("MK_TEST_KILLS", "5"))


class Services:
    """A start, a stop, and how a service ends."""

    def check_redis(self, start, stop):
        executor, near, far = self.make_redis()
        self.assertFalse(can_connect(near))
        start(executor)
        self.assertEqual(ping(near), b"+PONG\r\n")
        self.assert_tree_stands(far)
        begun = time.monotonic()
        stop(executor)
        seconds = time.monotonic() - begun
        self.assert_tree_gone(far)
        self.assertFalse(can_connect(near))
        self.assertIn(f"out-{self.tree_id}\n", read_output(executor))
        self.assertIn("bye bye", read_output(executor))
        self.assertEqual(read_output(executor, Mk.Stream.STDERR), f"err-{self.tree_id}\n")
        self.assertEqual(executor.props.exit_status, 0)
        self.assertLess(seconds, 0.6 + GONE)

    def test_ready_and_stop(self):
        self.check_redis(lambda e: e.start(None), lambda e: e.stop(None))

    def test_ready_and_stop_async(self):
        def do(executor, name):
            results = []
            getattr(executor, f"{name}_async")(None, lambda _, result: results.append(result))
            iterate_until(lambda: results, name)
            getattr(executor, f"{name}_finish")(results[0])

        self.check_redis(lambda e: do(e, "start"), lambda e: do(e, "stop"))

    def test_started_again(self):
        executor, near, far = self.make_redis()
        for _ in range(2):
            executor.start(None)
            self.assertEqual(ping(near), b"+PONG\r\n")
            executor.stop(None)
            self.assert_tree_gone(far)

    def test_port_of_the_same_number(self):
        """Where both ends share the network, the service itself has the port."""
        port = free_port()
        executor = self.make(
            Mk.TcpExecutor, self.get_tree_command(port), LOCALHOST, port, forwards=[str(port)]
        )
        executor.start(None)
        self.assertEqual(ping(port), b"+PONG\r\n")
        executor.stop(None)
        self.assert_tree_gone(port)

    def test_template(self):
        """The command, with a server that says itself when it is ready, and has a folder of its own there."""
        tool = os.environ.get("MK_TOOL")
        if not tool:
            self.skipTest("MK_TOOL does not name the command")
        launcher = shlex.join(self.engine.launcher)
        words = [tool, "run", "--template", "redis", "--launcher", launcher, "--"]
        ask = "redis-cli -p {redis.port} ping && echo {redis.port} {redis.dir}"
        options = {"stdin": subprocess.DEVNULL, "capture_output": True, "text": True}
        done = subprocess.run([*words, "sh", "-c", ask], check=False, timeout=LIMIT, **options)
        self.assertEqual(done.returncode, 0, done.stderr)
        answer, where = done.stdout.splitlines()
        port, folder = where.split()
        self.assertEqual(answer, "PONG")
        self.assertEqual([p for p in scan().values() if f"redis-server {LOCALHOST}:{port}" in p.command], [])
        self.assertFalse(os.path.exists(folder))

    def test_start_is_cancelled(self):
        """At any moment."""
        for moment in range(0, 60, 6):
            executor, near, far = self.make_redis()
            cancellable = Gio.Cancellable()
            results = []
            executor.start_async(cancellable, lambda _, result, results=results: results.append(result))
            deadline = time.monotonic() + moment / 100
            iterate_until(lambda: time.monotonic() > deadline, "the moment")
            cancellable.cancel()
            iterate_until(lambda: results, "the start ends")
            try:
                executor.start_finish(results[0])
            except GLib.Error as error:
                self.assertTrue(error.matches(Gio.io_error_quark(), Gio.IOErrorEnum.CANCELLED), repr(error))
                self.assert_tree_gone(far)
                self.assertFalse(can_connect(near))
            executor.stop(None)
            self.assert_tree_gone(far)

    def test_killed(self):
        executor, _, far = self.make_redis()
        executor.start(None)
        executor.kill(None)
        self.assert_tree_gone(far)

    def test_ends_as_at_home(self):
        """The same statuses."""
        for script in ("exit 0", "exit 7", "kill -KILL $$", "kill -SEGV $$"):
            with self.subTest(script):
                home = self.run_to_end(["sh", "-c", script], launcher=[])
                there = self.run_to_end(["sh", "-c", script])
                self.assertEqual(there.props.exit_status, home.props.exit_status)

    def test_ends_while_it_is_waited_for(self):
        executor = self.make(Mk.TcpExecutor, ["sh", "-c", "echo no, thanks; exit 7"], LOCALHOST, free_port())
        message = self.fail_to_start(executor, Mk.Error.EXITED)
        self.assertIn("status 7", message)
        self.assertIn("no, thanks", message)

    def test_no_such_command(self):
        message = self.fail_to_start(self.make(Mk.SimpleExecutor, ["mk-no-such-command"]), Mk.Error.SPAWN_FAILED)
        self.assertIn("mk-no-such-command", message)

    def test_ignores_sigterm(self):
        executor = self.make(Mk.OutputExecutor, self.get_tree_command(0, "ignore"), f"out-{self.tree_id}")
        executor.start(None)
        executor.set_stop_timeout(1000)
        begun = time.monotonic()
        executor.stop(None)
        self.assert_tree_gone()
        self.assertGreaterEqual(time.monotonic() - begun, 1)
        self.assertLess(time.monotonic() - begun, 2 + GONE)

    def test_signal_reaches_the_service(self):
        command = ["sh", "-c", "trap 'echo caught; exit 3' USR1; echo up; while :; do sleep 0.1; done"]
        executor = self.make(Mk.OutputExecutor, command, "up")
        executor.start(None)
        executor.send_signal(signal.SIGUSR1)
        executor.wait(None)
        self.assertEqual(executor.props.exit_status, 3)
        self.assertIn("caught", read_output(executor))

    def test_port_is_taken(self):
        """Nothing is launched then."""
        executor, near, _ = self.make_redis()
        witness = os.path.join(self.run_.folder, f"launched-{self.tree_id}")
        executor.set_launcher(["sh", "-c", f'echo > {witness}; exec "$@"', "sh", *self.engine.launcher])
        with Listener(near):
            message = self.fail_to_start(executor, Mk.Error.ALREADY_RUNNING)
        self.assertIn(str(near), message)
        self.assertFalse(os.path.exists(witness))
        executor.start(None)
        self.assertTrue(os.path.exists(witness))
        executor.stop(None)

    def test_nobody_is_let_in_early(self):
        """Neither the probe nor any other client, before the far port accepts connections."""
        near, far = free_port(), free_port()
        executor = self.make(
            Mk.TcpExecutor,
            ["sh", "-c", f"read line && exec sh {self.engine.tree} {self.tree_id} {far}"],
            LOCALHOST,
            near,
            forwards=[f"{near}:{far}"],
        )
        executor.set_stdin_mode(Mk.StdioMode.PIPE)
        results = []
        executor.start_async(None, lambda _, result: results.append(result))
        deadline = time.monotonic() + 1
        iterate_until(lambda: results or can_connect(near) or time.monotonic() > deadline, "a second")
        self.assertEqual(results, [])
        self.assertFalse(can_connect(near))
        stdin = executor.dup_stdin()
        stdin.write_all(b"go\n", None)
        iterate_until(lambda: results, "the start")
        executor.start_finish(results[0])
        self.assertEqual(ping(near), b"+PONG\r\n")
        executor.stop(None)

    def test_other_probes_through_a_forward(self):
        near, far = free_port(), free_port()
        command = self.get_tree_command(far)
        executor = self.make(Mk.Executor, command, None, forwards=[f"{near}:{far}"])
        executor.set_probe(Mk.CommandProbe.new(["redis-cli", "-p", str(near), "ping"]))
        executor.start(None)
        executor.stop(None)
        self.assert_tree_gone(far)

    def test_http_through_a_forward(self):
        engines.find_program("busybox")
        near, far = free_port(), free_port()
        command = ["busybox", "httpd", "-f", "-p", f"{LOCALHOST}:{far}", "-h", "/"]
        executor = self.make(
            Mk.HttpExecutor, command, f"http://{LOCALHOST}:{near}/etc/passwd", forwards=[f"{near}:{far}"]
        )
        executor.start(None)
        executor.stop(None)


class Forwards:
    """What passes through them."""

    def test_addresses(self):
        """A name and a number that stand for the far end itself."""
        for host in ("localhost", LOCALHOST):
            with self.subTest(host):
                near, far = free_port(), free_port()
                executor = self.make(
                    Mk.TcpExecutor,
                    self.get_tree_command(far),
                    LOCALHOST,
                    near,
                    forwards=[f"{near}:{host}:{far}"],
                )
                executor.start(None)
                self.assertEqual(ping(near), b"+PONG\r\n")
                executor.stop(None)
                self.assert_tree_gone(far)

    def test_sockets(self):
        near, far = os.path.join(self.run_.folder, f"{self.tree_id}.near"), f"/tmp/mk-{self.tree_id}.far"
        command = ["redis-server", "--port", "0", "--unixsocket", far, "--save", ""]
        executor = self.make(Mk.UnixSocketExecutor, command, near, forwards=[f"{near}:{far}"])
        executor.start(None)
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(near)
            client.sendall(b"PING\r\n")
            self.assertEqual(client.recv(64), b"+PONG\r\n")
        executor.stop(None)
        self.assertFalse(os.path.exists(near))

    def test_socket_to_port(self):
        near, far = os.path.join(self.run_.folder, f"{self.tree_id}.near"), free_port()
        executor = self.make(
            Mk.UnixSocketExecutor, self.get_tree_command(far), near, forwards=[f"{near}:{far}"]
        )
        executor.start(None)
        executor.kill(None)
        self.assert_tree_gone(far)
        self.assertFalse(os.path.exists(near))

    def test_several(self):
        """Each leads to its own port."""
        ports = [(free_port(), free_port()) for _ in range(4)]
        script = "".join(f"redis-server --port {far} --save '' --bind {LOCALHOST} > /dev/null & " for _, far in ports)
        forwards = [f"{near}:{far}" for near, far in ports]
        executor = self.make(Mk.Executor, ["sh", "-c", f"{script} wait"], None, forwards=forwards)
        executor.set_probe(Mk.AllProbe.new([Mk.TcpProbe.new(LOCALHOST, near) for near, _ in ports]))
        executor.start(None)
        for near, far in ports:
            with socket.create_connection((LOCALHOST, near), LIMIT) as client:
                client.sendall(b"CONFIG GET port\r\n")
                wanted = f"*2\r\n$4\r\nport\r\n$5\r\n{far}\r\n".encode()
                self.assertEqual(receive(client, len(wanted)), wanted)
        executor.stop(None)

    def test_many_connections(self):
        """At the same time, with different data on each; then one with much of it."""
        executor, near, _ = self.make_redis()
        executor.start(None)
        clients = [socket.create_connection((LOCALHOST, near), LIMIT) for _ in range(60)]
        values = [os.urandom(100_000) for _ in clients]
        for i, (client, value) in enumerate(zip(clients, values)):
            client.sendall(f"*3\r\n$3\r\nSET\r\n$2\r\n{i:02}\r\n$100000\r\n".encode() + value + b"\r\n")
        for i, client in enumerate(clients):
            self.assertEqual(receive(client, 5), b"+OK\r\n")
            client.sendall(f"GET {i:02}\r\n".encode())
        for client, value in zip(clients, values):
            self.assertEqual(receive(client, 100_011), b"$100000\r\n" + value + b"\r\n")
            client.close()
        with socket.create_connection((LOCALHOST, near), LIMIT) as client:
            value = os.urandom(20_000_000)
            client.sendall(b"*3\r\n$3\r\nSET\r\n$1\r\nx\r\n$20000000\r\n" + value + b"\r\n")
            self.assertEqual(receive(client, 5), b"+OK\r\n")
            client.sendall(b"GET x\r\n")
            self.assertEqual(receive(client, 20_000_013), b"$20000000\r\n" + value + b"\r\n")
        executor.stop(None)

    def test_more_connections_than_there_is_room_for(self):
        """Those wait, and the service can be stopped."""
        executor, near, far = self.make_redis()
        executor.start(None)
        clients = []
        for _ in range(1100):
            client = socket.socket()
            client.setblocking(False)
            client.connect_ex((LOCALHOST, near))
            clients.append(client)
        self.addCleanup(lambda: [client.close() for client in clients])
        executor.stop(None)
        self.assert_tree_gone(far)

    def test_one_side_ends_first(self):
        """A client that has said all still gets the answer."""
        engines.find_program("busybox")
        near, far = free_port(), free_port()
        command = ["busybox", "httpd", "-f", "-p", f"{LOCALHOST}:{far}", "-h", "/"]
        executor = self.make(Mk.TcpExecutor, command, LOCALHOST, near, forwards=[f"{near}:{far}"])
        executor.start(None)
        with socket.create_connection((LOCALHOST, near), LIMIT) as client:
            client.sendall(b"GET /etc/passwd HTTP/1.0\r\n\r\n")
            client.shutdown(socket.SHUT_WR)
            answer = receive(client, 1 << 20)
        self.assertIn(b" 200 OK", answer)
        self.assertIn(b"root:", answer)
        executor.stop(None)

    def test_connection_ends_with_the_service(self):
        executor, near, far = self.make_redis()
        executor.start(None)
        with socket.create_connection((LOCALHOST, near), LIMIT) as client:
            client.sendall(b"PING\r\n")
            self.assertEqual(receive(client, 7), b"+PONG\r\n")
            executor.stop(None)
            client.settimeout(LIMIT)
            with contextlib.suppress(ConnectionResetError):
                self.assertEqual(client.recv(64), b"")
        self.assert_tree_gone(far)


class Streams:
    """Input and output."""

    def test_input(self):
        """A megabyte, and its end."""
        data = os.urandom(1 << 20)
        path = self.run_.write(f"input-{self.tree_id}", "")
        with open(path, "wb") as file:
            file.write(data)
        executor = self.run_to_end(["sha256sum"], stdin_path=path, stdin_mode=Mk.StdioMode.FILE)
        self.assertEqual(read_output(executor).split()[0], hashlib.sha256(data).hexdigest())

    def test_input_from_the_program(self):
        data = os.urandom(1 << 20)
        executor = self.make(Mk.SimpleExecutor, ["sha256sum"])
        executor.set_stdin_mode(Mk.StdioMode.PIPE)
        executor.start(None)
        stream = executor.dup_stdin()
        stream.write_all(data, None)
        stream.close(None)
        executor.wait(None)
        self.assertEqual(read_output(executor).split()[0], hashlib.sha256(data).hexdigest())

    def test_no_input(self):
        executor = self.run_to_end(["cat"])
        self.assertEqual(executor.props.exit_status, 0)

    def test_separate_streams(self):
        executor = self.run_to_end(["sh", "-c", "echo out; echo err >&2"])
        self.assertEqual(read_output(executor), "out\n")
        self.assertEqual(read_output(executor, Mk.Stream.STDERR), "err\n")

    def test_merged_streams_keep_their_order(self):
        script = "i=0; while [ $i -lt 500 ]; do echo o$i; echo e$i >&2; i=$((i+1)); done"
        executor = self.run_to_end(["sh", "-c", script], stderr_mode=Mk.StdioMode.MERGE)
        wanted = "".join(f"o{i}\ne{i}\n" for i in range(500))
        self.assertEqual(read_output(executor), wanted)

    def test_last_output(self):
        """All of it has come when the end is told."""
        executor = self.make(Mk.SimpleExecutor, ["sh", "-c", "head -c 3000000 /dev/zero; echo; echo last; exit 4"])
        executor.set_output_limit(4000000)
        executor.start(None)
        executor.wait(None)
        self.assertEqual(executor.dup_output(Mk.Stream.STDOUT).get_size(), 3000006)
        self.assertEqual(executor.props.exit_status, 4)

    def test_output_that_nobody_reads(self):
        """A full pipe holds up no stop."""
        command = ["sh", "-c", f"sh {self.engine.tree} {self.tree_id} 0 & exec yes"]
        host = self.make_host(command=command, inherit=True, stdout=subprocess.PIPE)
        host.start()
        self.assert_tree_stands()
        host.do("stop")
        self.assert_tree_gone(limit=GONE)
        self.assertIsNone(host.expect("stop")["error"])

    def test_lossless_output(self):
        """The service waits for whoever is told its lines."""
        executor = self.make(Mk.SimpleExecutor, ["seq", "500000"])
        executor.set_lossless(True)
        lines = []
        executor.connect("line", lambda _, stream, line: lines.append(line))
        executor.start(None)
        iterate_until(lambda: len(lines) >= 500000, "all lines")
        self.assertEqual(lines, [str(i + 1) for i in range(500000)])
        executor.wait(None)

    def test_lossless_output_that_nobody_reads(self):
        executor = self.make(Mk.SimpleExecutor, ["sh", "-c", f"sh {self.engine.tree} {self.tree_id} 0 & exec yes"])
        executor.set_lossless(True)
        executor.start(None)
        self.assert_tree_stands()
        begun = time.monotonic()
        executor.stop(None)
        self.assert_tree_gone()
        self.assertLess(time.monotonic() - begun, 2 + GONE)

    def test_arguments(self):
        """Of all kinds: no shell on the way takes them for its own."""
        words = ["", " ", "a b", "'", '"', "\\", "$HOME", "`id`", "*", "\n", "ä€", "-x", "--", "!", "x" * 100_000]
        executor = self.make(Mk.SimpleExecutor, ["sh", "-c", 'printf "<%s>" "$@"', "sh", *words])
        executor.set_environment([f"MK_WORD={words[5]}$PATH'\"\n"])
        executor.start(None)
        executor.wait(None)
        self.assertEqual(read_output(executor), "".join(f"<{w}>" for w in words))

    def test_nothing_is_told_on_the_way(self):
        """Neither the command nor the environment of the service, and the client is not marked as a part of it."""
        host = self.make_host(environment=["MK_SECRET=hidden"])
        host.start()
        processes = scan()
        near, client, _, _ = host.find_parts(processes)
        for pid in (near, client):
            self.assertNotIn("tree.sh", processes[pid].command)
            if not self.engine.client_is_far or pid == near:
                self.assertNotIn("mirakuru_uuid=", processes[pid].environment)
                self.assertNotIn("MK_SECRET", processes[pid].environment)

    def test_environment_and_folder(self):
        executor = self.make(Mk.SimpleExecutor, ["sh", "-c", 'echo "$PWD $MK_ONE ${PATH:+path} ${MK_TWO-unset}"'])
        executor.set_environment(["MK_ONE=a b", "MK_TWO"])
        executor.set_cwd("/usr/bin")
        executor.start(None)
        executor.wait(None)
        self.assertEqual(read_output(executor), "/usr/bin a b path unset\n")


class Ends:
    """Whatever is killed, nothing is left."""

    def test_host(self):
        host = self.start_host()
        kill(host.process.pid)
        self.assert_tree_gone(host.far_port, GONE)

    def test_host_of_one_that_ignores_sigterm(self):
        host = self.make_host(command=self.get_tree_command(0, "ignore"))
        host.start()
        self.assert_tree_stands()
        kill(host.process.pid)
        self.assert_tree_gone(limit=1 + GONE)

    def test_near(self):
        host = self.start_host()
        kill(host.find_parts()[0])
        self.assert_tree_gone(host.far_port, GONE)
        host.do("wait")
        self.assertIsNotNone(host.expect("wait")["error"])

    def test_client(self):
        """Some pass on their pipes; the service then goes on."""
        if self.engine.client_is_far:
            self.skipTest("the client is the far end")
        host = self.start_host()
        kill(host.find_parts()[1])
        if self.engine.outlives_client:
            self.assertEqual(ping(host.near_port), b"+PONG\r\n")
            host.do("stop")
            self.assertIsNone(host.expect("stop")["error"])
            self.assert_tree_gone(host.far_port)
            return
        self.assert_tree_gone(host.far_port, GONE)
        host.do("wait")
        error = host.expect("wait")["error"]
        if error or not self.engine.ends_gently:
            self.assertEqual(error["code"], Mk.Error.LAUNCHER)
            self.assertIn("lost", error["message"])

    def test_all_of_this_side(self):
        host = self.start_host()
        near, client, _, _ = host.find_parts()
        kill(host.process.pid, near, client)
        self.assert_tree_gone(host.far_port, GONE)

    def test_far(self):
        with lease(LEASE):
            host = self.start_host()
            kill(host.find_parts()[2])
            self.assert_tree_gone(host.far_port, GONE)
            host.do("wait")
            error = host.expect("wait")["error"]
            self.assertEqual(error["code"], Mk.Error.LAUNCHER)
            self.assertIn("lost", error["message"])

    def test_supervisor(self):
        host = self.start_host()
        kill(host.find_parts()[3])
        self.assert_tree_gone(host.far_port, GONE)
        host.do("wait")
        self.assertIsNotNone(host.expect("wait")["error"])

    def test_far_and_supervisor(self):
        """What has emptied its environment may be left then, where nothing else ends it."""
        with lease(LEASE):
            host = self.make_host()
            host.start()
            self.assert_tree_stands()
            _, _, far, supervisor = host.find_parts()
            kill(far, supervisor)

            def is_marked(process):
                return "mirakuru_uuid=" in process.environment

            limit = LEASE + 5 * PATIENCE
            wait_until(lambda: not any(map(is_marked, self.find_tree())), limit)
            left = self.find_tree()
            self.assertEqual([str(p) for p in left if is_marked(p)], [])
            if self.engine.ends_all:
                self.assert_tree_gone(limit=GONE)
            host.do("wait")
            self.assertEqual(host.expect("wait")["error"]["code"], Mk.Error.LAUNCHER)
            for process in self.find_tree():
                kill(process.pid)
            wait_until(lambda: not self.find_tree(), LIMIT)

    def test_service_is_killed(self):
        host = self.start_host()
        redis = next(p for p in self.find_tree(host.far_port) if p.name == "redis-server")
        kill(redis.pid)
        host.do("stop")
        what = host.expect("stop")
        self.assertEqual(what["status"], -signal.SIGKILL)
        self.assertNotEqual((what["error"] or {}).get("code"), Mk.Error.LAUNCHER)
        self.assert_tree_gone(host.far_port)


class Kills:
    """Starts and services that are interrupted at any moment."""

    def setUp(self):
        super().setUp()
        seed = int(os.environ.get("MK_TEST_SEED", random.randrange(1 << 32)))
        self.random = random.Random(seed)
        print(f"MK_TEST_SEED={seed}", flush=True)

    def measure(self):
        """How long a start takes."""
        begun = time.monotonic()
        executor, _, _ = self.make_redis()
        executor.start(None)
        seconds = time.monotonic() - begun
        executor.stop(None)
        return seconds

    def check_clean(self, delay, limit):
        left = self.engine.wait_until_clean(limit)
        self.assertEqual(left, [], f"after {delay:.4f} s")

    def interrupt(self, function, may_leave_file=False):
        """Calls a function with a host at random moments of its start."""
        span = 1.3 * self.measure()
        for _ in range(KILLS):
            near, far = free_port(), free_port()
            command = ["sh", self.engine.tree, self.run_.get_id(), str(far)]
            host = Host(
                {"command": command, "launcher": self.engine.launcher, "port": near, "forwards": [f"{near}:{far}"]}
            )
            try:
                host.expect("begins")
                delay = self.random.uniform(0, span)
                time.sleep(delay)
                function(host)
            finally:
                host.close()
            if may_leave_file:
                wait_until(lambda: all(line.startswith("file: ") for line in self.engine.list_left()), 10 * PATIENCE)
                self.engine.remove_files()
            self.check_clean(delay, 10 * PATIENCE)

    def test_sigkill(self):
        self.interrupt(lambda host: kill(host.process.pid))

    def test_sigkill_of_near(self):
        """The host goes on, and tells of it."""

        def function(host):
            near, _, _, _ = host.find_parts()
            kill(near or host.process.pid)
            if near and not host.expect("started")["error"]:
                host.do("wait")
                self.assertIsNotNone(host.expect("wait")["error"])

        self.interrupt(function, self.engine.dies_at_once)

    def test_sigterm(self):
        """The command stops the service before it ends."""
        tool = os.environ.get("MK_TOOL")
        if not tool:
            self.skipTest("MK_TOOL does not name the command")
        span = 1.3 * self.measure()
        for _ in range(KILLS):
            near, far = free_port(), free_port()
            words = ["--launcher", shlex.join(self.engine.launcher), "--forward", f"{near}:{far}"]
            service = f"sh {self.engine.tree} {self.run_.get_id()} {far}"
            words = [tool, "run", *words, "--service", service, "--tcp", str(near), "--", "sleep", "1000"]
            process = subprocess.Popen(
                words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            delay = self.random.uniform(0, span)
            time.sleep(delay)
            process.terminate()
            try:
                process.wait(LIMIT)
            finally:
                engines.end(process)
            self.check_clean(delay, 2 * PATIENCE)


def receive(client, size):
    client.settimeout(LIMIT)
    got = b""
    while len(got) < size and (chunk := client.recv(1 << 20)):
        got += chunk
    return got


class Listener:
    """Somebody else at a port."""

    def __init__(self, port):
        self.service = Gio.SocketListener.new()
        self.service.add_inet_port(port, None)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.service.close()


for engine_class_ in engines.ALL:
    for tests_ in (Services, Forwards, Streams, Ends, Kills):
        name_ = engine_class_.__name__ + tests_.__name__
        globals()[name_] = type(
            name_,
            (tests_, TestCase),
            {"engine_class": engine_class_, "__doc__": tests_.__doc__, "__module__": __name__},
        )

if __name__ == "__main__":
    main()
