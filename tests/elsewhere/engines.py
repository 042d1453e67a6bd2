# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Places where launchers lead to, each set up for one run of the tests and removed after it.

An engine gives the words of its launcher, and lists what is left of the services that were started by it. Ports,
users, network namespaces and folders are private to a run, so that several runs do not meet. Everything is on this
machine: the processes at the far end are found in /proc.
"""

import atexit
import contextlib
import glob
import json
import os
import pwd
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import unittest

from gi.repository import Gio, GLib

HERE = os.path.dirname(os.path.abspath(__file__))
LIMIT = 30  # seconds; nothing is waited for longer
MARK = "MK_ELSEWHERE"  # the variable that all hosts of a run have, and so what they start on this side
PAUSE = 0.01
CAP_SYS_ADMIN = 21
PROGRAM_PATH = "/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin:/usr/libexec"
PROGRAM_PATH += ":/usr/libexec/flatpak-xdg-utils:/lib/systemd:/usr/lib/systemd"


class Unavailable(Exception):
    """An engine cannot be started here; the message says what has failed."""


class Missing(Unavailable, unittest.SkipTest):
    """A program is not installed, or this program may not do something: the test is skipped."""


def find_program(name):
    path = shutil.which(name, path=PROGRAM_PATH)
    if path is None:
        raise Missing(f"{name} is not installed")
    return path


def may_make_namespaces():
    """Root in a container may not."""
    with open("/proc/self/status", encoding="utf-8") as file:
        capabilities = re.search(r"^CapEff:\s*(\S+)", file.read(), re.M).group(1)
    return bool(int(capabilities, 16) >> CAP_SYS_ADMIN & 1)


def run(words, **options):
    """Runs a command to its end, and returns its output; raises Unavailable with what it has said."""
    options = {"timeout": 2 * LIMIT, "text": True, "capture_output": True, "stdin": subprocess.DEVNULL} | options
    try:
        done = subprocess.run(words, check=False, **options)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"{os.path.basename(words[0])}: {error}") from error
    if done.returncode != 0:
        said = (done.stderr or done.stdout or "").strip().splitlines()
        raise Unavailable(f"“{' '.join(words)}” exited with status {done.returncode}: {said[-1] if said else ''}")
    return done.stdout


def wait_until(condition, limit=LIMIT):
    """Returns what the condition does, once that is true, or after the limit."""
    deadline = time.monotonic() + limit
    while not (value := condition()) and time.monotonic() < deadline:
        time.sleep(PAUSE)
    return value


def end(process, limit=5):
    """Ends a process that was started here, and reaps it."""
    if process is None or process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(limit)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def free_port():
    """A port that no other test is given: an abstract socket of its name reserves it until the program ends."""
    while True:
        port = random.randrange(20000, 32768)
        reservation = socket.socket(socket.AF_UNIX)
        try:
            reservation.bind(f"\0mk-test-port-{port}")
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            reservation.close()
            continue
        atexit.register(reservation.close)
        return port


def find_mounts(folder):
    with open("/proc/mounts", encoding="utf-8") as file:
        return {line.split()[1] for line in file if folder in line.split()[1]}


def unmount_all(folder):
    for mount in sorted(find_mounts(folder), reverse=True):
        subprocess.run(["umount", mount], capture_output=True, check=False, timeout=LIMIT)


class Process:
    """What /proc says of a process."""

    def __init__(self, pid):
        def read(name):
            with open(f"/proc/{pid}/{name}", "rb") as file:
                return file.read()

        self.pid = pid
        self.arguments = [word.decode(errors="replace") for word in read("cmdline").split(b"\0")[:-1]]
        status = read("status").decode(errors="replace")
        self.name = re.search(r"^Name:\s*(.*)$", status, re.M).group(1)
        self.state = re.search(r"^State:\s*(\S)", status, re.M).group(1)
        self.parent = int(re.search(r"^PPid:\s*(\d+)", status, re.M).group(1))
        self.uid = int(re.search(r"^Uid:\s*(\d+)", status, re.M).group(1))
        self.environment = ""
        with contextlib.suppress(OSError):
            self.environment = read("environ").decode(errors="replace")

    @property
    def command(self):
        return " ".join(self.arguments)

    def get_namespace(self, kind):
        try:
            return os.stat(f"/proc/{self.pid}/ns/{kind}").st_ino
        except OSError:
            return None

    def __str__(self):
        return f"process {self.pid} ({self.state}, of {self.parent}): {self.command or self.name}"


def scan():
    """All processes that are no threads of the kernel and have not ended, by their id."""
    found = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        with contextlib.suppress(OSError, AttributeError):
            process = Process(int(entry))
            if process.arguments and process.state not in "ZX":
                found[process.pid] = process
    return found


def is_below(process, roots, processes):
    """Whether one of the roots is an ancestor of the process."""
    at = process
    while at is not None:
        if at.parent in roots:
            return True
        at = processes.get(at.parent)
    return False


class Run:
    """What is private to one run of the tests: a folder, and names that contain its number."""

    def __init__(self):
        atexit.register(self.remove)
        while True:
            self.number = random.randint(1000, 9999)
            self.folder = f"/tmp/mk-elsewhere-{self.number}"
            try:
                os.mkdir(self.folder, 0o755)
                break
            except FileExistsError:
                continue
        os.chmod(self.folder, 0o755)
        self.name = f"mk{self.number}"
        self.next_id = 0
        os.environ[MARK] = str(self.number)
        self.tree = os.path.join(self.folder, "tree.sh")
        shutil.copy(os.path.join(HERE, "tree.sh"), self.tree)
        os.chmod(self.tree, 0o755)
        self.roots = None

    def get_id(self):
        """For tree.sh: no other tree of this run has it."""
        self.next_id += 1
        return f"{self.number}{self.next_id % 10000:04}"

    def is_of_tree(self, process):
        return re.search(rf"(^| |mk){self.number}\d{{4,5}}$", process.command) is not None

    def find_tree(self, id_, port=None):
        """The processes of tree.sh with this id that are there, wherever they run."""
        words = re.compile(rf"(^sleep {id_}\d$)|(tree\.sh {id_} )|(sleep {id_}3 &)|(mk{id_}$)")
        redis = re.compile(rf"redis-server .*[:*]{port}\b")
        return [
            p
            for p in scan().values()
            if (words.search(p.command) or (port and redis.search(p.command))) and "host.py" not in p.command
        ]

    def make_root(self):
        """A file system for containers: busybox, redis and the scripts."""
        if self.roots is not None:
            return self.roots
        root = os.path.join(self.folder, "root")
        for folder in ("bin", "usr/bin", "lib", "lib64", "tmp", "proc", "sys", "dev", "etc", "root", "run", "var/tmp"):
            os.makedirs(os.path.join(root, folder), exist_ok=True)
        for folder in ("tmp", "var/tmp"):
            os.chmod(os.path.join(root, folder), 0o1777)
        busybox = find_program("busybox")
        shutil.copy(busybox, os.path.join(root, "bin/busybox"))
        for name in run([busybox, "--list"]).split():
            with contextlib.suppress(FileExistsError):
                os.symlink("busybox", os.path.join(root, "bin", name))
        for name in ("redis-server", "redis-cli"):
            program = find_program(name)
            shutil.copy(program, os.path.join(root, "usr/bin", name))
            for library in re.findall(r"(/lib\S+)", run(["ldd", program])):
                os.makedirs(root + os.path.dirname(library), exist_ok=True)
                shutil.copy(os.path.realpath(library), root + library)
        with open(os.path.join(root, "etc/passwd"), "w", encoding="ascii") as file:
            file.write("root:x:0:0:root:/root:/bin/sh\n")
        with open(os.path.join(root, "etc/group"), "w", encoding="ascii") as file:
            file.write("root:x:0:\n")
        shutil.copy(self.tree, os.path.join(root, "tree.sh"))
        self.roots = os.path.join(self.folder, "root.tar")
        run(["tar", "-C", root, "-cf", self.roots, "."])
        return self.roots

    def make_folder(self, *names):
        path = os.path.join(self.folder, *names)
        os.makedirs(path, exist_ok=True)
        return path

    def write(self, path, text, mode=0o644):
        path = os.path.join(self.folder, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, mode)
        return path

    def remove(self):
        atexit.unregister(self.remove)
        unmount_all(self.folder)
        shutil.rmtree(self.folder, ignore_errors=True)
        os.environ.pop(MARK, None)


class Engine:
    """A place for services. Used as a context manager, or by start() and stop()."""

    name = ""
    #: Whether a test fails, and is not skipped, if all that it needs is there but it cannot be started
    is_required = False
    needs_namespaces = True
    #: Whether a port of the far end is the same as the one of this side
    shares_network = True
    #: Whether the connection goes on when the client is killed: it has passed on its pipes
    outlives_client = False
    #: Whether the client is replaced by what it runs, so that it is the far end itself
    client_is_far = False
    #: Whether all of the far end gets SIGKILL when this side is killed, so that a file that is being written stays
    dies_at_once = False
    #: Whether the service gets SIGTERM when the client is killed, and so may end by itself
    ends_gently = False
    #: Whether it ends what is left when both processes at the far end were killed
    ends_all = False

    def __init__(self, run_):
        self.run = run_
        self.launcher = []
        self.tree = run_.tree
        self.base = set()
        self.base_mounts = set()
        self.processes = []  # of the engine itself, which stop() ends

    def __enter__(self):
        atexit.register(self.stop)
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        atexit.unregister(self.stop)
        self.stop()

    def start(self):
        if self.needs_namespaces and not may_make_namespaces():
            raise Missing("CAP_SYS_ADMIN is missing, so there are no namespaces")
        self.set_up()
        self.check()
        self.base = {p.pid for p in self.find_processes()}
        self.base_mounts = find_mounts(self.run.folder)

    def set_up(self):
        """Sets the launcher."""

    def stop(self):
        while self.processes:
            end(self.processes.pop())

    def spawn(self, words, name, **options):
        """Runs a part of the engine, with its output in a file. It does not outlive this program."""
        with open(os.path.join(self.run.folder, f"{self.name}-{name}.log"), "wb") as log:
            process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "TERM", *words],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **options,
            )
        self.processes.append(process)
        return process

    def read_log(self, name):
        with open(os.path.join(self.run.folder, f"{self.name}-{name}.log"), encoding="utf-8", errors="replace") as file:
            lines = file.read().strip().splitlines()
        return lines[-1] if lines else ""

    def wait_for(self, condition, process, name):
        """Waits for a part of the engine to be ready."""
        if not wait_until(lambda: condition() or process.poll() is not None) or process.poll() is not None:
            raise Unavailable(f"{name}: {self.read_log(name)}")

    def check(self):
        """Whether a command can be run by it at all."""
        said = run([*self.launcher, "sh"], input="echo there\n", stdin=None)
        if said.strip() != "there":
            raise Unavailable(f"{self.name}: a shell said “{said.strip()}”")

    # What is left

    def owns(self, process, processes):
        """Whether a process is one of a service at the far end, or of the engine itself."""
        return False

    def find_processes(self):
        """What belongs to the run, or to the engine, on both sides."""
        processes = scan()
        mine = {os.getpid()} | {p.pid for p in self.processes}
        mark = f"{MARK}={self.run.number}"
        return [
            p
            for p in processes.values()
            if p.pid not in mine
            and (mark in p.environment.split("\0") or self.run.is_of_tree(p) or self.owns(p, processes))
        ]

    def list_files(self):
        """The program that is sent is in one of these folders until it runs."""
        folders = [self.run.folder, *self.list_folders()]
        return [f for folder in folders for f in glob.glob(f"{glob.escape(folder)}/**/.mk-*", recursive=True)]

    def list_folders(self):
        return []

    def list_units(self):
        """What the engine keeps in its books: containers in any state, units."""
        return []

    def remove_files(self):
        for path in self.list_files():
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)

    def remove_others(self):
        """Ends what a test that has failed has left, and what nobody but its user can remove."""
        self.remove_files()

    def list_left(self):
        """All that is left of services, as lines of text."""
        left = [str(p) for p in self.find_processes() if p.pid not in self.base]
        left += [f"mount: {m}" for m in sorted(find_mounts(self.run.folder) - self.base_mounts)]
        left += [f"file: {f}" for f in self.list_files()]
        return left + self.list_units()

    def wait_until_clean(self, limit):
        """Returns what is left after at most so many seconds."""
        left = self.list_left()
        deadline = time.monotonic() + limit
        while left and time.monotonic() < deadline:
            time.sleep(PAUSE)
            left = self.list_left()
        return left


def change_user(words):
    """Another run may hold the lock of the list of users."""
    for attempt in range(50):
        try:
            return run(words)
        except Unavailable:
            if attempt == 49:
                raise
            time.sleep(0.1)


class User:
    """A user of the run, with a home in its folder."""

    def __init__(self, run_, shell="/bin/sh"):
        self.name = run_.name
        self.home = run_.make_folder("home")
        self.runtime = run_.make_folder("home", "run")
        change_user(["useradd", "-M", "-N", "-g", "nogroup", "-d", self.home, "-s", shell, "-p", "*", self.name])
        entry = pwd.getpwnam(self.name)
        self.uid, self.gid = entry.pw_uid, entry.pw_gid
        for folder in (self.home, self.runtime):
            os.chown(folder, self.uid, self.gid)

    def set_shell(self, shell):
        change_user(["usermod", "-s", shell, self.name])

    def remove(self):
        """Ends what the user runs, too."""
        for process in scan().values():
            if process.uid == self.uid:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process.pid, signal.SIGKILL)
        wait_until(lambda: not any(p.uid == self.uid for p in scan().values()), 5)
        with contextlib.suppress(Unavailable):
            change_user(["userdel", self.name])


class Ssh(Engine):
    """A server with a user of its own. Its only other user is root, for what only that may do."""

    name = "ssh"
    is_required = True
    needs_namespaces = False

    def __init__(self, run_, prefix=()):
        super().__init__(run_)
        self.prefix = list(prefix)  # runs the server and the client, for example in a network namespace
        self.user = None
        self.server = None
        self.port = None

    def set_up(self):
        self.user = User(self.run)
        find_program("ssh")
        os.makedirs("/run/sshd", exist_ok=True)
        keys = self.run.make_folder("ssh")
        for key in ("host", "user"):
            run([find_program("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-f", f"{keys}/{key}"])
        shutil.copy(f"{keys}/user.pub", f"{keys}/authorized")
        self.start_server(keys)
        self.write_client(keys)
        self.launcher = self.get_launcher("far")

    def get_launcher(self, host):
        return [*self.prefix, "ssh", "-F", f"{self.run.folder}/ssh/config", host]

    def start_server(self, keys):
        banner = self.run.write("ssh/banner", "Authorized use only.\nMK-BOOT is what the banner says.\n")
        # Somebody else may take the port before the server does.
        for _ in range(10):
            self.port = free_port()
            config = self.run.write(
                "ssh/sshd_config",
                f"""Port {self.port}
