# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Ways that are odd, broken, or lost: a launcher works there, or the message says what is wrong."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time

from elsewheretest import (
    GONE,
    LEASE,
    LIMIT,
    LOCALHOST,
    PATIENCE,
    GLib,
    Mk,
    TestCase,
    free_port,
    is_below,
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

SUPERVISOR = os.environ["MIRAKURU_GLIB_SUPERVISOR"]
SHELLS = ("dash", "bash", "fish", "zsh", "ash")
#: What shells say before they do anything
NOISE = "Welcome to far! " * 4000


class Ways(TestCase):
    def check_works(self, launcher, tree=None):
        """Start, ready through a forward, graceful stop, nothing left."""
        executor, near, far = self.make_redis(launcher=launcher)
        if tree:
            executor.set_command([*tree, self.tree_id, str(far)])
        executor.start(None)
        self.assertEqual(ping(near), b"+PONG\r\n")
        self.assert_tree_stands(far)
        executor.stop(None)
        self.assert_tree_gone(far)
        self.assertIn("bye bye", read_output(executor))

    def check_fails(self, launcher, *words, command=("true",)):
        """The message has all these words."""
        executor = self.make(Mk.SimpleExecutor, list(command), launcher=launcher)
        begun = time.monotonic()
        message = self.fail_to_start(executor)
        self.assertLess(time.monotonic() - begun, LIMIT)
        for word in words:
            self.assertIn(word, message)
        return message

    def get_complaint(self, launcher):
        """The last thing that the client itself says when it cannot run a shell."""
        done = subprocess.run(
            [*launcher, "sh"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=LIMIT
        )
        self.assertNotEqual(done.returncode, 0)
        return done.stderr.strip().splitlines()[-1].strip()

    def wait_for_loss(self, host):
        """Returns the message about a lost connection."""
        host.do("wait")
        what = host.expect("wait")
        self.assertEqual(what["error"]["domain"], "mk-error-quark")
        self.assertEqual(what["error"]["code"], Mk.Error.LAUNCHER)
        self.assertIn("lost", what["error"]["message"])
        return what["error"]["message"]


class SshWays(Ways):
    engine_class = engines.Ssh

    def test_login_shells(self):
        """And what they say before."""
        self.run_.write("home/.bashrc", f"echo '{NOISE}'\n")
        self.run_.write("home/.zshenv", f"echo '{NOISE}'\n")
        self.run_.write("home/.config/fish/config.fish", f"echo '{NOISE}'\n")
        os.symlink(engines.find_program("busybox"), os.path.join(self.run_.folder, "ash"))
        self.addCleanup(self.engine.user.set_shell, "/bin/sh")
        for shell in SHELLS:
            path = shutil.which(shell) or os.path.join(self.run_.folder, shell)
            if not os.path.exists(path):
                print(f"{shell} is not installed", flush=True)
                continue
            with self.subTest(shell):
                self.tree_id = self.run_.get_id()
                self.engine.user.set_shell(path)
                self.check_works(self.engine.launcher)

    def test_banner_of_the_server(self):
        words = [*self.engine.launcher]
        words[-1:-1] = ["-o", "LogLevel=INFO"]
        self.check_works(words)

    def test_other_options(self):
        """Compression, and packets that come in many pieces."""
        words = [*self.engine.launcher]
        words[-1:-1] = ["-C", "-o", "RekeyLimit=64K"]
        self.check_works(words)

    def test_terminal(self):
        self.check_fails([*self.engine.launcher[:-1], "-tt", "far"], "-t")

    def test_no_such_host(self):
        self.check_fails(["ssh", "-F", f"{self.run_.folder}/ssh/config", "nowhere.invalid"], "nowhere.invalid")

    def test_no_such_user(self):
        launcher = [*self.engine.launcher[:-1], "-l", "mk-nobody", "far"]
        self.check_fails(launcher, "mk-nobody", self.get_complaint(launcher))

    def test_no_such_key(self):
        config = self.run_.write("ssh/none", f"Host far\n  HostName {LOCALHOST}\n  Port {self.engine.port}\n")
        launcher = ["ssh", "-F", config, "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no"]
        launcher += ["-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR", "-l", self.engine.user.name]
        launcher += ["-o", "IdentityFile=/dev/null", "-o", "IdentitiesOnly=yes", "far"]
        self.check_fails(launcher, self.get_complaint(launcher))

    def test_unknown_host_key(self):
        launcher = [*self.engine.launcher[:-1], "-o", "UserKnownHostsFile=/dev/null", "far"]
        self.check_fails(launcher, self.get_complaint(launcher))

    def test_nobody_listens(self):
        launcher = [*self.engine.launcher[:-1], "-p", str(free_port()), "far"]
        self.check_fails(launcher, self.get_complaint(launcher))

    def test_command_of_the_configuration(self):
        launcher = [*self.engine.launcher[:-1], "-o", "RemoteCommand=true", "far"]
        self.check_fails(launcher, self.get_complaint(launcher))

    def test_session_is_killed(self):
        host = self.start_host()
        sessions = self.engine.find_sessions()
        self.assertTrue(sessions)
        kill(*(p.pid for p in sessions))
        self.assert_tree_gone(host.far_port, GONE)
        self.assertIn("far", self.wait_for_loss(host))

    def test_client_is_stopped(self):
        """The connection is there, but nothing comes."""
        with lease(LEASE):
            host = self.start_host()
            _, client, _, _ = host.find_parts()
            kill(client, number=signal.SIGSTOP)
            seconds = self.assert_tree_gone(host.far_port, LEASE + GONE)
            self.assertGreater(seconds, LEASE / 2)
            message = self.wait_for_loss(host)
            self.assertRegex(message, r"\b3(\.0)? s")
            self.assertIn("left", message)

    def test_control_master(self):
        """The user's connection, and another session on it, go on."""
        launcher = self.engine.get_launcher("shared")
        session = subprocess.Popen(
            [*launcher, "echo up; exec cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.addCleanup(session.wait, LIMIT)
        self.addCleanup(session.stdout.close)
        self.addCleanup(session.stdin.close)
        self.addCleanup(
            lambda: subprocess.run([*launcher[:-1], "-O", "exit", "shared"], capture_output=True, check=False)
        )
        self.assertEqual(session.stdout.readline(), "up\n")

        def check():
            done = subprocess.run(
                [*launcher[:-1], "-O", "check", "shared"], capture_output=True, text=True, check=False, timeout=LIMIT
            )
            self.assertIsNone(session.poll())
            return int(re.search(r"pid=(\d+)", done.stderr + done.stdout).group(1))

        master = check()
        executor, near, far = self.make_redis(launcher=launcher)
        executor.start(None)
        self.assertEqual(ping(near), b"+PONG\r\n")
        executor.stop(None)
        self.assert_tree_gone(far)
        self.assertEqual(check(), master)

        executor.start(None)
        executor.kill(None)
        self.assert_tree_gone(far)
        self.assertEqual(check(), master)

        for part in ("host", "near", "client", "far"):
            self.tree_id = self.run_.get_id()
            host = self.make_host(launcher=launcher)
            host.start()
            self.assert_tree_stands()
            near, client, far, _ = host.find_parts()
            kill({"host": host.process.pid, "near": near, "client": client, "far": far}[part])
            self.assert_tree_gone(limit=GONE)
            self.assertEqual(check(), master)

    def test_master_made_by_the_service(self):
        """A connection that stays is the user's: it outlives the service that was the first to use it."""
        launcher = self.engine.get_launcher("shared")
        leave = [*launcher[:-1], "-O", "exit", "shared"]
        self.addCleanup(lambda: subprocess.run(leave, capture_output=True, check=False, timeout=LIMIT))
        self.check_works(launcher)
        done = subprocess.run(
            [*launcher[:-1], "-O", "check", "shared"], capture_output=True, check=False, timeout=LIMIT
        )
        self.assertEqual(done.returncode, 0)

    def test_ten_at_once(self):
        check_ten(self)


class SshNetwork(Ways):
    """The client and the server are in a network of their own, which can be cut."""

    @classmethod
    def make_engine(cls):
        name = cls.run_.name
        if not engines.may_make_namespaces():
            raise engines.Missing("CAP_SYS_ADMIN is missing, so there are no namespaces")
        engines.find_program("iptables")
        engines.run(["ip", "netns", "add", name])
        cls.addClassCleanup(lambda: engines.run(["ip", "netns", "del", name]))
        engines.run(["ip", "-n", name, "link", "set", "lo", "up"])
        return engines.Ssh(cls.run_, ["nsenter", f"--net=/run/netns/{name}"])

    def setUp(self):
        super().setUp()
        # The server learns of the end of a connection when the kernel tries again, which may take long.
        self.addCleanup(lambda: [kill(p.pid) for p in self.engine.find_sessions()])

    def drop(self, action):
        """Adds or removes the filter."""
        for chain in ("INPUT", "OUTPUT"):
            engines.run([*self.engine.prefix, engines.find_program("iptables"), action, chain, "-j", "DROP"])

    def test_works(self):
        self.check_works(self.engine.launcher)

    def test_cut(self):
        """No end tells itself from a cut; the lease does, at both."""
        with lease(LEASE):
            host = self.start_host()
            begun = time.monotonic()
            self.drop("-A")
            self.addCleanup(self.drop, "-D")
            seconds = self.assert_tree_gone(host.far_port, LEASE + GONE)
            self.assertGreater(seconds, LEASE / 2)
            message = self.wait_for_loss(host)
            self.assertLess(time.monotonic() - begun, LEASE + 12 * PATIENCE)
            self.assertIn("ssh", message)
            self.assertRegex(message, r"\b3(\.0)? s")
            self.assertIn("left", message)

    def test_cut_and_mended(self):
        """What is left is looked for once it can be."""
        with lease(LEASE):
            host = self.start_host()
            near, _, _, _ = host.find_parts()
            self.drop("-A")
            self.assert_tree_gone(host.far_port, LEASE + GONE)
            self.drop("-D")
            self.assertIn("left", self.wait_for_loss(host))
            self.assertTrue(near)

    def test_short_cut(self):
        """One that is over before the lease is changes nothing."""
        with lease(LEASE):
            host = self.start_host()
            self.drop("-A")
            begun = time.monotonic()
            wait_until(lambda: time.monotonic() > begun + LEASE / 3)
            self.drop("-D")
            self.assertEqual(ping(host.near_port), b"+PONG\r\n")
            host.do("stop")
            self.assertIsNone(host.expect("stop")["error"])
            self.assert_tree_gone(host.far_port)

    def test_stop_while_it_is_cut(self):
        """It says that nothing is known, and does not take for ever."""
        with lease(LEASE):
            host = self.start_host()
            self.drop("-A")
            self.addCleanup(self.drop, "-D")
            host.do("stop")
            self.assert_tree_gone(host.far_port, LEASE + GONE)
            error = host.expect("stop")["error"]
            self.assertEqual(error["code"], Mk.Error.LAUNCHER)


class BwrapWays(Ways):
    engine_class = engines.Bwrap

    def test_other_user(self):
        # The folder must be one that this user may write to.
        runtime = self.run_.make_folder("nobody")
        os.chown(runtime, 65534, 65534)
        words = ["env", f"XDG_RUNTIME_DIR={runtime}", "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        self.check_works(words)

    def test_user_namespace(self):
        runtime = self.run_.make_folder("run")
        words = ["env", f"XDG_RUNTIME_DIR={runtime}", "bwrap", "--unshare-user", "--uid", "65534", "--gid", "65534"]
        self.check_works([*words, "--dev-bind", "/", "/"])

    def get_mounts(self, *mounts):
        """A launcher to a place with these file systems."""
        script = "".join(f"mount {m} && " for m in mounts) + 'exec "$@"'
        return ["env", "-u", "XDG_RUNTIME_DIR", "unshare", "-m", "sh", "-c", script, "sh"]

    def test_no_programs_in_tmp(self):
        """The next folder is taken then."""
        other = self.run_.make_folder("other")
        shutil.copy(self.run_.tree, other)
        words = self.get_mounts(f"--bind {other} /var/tmp", "-t tmpfs -o noexec none /tmp")
        self.check_works(words, ["sh", "/var/tmp/tree.sh"])
        self.assertEqual([f for f in os.listdir(other) if f.startswith(".mk-")], [])

    def test_no_programs_anywhere(self):
        words = ["env", "-u", "XDG_RUNTIME_DIR", "bwrap", "--ro-bind", "/", "/"]
        self.check_fails(words, "/var/tmp")
        # With the program there, nothing needs to be written.
        self.check_works([*words, "--dev", "/dev", "--proc", "/proc", SUPERVISOR])

    def test_full_folder(self):
        other = self.run_.make_folder("other")
        shutil.copy(self.run_.tree, other)
        words = self.get_mounts(f"--bind {other} /var/tmp", "-t tmpfs -o size=16k none /tmp")
        self.check_works(words, ["sh", "/var/tmp/tree.sh"])

    def test_no_shell(self):
        """The program is there, and is run instead."""
        busybox = engines.find_program("busybox")
        words = ["bwrap", "--ro-bind", SUPERVISOR, "/mk-supervisor", "--ro-bind", busybox, "/busybox"]
        words += ["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"]
        launcher = [*words, "/mk-supervisor"]
        executor = self.make(Mk.SimpleExecutor, ["/busybox", "sleep", f"{self.tree_id}0"], launcher=launcher)
        executor.start(None)
        wait_until(lambda: any(f"sleep {self.tree_id}0" in p.command for p in scan().values()))
        self.assertTrue(any(f"sleep {self.tree_id}0" in p.command for p in scan().values()))
        executor.stop(None)
        self.assertFalse(any(f"sleep {self.tree_id}0" in p.command for p in scan().values()))
        self.check_fails(words, self.get_complaint(words))

    def test_program_is_not_ours(self):
        folder = self.run_.make_folder("false")
        path = os.path.join(folder, "mk-supervisor")
        for program, said in (("echo", "far"), ("false", "status 1"), ("cat", "far")):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
            os.symlink(engines.find_program(program), path)
            with self.subTest(program):
                self.check_fails([path], said)

    def test_other_architecture(self):
        self.check_fails(["setarch", "i686"], "i686", "mk-supervisor-i686")

    def test_input_is_not_passed_on(self):
        self.check_fails(["sh", "-c", 'exec "$@" < /dev/null', "sh"], "-i")

    def test_no_such_program(self):
        self.check_fails(["mk-no-such-launcher", "far"], "mk-no-such-launcher", "PATH")
        self.check_fails(["/etc/passwd", "far"], "/etc/passwd")

    def test_says_nothing_and_fails(self):
        self.check_fails(["sh", "-c", "exit 9"], "status 9")
        for _ in range(10):
            self.check_fails(["sh", "-c", "kill -KILL $$"], "9")

    def test_says_why_it_fails(self):
        self.check_fails(["sh", "-c", "echo the moon is not reachable >&2; exit 1"], "the moon is not reachable")

    def test_says_it_with_control_sequences(self):
        message = self.check_fails(["sh", "-c", "printf '\\033[31mred\\033[0m\\007\\n' >&2; exit 1"], "red")
        self.assertNotRegex(message, "[\x00-\x09\x0b-\x1f]")

    def test_says_much(self):
        message = self.check_fails(["sh", "-c", "seq 100000 >&2; echo last >&2; exit 1"], "last")
        self.assertLess(len(message), 4000)

    def test_talks_for_ever(self):
        self.check_fails(["sh", "-c", "exec yes"])

    def test_says_nothing_for_ever(self):
        """The time of the start is up then, and a stop is obeyed."""
        command = ["true"]
        launcher = ["sh", "-c", f"exec sleep {self.tree_id}0"]
        executor = self.make(Mk.TcpExecutor, command, LOCALHOST, free_port(), launcher=launcher)
        executor.set_start_timeout(500)
        self.fail_to_start(executor, Mk.Error.TIMED_OUT)
        wait_until(lambda: not self.find_tree(), 8 * PATIENCE)
        self.assertEqual(self.find_tree(), [])

    def test_stopped_while_it_connects(self):
        launcher = ["sh", "-c", f"exec sleep {self.tree_id}0"]
        executor = self.make(Mk.TcpExecutor, ["true"], LOCALHOST, free_port(), launcher=launcher)
        results = []
        executor.start_async(None, lambda _, result: results.append(result))
        iterate_until(self.find_tree, "the launcher runs")
        begun = time.monotonic()
        executor.stop(None)
        self.assertLess(time.monotonic() - begun, 8 * PATIENCE)
        iterate_until(lambda: results, "the start ends")
        with self.assertRaises(GLib.Error):
            executor.start_finish(results[0])
        wait_until(lambda: not self.find_tree(), 8 * PATIENCE)
        self.assertEqual(self.find_tree(), [])

    def test_connection_takes_long(self):
        """Nothing is lost, and nobody is let in early."""
        self.check_works(["sh", "-c", 'sleep 1; exec "$@"', "sh", *self.engine.launcher])

    def test_slow_connection(self):
        """All comes in pieces of a few bytes."""
        script = """import os, subprocess, sys, threading
p = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
def copy(a, b):
    while data := os.read(a, 65536):
        for i in range(0, len(data), 997):
            os.write(b, data[i:i + 997])
    os.close(b)
threads = [threading.Thread(target=copy, args=a) for a in ((0, p.stdin.fileno()), (p.stdout.fileno(), 1))]
[t.start() for t in threads]
os._exit(p.wait() and 1)
"""
        self.check_works([sys.executable, "-c", script, *self.engine.launcher])

    def test_service_ends_at_once(self):
        for _ in range(20):
            executor = self.run_to_end(["sh", "-c", "echo said; exit 5"])
            self.assertEqual(executor.props.exit_status, 5)
            self.assertEqual(read_output(executor), "said\n")

    def test_ten_at_once(self):
        check_ten(self)


class PodmanWays(Ways):
    engine_class = engines.PodmanExec

    def test_nested(self):
        """From here over ssh into a container of that machine."""
        with engines.Ssh(self.run_) as ssh:
            self.check_works([*ssh.launcher[:-1], "-l", "root", "far", *self.engine.launcher])

    def test_read_only(self):
        self.check_works(self.engine.run_words("--read-only", "--network", "none"))

    def test_read_only_everywhere(self):
        words = self.engine.run_words("--read-only", "--read-only-tmpfs=false", "--network", "none")
        self.check_fails(words, "/var/tmp")
        volume = self.engine.run_words(
            "--read-only", "--read-only-tmpfs=false", "--network", "none", "-v", f"{SUPERVISOR}:/mk-supervisor:ro"
        )
        self.check_works([*volume, "/mk-supervisor"])

    def test_other_user(self):
        self.check_works(self.engine.run_words("--user", "65534:65534", "--network", "none"))
        self.tree_id = self.run_.get_id()
        self.check_works(self.engine.exec_words("--user", "65534:65534"))

    def test_image_without_a_shell(self):
        folder = self.run_.make_folder("bare")
        shutil.copy(engines.find_program("busybox"), os.path.join(folder, "busybox"))
        archive = os.path.join(self.run_.folder, "bare.tar")
        engines.run(["tar", "-C", folder, "-cf", archive, "."])
        engines.run([*self.engine.client, "import", archive, "bare:1"])
        words = [*self.engine.client, "run", "--rm", "-i", "--network", "none"]
        self.check_fails([*words, "bare:1"], "sh")
        launcher = [*words, "-v", f"{SUPERVISOR}:/mk-supervisor:ro", "bare:1", "/mk-supervisor"]
        executor = self.make(Mk.SimpleExecutor, ["/busybox", "sleep", f"{self.tree_id}0"], launcher=launcher)
        executor.start(None)
        wait_until(lambda: any(f"sleep {self.tree_id}0" in p.command for p in scan().values()))
        executor.stop(None)
        self.assertFalse(any(f"sleep {self.tree_id}0" in p.command for p in scan().values()))

    def test_terminal(self):
        self.check_fails(self.engine.run_words("-t", "--network", "none"), "-t")
        self.check_fails(self.engine.exec_words("-t"), "-t")

    def test_input_is_not_passed_on(self):
        self.check_fails([*self.engine.client, "exec", "ctr"], "-i")
        self.check_fails([*self.engine.client, "run", "--rm", "--network", "none", self.engine.image], "-i")

    def test_no_such_container(self):
        self.check_fails([*self.engine.client, "exec", "-i", "nobody"], "nobody")

    def test_no_such_image(self):
        self.check_fails([*self.engine.client, "run", "--rm", "-i", "--pull=never", "nothing:9"], "nothing:9")

    def test_container_is_stopped(self):
        """By somebody else, while the service runs. It has the time to end by itself that it would have here."""
        launcher = self.engine.run_words("--name", "other", "--network", "none")
        executor, near, far = self.make_redis(launcher=launcher)
        executor.start(None)
        self.assert_tree_stands(far)
        engines.run([*self.engine.client, "stop", "-t", "20", "other"])
        self.assert_tree_gone(far, GONE)
        executor.wait(None)
        self.assertIn("bye bye", read_output(executor))

    def test_monitor_is_killed(self):
        """With a lease, for podman itself does not notice."""
        with lease(LEASE):
            launcher = self.engine.run_words()
            host = self.make_host(launcher=launcher)
            host.start()
            self.assert_tree_stands()
            monitors = [p for p in self.engine.find_processes() if p.name == "conmon" and p.pid not in self.engine.base]
            self.assertEqual(len(monitors), 1)
            kill(monitors[0].pid)
            self.assert_tree_gone(limit=LEASE + GONE)
            self.wait_for_loss(host)
            self.engine.remove_others()

    def test_container_is_removed(self):
        """By somebody else, while the service runs."""
        with lease(LEASE):
            launcher = self.engine.run_words("--name", "other", "--network", "none")
            host = self.make_host(launcher=launcher)
            host.start()
            self.assert_tree_stands()
            engines.run([*self.engine.client, "rm", "-f", "-t", "0", "other"])
            self.assert_tree_gone(limit=GONE)
            self.wait_for_loss(host)

    def test_ten_at_once(self):
        check_ten(self)


class DockerWays(Ways):
    engine_class = engines.DockerExec

    def test_read_only(self):
        words = self.engine.run_words("--read-only", "--network", "none")
        self.check_fails(words, "/var/tmp")
        self.check_works(self.engine.run_words("--read-only", "--tmpfs", "/tmp:exec", "--network", "none"))

    def test_other_user(self):
        self.check_works(self.engine.run_words("--user", "65534:65534", "--network", "none"))
        self.tree_id = self.run_.get_id()
        self.check_works(self.engine.exec_words("--user", "65534:65534"))

    def test_published_port(self):
        """One beside the forward does not matter."""
        self.check_works(self.engine.run_words("--network", "bridge", "-p", f"{LOCALHOST}:{free_port()}:6379"))

    def test_terminal(self):
        launcher = self.engine.exec_words("-t")
        self.check_fails(launcher, self.get_complaint(launcher))

    def test_input_is_not_passed_on(self):
        self.check_fails([*self.engine.client, "exec", "ctr"], "-i")
        self.check_fails([*self.engine.client, "run", "--rm", "--network", "none", self.engine.image], "-i")

    def test_no_such_container(self):
        self.check_fails([*self.engine.client, "exec", "-i", "nobody"], "nobody")

    def test_container_is_removed(self):
        with lease(LEASE):
            host = self.make_host(launcher=self.engine.run_words("--name", "other", "--network", "none"))
            host.start()
            self.assert_tree_stands()
            engines.run([*self.engine.client, "rm", "-f", "other"])
            self.assert_tree_gone(limit=GONE)
            self.wait_for_loss(host)

    def test_container_is_stopped(self):
        executor, _, far = self.make_redis(
            launcher=self.engine.run_words("--name", "other", "--network", "none")
        )
        executor.start(None)
        self.assert_tree_stands(far)
        engines.run([*self.engine.client, "stop", "-t", "20", "other"])
        self.assert_tree_gone(far, GONE)
        executor.wait(None)
        self.assertIn("bye bye", read_output(executor))


class SystemdWays(Ways):
    engine_class = engines.SystemdRun

    def test_unit_is_stopped(self):
        """By somebody else, while the service runs."""
        executor, _, far = self.make_redis()
        executor.start(None)
        self.assert_tree_stands(far)
        units = [line.split()[1] for line in self.engine.list_units()]
        self.assertEqual(len(units), 1)
        engines.run([*self.engine.enter, "systemctl", "--user", "stop", *units])
        self.assert_tree_gone(far, GONE)
        executor.wait(None)

    def test_ten_at_once(self):
        check_ten(self)


class SandboxWays(Ways):
    """A host in a sandbox with processes and a path of its own; the service is outside of it."""

    engine_class = engines.FlatpakSpawn

    def make_sandboxed_host(self):
        # There is no such path outside.
        words = ["bwrap", "--dev-bind", "/", "/", "--unshare-pid", "--proc", "/proc", "--die-with-parent"]
        words += ["--tmpfs", "/mnt", "--ro-bind", SUPERVISOR, "/mnt/mk-supervisor"]
        words += ["--setenv", "MIRAKURU_GLIB_SUPERVISOR", "/mnt/mk-supervisor"]
        near, far = free_port(), free_port()
        host = self.make_host(
            command=self.get_tree_command(far), port=near, forwards=[f"{near}:{far}"], prefix=words
        )
        host.near_port, host.far_port = near, far
        host.start()
        self.assertEqual(ping(near), b"+PONG\r\n")
        self.assert_tree_stands(far)
        below = {p.pid for p in scan().values() if is_below(p, {host.process.pid}, scan())}
        self.assertFalse(below & {p.pid for p in self.find_tree(far)})
        return host

    def test_stop(self):
        host = self.make_sandboxed_host()
        host.do("stop")
        self.assertIsNone(host.expect("stop")["error"])
        self.assert_tree_gone(host.far_port)

    def test_sandbox_is_killed(self):
        host = self.make_sandboxed_host()
        kill(host.process.pid)
        self.assert_tree_gone(host.far_port, GONE)


def check_ten(test):
    """Ten services that start and stop at the same time."""
    services = []
    for _ in range(10):
        test.tree_id = test.run_.get_id()
        executor, near, far = test.make_redis()
        services.append((executor, near, far, test.tree_id))
    for action in ("start", "stop"):
        results = []
        for executor, *_ in services:
            getattr(executor, f"{action}_async")(None, lambda e, result: results.append((e, result)))
        iterate_until(lambda results=results: len(results) == len(services), action)
        for executor, result in results:
            getattr(executor, f"{action}_finish")(result)
        for _, near, far, id_ in services:
            if action == "start":
                test.assertEqual(ping(near), b"+PONG\r\n")
            else:
                test.assertEqual([str(p) for p in test.run_.find_tree(id_, far)], [])


# Only its subclasses are tests.
del Ways
if __name__ == "__main__":
    main()