ListenAddress 127.0.0.1
HostKey {keys}/host
AuthorizedKeysFile {keys}/authorized
PidFile {keys}/pid
AllowUsers {self.user.name} root
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
StrictModes no
PrintMotd no
Banner {banner}
SetEnv XDG_RUNTIME_DIR={self.user.runtime}
MaxStartups 200
MaxSessions 100
""",
            )
            self.server = self.spawn([*self.prefix, find_program("sshd"), "-D", "-e", "-f", config], "sshd")
            wait_until(lambda: "listening" in self.read_log("sshd") or self.server.poll() is not None)
            if self.server.poll() is None:
                return
        raise Unavailable(f"sshd: {self.read_log('sshd')}")

    def write_client(self, keys):
        with open(f"{keys}/host.pub", encoding="ascii") as file:
            known = self.run.write("ssh/known", f"[127.0.0.1]:{self.port} {file.read()}")
        self.run.write(
            "ssh/config",
            f"""Host shared
  ControlMaster auto
  ControlPath {self.run.folder}/master
  ControlPersist yes
Host nokey
  IdentityFile {keys}/nothing
Host far shared nokey
  HostName 127.0.0.1
Host *
  Port {self.port}
  User {self.user.name}
  IdentityFile {keys}/user
  IdentitiesOnly yes
  IdentityAgent none
  UserKnownHostsFile {known}
  GlobalKnownHostsFile /dev/null
  BatchMode yes
  LogLevel ERROR
""",
        )

    def find_sessions(self):
        """The server's processes for the connections that are there now."""
        processes = scan()
        return [p for p in processes.values() if p.name == "sshd" and is_below(p, {self.server.pid}, processes)]

    def owns(self, process, processes):
        return process.uid == self.user.uid or is_below(process, {self.server.pid}, processes)

    def stop(self):
        super().stop()
        if self.user is not None:
            self.user.remove()
            self.user = None


class Bwrap(Engine):
    """Mounts of its own, and nothing else."""

    name = "bwrap"
    is_required = True
    outlives_client = True
    options = ()

    def set_up(self):
        runtime = self.run.make_folder("run")
        program = find_program("bwrap")
        self.launcher = ["env", f"XDG_RUNTIME_DIR={runtime}", program, "--dev-bind", "/", "/", *self.options]


class BwrapPid(Bwrap):
    """Processes of its own; the first one of them is that of bwrap, and waits for all others."""

    name = "bwrap-pid"
    options = ("--unshare-pid", "--proc", "/proc")


class BwrapDie(Bwrap):
    """The same, and it ends with its client."""

    name = "bwrap-die"
    options = ("--unshare-pid", "--proc", "/proc", "--die-with-parent")
    outlives_client = False
    dies_at_once = True
    ends_all = True


class Netns(Engine):
    """A network of its own."""

    name = "netns"
    is_required = True
    shares_network = False
    client_is_far = True

    def set_up(self):
        runtime = self.run.make_folder("run")
        program = find_program("ip")
        run([program, "netns", "add", self.run.name])
        run([program, "-n", self.run.name, "link", "set", "lo", "up"])
        self.inode = os.stat(f"/run/netns/{self.run.name}").st_ino
        self.launcher = ["env", f"XDG_RUNTIME_DIR={runtime}", program, "netns", "exec", self.run.name]

    def owns(self, process, processes):
        return process.get_namespace("net") == self.inode

    def stop(self):
        super().stop()
        subprocess.run(["ip", "netns", "del", self.run.name], capture_output=True, check=False, timeout=LIMIT)


RUNTIME = """#!/usr/bin/python3
# Calls runc without resource limits: where CAP_SYS_RESOURCE is missing, these cannot be raised.
import json, os, sys

words = sys.argv[1:]
for option, value in zip(words, words[1:]):
    bundle = value + "/config.json"
    path = {"--bundle": bundle, "-b": bundle, "--process": value, "-p": value}.get(option)
    if path and os.path.isfile(path):
        with open(path, encoding="utf-8") as file:
            config = json.load(file)
        config.get("process", config).pop("rlimits", None)
        with open(path, "w", encoding="utf-8") as file:
            json.dump(config, file)
os.execv("PROGRAM", ["runc", *words])
"""


class Containers(Engine):
    """What podman and docker have in common. There is one container to be entered, and an image for more."""

    shares_network = False
    image = "eng:1"
    network = "none"
    at_once = ()

    def __init__(self, run_):
        super().__init__(run_)
        self.tree = "/tree.sh"
        self.client = []
        self.folder = run_.make_folder(self.name)
        self.container = None

    def write_runtime(self):
        return self.run.write(f"{self.name}/runtime", RUNTIME.replace("PROGRAM", find_program("runc")), 0o755)

    def make_container(self):
        run([*self.client, "import", self.run.make_root(), self.image], timeout=2 * LIMIT)
        words = ["run", "-d", "--name", "ctr", "--network", self.network, self.image, "sleep", "7200"]
        self.container = run([*self.client, *words]).strip()
        self.init = int(run([*self.client, "inspect", "-f", "{{.State.Pid}}", "ctr"]))

    def run_words(self, *options):
        """A launcher for a container of its own."""
        return [*self.client, "run", "--rm", "-i", *(options or ("--network", self.network)), self.image]

    def exec_words(self, *options):
        return [*self.client, "exec", "-i", *options, "ctr"]

    def owns(self, process, processes):
        if self.folder in process.command:
            return True
        roots = {p.pid for p in processes.values() if self.folder in p.command}
        return is_below(process, roots, processes)

    def list_units(self):
        found = run([*self.client, "ps", "-a", "--no-trunc", "--format", "{{.ID}} {{.Names}} {{.Status}}"])
        return [f"container: {line}" for line in found.splitlines() if line.split()[0] != self.container]

    def list_files(self):
        root = f"/proc/{self.init}/root"
        folders = (f"{root}/{name}" for name in ("tmp", "var/tmp", "root", "dev/shm", "."))
        return [f for folder in folders for f in glob.glob(f"{folder}/.mk-*")]

    def remove_others(self):
        super().remove_others()
        for line in self.list_units():
            run([*self.client, "rm", "-f", *self.at_once, line.split()[1]])

    def remove_containers(self):
        with contextlib.suppress(Unavailable):
            for id_ in run([*self.client, "ps", "-aq"]).split():
                run([*self.client, "rm", "-f", *self.at_once, id_])


class Podman(Containers):
    at_once = ("-t", "0")

    def set_up(self):
        self.client = self.make_client()
        self.make_container()

    def make_client(self):
        program = find_program("podman")
        config = self.run.write(
            f"{self.name}/containers.conf",
            f"""[containers]
init = false
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
lock_type = "file"
tmp_dir = "{self.folder}/tmp"
runtime = "plain"
runtime_supports_nocgroups = ["plain"]
[engine.runtimes]
plain = ["{self.write_runtime()}"]
""",
        )
        words = ["env", f"CONTAINERS_CONF={config}", program]
        return [*words, "--root", f"{self.folder}/root", "--runroot", f"{self.folder}/run"]

    def stop(self):
        if self.client:
            self.remove_containers()
        super().stop()
        # The monitor of a container has things to do when that is gone.
        wait_until(lambda: not any(self.folder in p.command for p in scan().values()), 10)
        unmount_all(self.folder)


class PodmanExec(Podman):
    name = "podman-exec"

    def set_up(self):
        super().set_up()
        self.launcher = self.exec_words()


class PodmanRun(Podman):
    name = "podman-run"
    ends_all = True

    def set_up(self):
        super().set_up()
        self.launcher = self.run_words()


class PodmanRootless(Podman):
    """Containers of a user."""

    name = "podman-rootless"
    ends_all = True
    ends_gently = True

    def set_up(self):
        self.user = None
        for name in ("newuidmap", "newgidmap"):
            find_program(name)
        self.user = User(self.run)
        os.chown(self.folder, self.user.uid, self.user.gid)
        super().set_up()
        self.launcher = self.run_words()

    def make_client(self):
        words = ["setpriv", f"--reuid={self.user.uid}", f"--regid={self.user.gid}", "--clear-groups", "env", "-i"]
        words += ["-C", self.user.home, f"PATH={PROGRAM_PATH}", f"HOME={self.user.home}", f"USER={self.user.name}"]
        return [*words, f"XDG_RUNTIME_DIR={self.user.runtime}", *super().make_client()]

    def owns(self, process, processes):
        return process.uid == self.user.uid or super().owns(process, processes)

    def stop(self):
        super().stop()
        if self.user is not None:
            self.user.remove()
            self.user = None


class Docker(Containers):
    """A daemon in a network namespace of its own, whose filters touch nobody."""

    def set_up(self):
        program = find_program("docker")
        daemon = find_program("dockerd")
        ip = find_program("ip")
        self.namespace = f"{self.run.name}d"
        run([ip, "netns", "add", self.namespace])
        run([ip, "-n", self.namespace, "link", "set", "lo", "up"])
        # Its home holds a folder for the client's settings, which is not that of the user.
        words = ["nsenter", f"--net=/run/netns/{self.namespace}", daemon]
        words += ["--data-root", f"{self.folder}/data", "--exec-root", f"{self.folder}/exec"]
        words += ["--pidfile", f"{self.folder}/pid", "-H", f"unix://{self.folder}/socket"]
        words += ["--add-runtime", f"plain={self.write_runtime()}", "--default-runtime", "plain"]
        self.client = [program, "--config", f"{self.folder}/client", "-H", f"unix://{self.folder}/socket"]
        self.daemon = self.spawn(words, "dockerd")
        self.wait_for(self.answers, self.daemon, "dockerd")
        self.make_container()

    def answers(self):
        return subprocess.run([*self.client, "info"], capture_output=True, check=False, timeout=LIMIT).returncode == 0

    def stop(self):
        if self.client:
            self.remove_containers()
        for process in self.processes:
            end(process, LIMIT)
        super().stop()
        # The monitor of a container has things to do when that is gone.
        wait_until(lambda: not any(self.folder in p.command for p in scan().values()), 10)
        unmount_all(self.folder)
        if self.client:
            subprocess.run(["ip", "netns", "del", self.namespace], capture_output=True, check=False, timeout=LIMIT)


class DockerExec(Docker):
    name = "docker-exec"

    def set_up(self):
        super().set_up()
        self.launcher = self.exec_words()


class DockerRun(Docker):
    name = "docker-run"
    network = "bridge"
    ends_all = True

    def set_up(self):
        super().set_up()
        self.launcher = self.run_words()


class SystemdRun(Engine):
    """A service manager of a user, in a mount namespace where the system seems to run systemd."""

    name = "systemd-run"
    outlives_client = True
    ends_all = True

    def set_up(self):
        manager = find_program("systemd")
        program = find_program("systemd-run")
        self.runtime = self.run.make_folder("systemd")
        os.chmod(self.runtime, 0o700)
        self.environment = [
            f"XDG_RUNTIME_DIR={self.runtime}",
            f"DBUS_SESSION_BUS_ADDRESS=unix:path={self.runtime}/bus",
        ]
        self.make_group()
        join = f"echo $$ > {self.group}/cgroup.procs; " if self.group else ""
        script = f"{join}mount -t tmpfs tmpfs /run/systemd && mkdir -p /run/systemd/system && exec {manager} --user"
        words = ["env", *self.environment, "unshare", "-m", "sh", "-c", f"{script} --log-target=console"]
        self.manager = self.spawn(words, "systemd")
        self.enter = ["nsenter", "-m", "-t", str(self.manager.pid), "env", *self.environment]
        self.wait_for(lambda: os.path.exists(f"{self.runtime}/bus") and self.answers(), self.manager, "systemd")
        self.launcher = [*self.enter, program, "--user", "--pipe", "--wait", "-q", "--collect"]

    def make_group(self):
        """The manager takes the control group that it is in for its own."""
        self.group = None
        for parent in ("/sys/fs/cgroup/systemd", "/sys/fs/cgroup"):
            if os.path.exists(f"{parent}/cgroup.procs"):
                with contextlib.suppress(OSError):
                    os.mkdir(f"{parent}/{self.run.name}")
                    self.group = f"{parent}/{self.run.name}"
                    return

    def answers(self):
        words = [*self.enter, "systemctl", "--user", "is-system-running"]
        done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=LIMIT)
        return done.stdout.strip() in ("running", "degraded")

    def owns(self, process, processes):
        return is_below(process, {self.manager.pid}, processes)

    def list_units(self):
        words = [*self.enter, "systemctl", "--user", "list-units", "--all", "--plain", "--no-legend", "run-*.service"]
        return [f"unit: {line}" for line in run(words).splitlines()]

    def stop(self):
        for process in self.processes:
            below = [p.pid for p in scan().values() if is_below(p, {process.pid}, scan())]
            end(process, 10)
            for pid in below:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        super().stop()
        if getattr(self, "group", None):
            for folder, _, _ in sorted(os.walk(self.group), reverse=True):
                wait_until(lambda folder=folder: self.remove_group(folder), 5)

    @staticmethod
    def remove_group(folder):
        with contextlib.suppress(OSError):
            os.rmdir(folder)
        return not os.path.exists(folder)


class FlatpakSpawn(Engine):
    """The way out of a sandbox: a helper on a message bus runs the command."""

    name = "flatpak-spawn"
    outlives_client = True

    def set_up(self):
        runtime = self.run.make_folder("run")
        program = find_program("flatpak-spawn")
        helper = find_program("flatpak-session-helper")
        self.address = f"unix:path={self.run.folder}/bus"
        bus = self.spawn([find_program("dbus-daemon"), "--session", "--nofork", f"--address={self.address}"], "bus")
        self.wait_for(lambda: os.path.exists(f"{self.run.folder}/bus"), bus, "bus")
        self.environment = [f"DBUS_SESSION_BUS_ADDRESS={self.address}", f"XDG_RUNTIME_DIR={runtime}"]
        self.helper = self.spawn(["env", "-u", MARK, *self.environment, helper], "helper")
        self.wait_for(self.has_owner, self.helper, "helper")
        self.launcher = ["env", *self.environment, program, "--host"]

    def has_owner(self):
        flags = Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION
        try:
            bus = Gio.DBusConnection.new_for_address_sync(self.address, flags, None, None)
            arguments = GLib.Variant("(s)", ("org.freedesktop.Flatpak",))
            name = "org.freedesktop.DBus"
            reply = bus.call_sync(
                name, "/org/freedesktop/DBus", name, "NameHasOwner", arguments, None, Gio.DBusCallFlags.NONE, -1, None
            )
            bus.close_sync(None)
        except GLib.Error:
            return False
        return reply.unpack()[0]

    def owns(self, process, processes):
        return is_below(process, {self.helper.pid}, processes)


REQUIRED = (Ssh, Bwrap, BwrapPid, BwrapDie, Netns)
OPTIONAL = (PodmanExec, PodmanRun, PodmanRootless, DockerExec, DockerRun, SystemdRun, FlatpakSpawn)
ALL = REQUIRED + OPTIONAL


def main():
    """engines.py [NAME…]: starts the engines, and says which of them work here."""
    for class_ in ALL:
        if sys.argv[1:] and class_.name not in sys.argv[1:]:
            continue
        run_ = Run()
        begun = time.monotonic()
        try:
            with class_(run_) as engine:
                print(f"{class_.name}: works after {time.monotonic() - begun:.1f} s: {' '.join(engine.launcher)}")
                for line in engine.wait_until_clean(2):
                    print(f"  left: {line}")
                begun = time.monotonic()
            print(f"  stopped after {time.monotonic() - begun:.1f} s")
        except Unavailable as error:
            print(f"{class_.name}: {error}")
        finally:
            run_.remove()


if __name__ == "__main__":
    main()
