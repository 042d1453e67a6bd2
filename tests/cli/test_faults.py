# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Each system call of the library and of mk-supervisor fails once, or from then on: that takes no longer than the
time limits allow, what is said is clear, nothing is left, and afterwards everything works again.

Which calls there are is counted first. What has failed before is tried always; of all the others, as many as can be
tried in some seconds, in an order that MK_TEST_SEED decides. MK_TEST_FAULTS=all tries all of them, which takes many
minutes, and a regular expression in MK_TEST_FAULTS those that it matches. With MK_TEST_VERBOSE each is printed.
"""

import concurrent.futures
import contextlib
import errno
import glob
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import tempfile
import time
import unittest
import uuid

from clitest import GONE_LIMIT, LIMIT, SERVICE, TestCase

FAULT = os.environ["MK_TEST_FAULT"]
HOST = os.environ["MK_TEST_FAULT_HOST"]
SUPERVISOR = "mk-supervisor"
NOT_POSSIBLE = 77
VERBOSE = "MK_TEST_VERBOSE" in os.environ
WANTED = os.environ.get("MK_TEST_FAULTS")
#: How many are tried at the same time: most of them wait for something.
WORKERS = 2 * len(os.sched_getaffinity(0))
#: How long others than those in FOUND are tried, in seconds, and how many of them at once
SHORT = 8
CHUNK = 16
SEED = int(os.environ.get("MK_TEST_SEED", random.randrange(1000000)))
#: The statuses of mk-test-fault-host
WORKED, FAILED, LATE = 0, 1, 3
#: What was late once may have been so because of something else.
TRIES = 3
#: So many of the calls of one kind are tried, from the first to the last.
N_NUMBERS = 24

#: What each call may fail with, besides what a caller has done wrong: once, and behind a colon for ever
ERRORS = {
    "accept4": "EMFILE ECONNABORTED",
    "bind": "ENOMEM EADDRINUSE",
    "brk": "ENOMEM : ENOMEM",
    "chdir": "ENOMEM : EACCES",
    "clone": "EAGAIN ENOMEM : EAGAIN",
    "clone3": "EAGAIN ENOMEM : EAGAIN ENOSYS",
    "close_range": ": ENOSYS EPERM",
    "connect": "ENOMEM : EACCES",
    "dup": "EMFILE : EMFILE",
    "dup2": "EBUSY EMFILE",
    "dup3": "EBUSY EMFILE",
    "epoll_create1": "EMFILE ENOMEM : EMFILE",
    "epoll_ctl": "ENOMEM ENOSPC : ENOSPC",
    "epoll_wait": "EINTR",
    "eventfd2": "EMFILE ENOMEM : EMFILE",
    "execve": "EAGAIN ENOMEM : EACCES",
    "fchmod": "EPERM",
    "fcntl": "EMFILE EINVAL : EMFILE",
    "fork": "EAGAIN ENOMEM : EAGAIN",
    "fstat": "ENOMEM",
    "getdents64": "ENOMEM EIO : ENOMEM",
    "getsockname": "ENOBUFS",
    "getsockopt": "ENOMEM",
    "inotify_add_watch": "ENOMEM : ENOSPC",
    "inotify_init1": "ENOMEM : EMFILE",
    "ioctl": "EIO",
    "kill": "EPERM",
    "listen": "EADDRINUSE",
    "madvise": "ENOMEM",
    "memfd_create": "EMFILE ENOMEM : ENOSYS",
    "mkdir": "EACCES : ENOSPC",
    "mmap": "ENOMEM : ENOMEM",
    "mprotect": "ENOMEM : ENOMEM",
    "newfstatat": "ENOMEM EACCES",
    "open": "EMFILE ENOMEM EIO : EMFILE ENFILE EACCES",
    "openat": "EMFILE ENOMEM EIO : EMFILE ENFILE EACCES",
    "pidfd_open": "EMFILE ENOMEM : EMFILE ENOSYS EPERM",
    "pidfd_send_signal": ": EPERM ENOSYS",
    "pipe": "EMFILE : ENFILE",
    "pipe2": "EMFILE : ENFILE",
    "poll": "EINTR ENOMEM",
    "ppoll": "EINTR ENOMEM",
    "prctl": ": EPERM EINVAL",
    "pread64": "EIO ENOMEM : ENOMEM",
    "pselect6": "EINTR ENOMEM",
    "read": "EINTR EIO ENOMEM",
    "readlink": "ENOMEM : EACCES",
    "recvfrom": "EINTR ENOMEM",
    "recvmsg": "EINTR ENOMEM",
    "rmdir": "EIO : EACCES",
    "rt_sigaction": "EPERM",
    "sendmsg": "EINTR EAGAIN ENOBUFS ENOMEM",
    "sendto": "EINTR EAGAIN ENOBUFS ENOMEM",
    "setpgid": "EPERM",
    "setsid": "EPERM",
    "setsockopt": "ENOMEM",
    "signalfd4": "EMFILE ENOMEM : ENOSYS",
    "socket": "EMFILE ENOBUFS : EMFILE ENFILE EACCES",
    "socketpair": "EMFILE ENOBUFS : ENFILE",
    "stat": "ENOMEM : EACCES",
    "statx": "ENOMEM : ENOSYS",
    "tgkill": "EPERM",
    "timerfd_create": "EMFILE ENOMEM : EMFILE",
    "unlink": "EIO : EACCES",
    "unlinkat": "EIO : EACCES",
    "vfork": "EAGAIN ENOMEM : EAGAIN",
    "wait4": "EINTR",
    "waitid": "EINTR",
    "write": "EINTR EIO ENOSPC",
}

#: What was wrong with these is mended.
FOUND = (
    # The directory of a service that was not started stayed.
    r"stop mk-test-fault-host openat \d+\+ EMFILE",
    # A socket or an output that could not be told from another one was given up, and left open.
    r"output mk-test-fault-host newfstatat \d+ ENOMEM",
    # In a sandbox without sockets no service could be stopped, and all ports were tried.
    r"stop-deaf mk-test-fault-host socket \d+\+ EACCES",
    # What was to be kept for a stop was used for the start.
    r"first-start mk-test-fault-host socket \d+\+ ENFILE",
    # Where a user may not watch more, a start has waited in vain, and descriptors were lost.
    r"output mk-test-fault-host epoll_ctl \d+\+? ENOSPC",
    # What the supervisor could not say at once was never said.
    r"kill mk-supervisor sendto \d+ (EAGAIN|ENOBUFS)",
    # Either side was taken for gone.
    r"first-start mk-supervisor recvfrom \d+ ENOMEM",
    r"stop mk-test-fault-host recvfrom \d+ ENOMEM",
    # A supervisor that could not find what leaves the process group began all the same.
    r"kill mk-supervisor open(at)? 1\+ (EMFILE|ENFILE)",
    # The list of its children was not looked at where /proc could not be read.
    r"stop-deaf mk-supervisor getdents64 [1-9]\+ ENOMEM",
    # A supervisor without memory forgot the directory of the service, and which descriptors it gets.
    r"exit mk-supervisor mmap [12]\+ ENOMEM",
)

#: With what words GLib, libc and the loader end a program when they cannot have what they need: that is not the library's.
GIVEN_UP = re.compile(
    r"GLib(-GIO)?-ERROR \*\*: .*(Creating pipes for GWakeup|creating thread '|failed to allocate|Error creating IO channel)"
    r"|GLib-GIO:ERROR:.*gsubprocess.c:\d+:initable_init: assertion failed: \(success == \(self->pid != 0\)\)"
    r"|error while loading shared libraries|cannot allocate TLS|Inconsistency detected by ld\.so"
)

#: What is not tried: GLib ends a program that has no memory at all, without /proc only the process group of a
#: service is found, as the manual says, and what may not be removed stays.
UNFIT = re.compile(
    r"mk-test-fault-host (brk|mmap|mprotect) |mk-supervisor (open|openat|readlink|readlinkat|unlinkat) .* EACCES"
)


class Scene:
    """A program that starts a service and ends it."""

    def __init__(self, name, *command):
        self.name, self.command = name, command
        self.programs = [os.path.basename(command[0]), SUPERVISOR]


TCP = [SERVICE, "--lifetime", "60", "--tag", "{dir}", "--listen", "127.0.0.1:{port}"]
DEAF = [*TCP, "--deaf", "--children", "1", "--setsid-children"]
OUTPUT = [SERVICE, "--lifetime", "60", "--ready", "ready"]
SCENES = [
    Scene("first-start", HOST, "--end", "stop", "--", *TCP),
    Scene("stop", HOST, "--warm", "--end", "stop", "--", *TCP),
    Scene("kill", HOST, "--warm", "--end", "kill", "--", *DEAF),
    Scene("drop", HOST, "--warm", "--end", "drop", "--", *TCP),
    Scene("exit", HOST, "--warm", "--end", "exit", "--", *DEAF),
    Scene("output", HOST, "--warm", "--output", "--end", "stop", "--", *OUTPUT),
    Scene("stop-deaf", HOST, "--warm", "--end", "stop", "--", *DEAF),
]


class Fault:
    """@number: which call fails, as mk-test-fault takes it"""

    def __init__(self, scene, program, call, number, error):
        self.scene, self.program, self.call, self.number, self.error = scene, program, call, number, error

    def __str__(self):
        return f"{self.scene.name} {self.program} {self.call} {self.number} {self.error}"

    def words(self):
        return [self.program, self.call, self.number, str(getattr(errno, self.error))]


class Run:
    """One run of a scene."""

    def __init__(self, folder, scene, fault=None):
        self.token = "mk-fault-" + uuid.uuid4().hex
        self.folder = tempfile.mkdtemp(prefix=self.token, dir=folder)
        self.scene, self.fault = scene, fault
        os.mkdir(self.path("tmp"))
        words = [FAULT, self.path("counts"), *(fault.words() if fault else ["", "read", "0", "0"]), ",".join(ERRORS)]
        env = {**os.environ, "MK_FAULT_TOKEN": self.token, "TMPDIR": self.path("tmp"), "G_DEBUG": "fatal-criticals"}
        with open(self.path("stderr"), "wb") as stderr:
            self.process = subprocess.Popen(
                [*words, *scene.command], cwd=self.folder, env=env, stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, stderr=stderr, preexec_fn=no_core)
        try:
            self.status = self.process.wait(2 * LIMIT)
        except subprocess.TimeoutExpired:
            self.status = None
        with open(self.path("stderr"), encoding="utf-8", errors="replace") as stderr:
            self.stderr = stderr.read()

    def path(self, name):
        return os.path.join(self.folder, name)

    def counts(self):
        with open(self.path("counts"), encoding="utf-8") as file:
            return [(program, call, int(number)) for program, call, number in map(str.split, file)]

    def processes(self):
        """What was started, but for the program that has the calls fail."""
        found = {}
        for folder in glob.glob("/proc/[0-9]*"):
            try:
                with open(folder + "/environ", "rb") as file:
                    if self.token.encode() in file.read():
                        found[int(os.path.basename(folder))] = os.readlink(folder + "/exe")
            except OSError:
                continue
        found.pop(self.process.pid, None)
        return found

    def find_problem(self):
        """What is wrong, or None."""
        gives_up = GIVEN_UP.search(self.stderr)
        if self.status is None:
            return f"hangs: {self.processes()}"
        if self.status == LATE:
            return "late"
        if self.status not in (WORKED, FAILED) and not gives_up:
            return f"status {self.status}"
        if self.status == FAILED and not self.stderr.strip():
            return "no message"
        files = os.listdir(self.path("tmp"))
        if files and not gives_up:
            return f"files are left: {files}"
        return None

    def end(self):
        if self.status is None:
            for pid in self.processes():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            try:
                self.process.wait(GONE_LIMIT)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def no_core():
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


class Faults(TestCase):
    def count_calls(self, scene):
        run = Run(self.folder, scene)
        try:
            if run.status == NOT_POSSIBLE:
                self.skipTest("the system calls of other programs cannot be watched here")
            self.assertEqual(run.status, WORKED, run.stderr)
            return run.counts()
        finally:
            run.end()

    def find_faults(self, scene):
        for program, call, count in sorted(self.count_calls(scene)):
            if program not in scene.programs:
                continue
            numbers = sorted({1 + i * count // N_NUMBERS for i in range(N_NUMBERS) if i * count // N_NUMBERS < count})
            for number in numbers:
                once, _, always = ERRORS[call].partition(":")
                for error in once.split():
                    yield Fault(scene, program, call, f"{number}", error)
                for error in always.split():
                    fault = Fault(scene, program, call, f"{number}+", error)
                    if not UNFIT.search(str(fault)):
                        yield fault

    def try_all(self, faults):
        """Returns what is wrong."""
        with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
            return [problem for problem in pool.map(self.try_fault, faults) if problem]

    def try_some(self, faults):
        """Returns the same, and how many were tried."""
        end, problems, tried = time.monotonic() + SHORT, [], 0
        random.Random(SEED).shuffle(faults)
        while tried < len(faults) and time.monotonic() < end:
            problems += self.try_all(faults[tried:tried + CHUNK])
            tried += CHUNK
        return problems, min(tried, len(faults))

    def try_fault(self, fault):
        """Returns what is wrong, or None."""
        for _ in range(TRIES):
            run = Run(self.folder, fault.scene, fault)
            problem = run.find_problem()
            said = run.stderr
            run.end()
            if VERBOSE:
                print(f"{fault}: {problem or 'good'}; {run.status} {said.strip()}", flush=True)
            if problem != "late":
                break
        return problem and f"{fault}: {problem}\n{said}"

    def test_calls_fail(self):
        faults = [fault for scene in SCENES for fault in self.find_faults(scene)]
        if WANTED:
            chosen = [fault for fault in faults if WANTED == "all" or re.search(WANTED, str(fault))]
            problems, others = self.try_all(chosen), 0
        else:
            chosen = [fault for fault in faults if any(re.fullmatch(found, str(fault)) for found in FOUND)]
            problems = self.try_all(chosen)
            more, others = self.try_some([fault for fault in faults if fault not in chosen])
            problems += more
        print(f"{len(chosen)} and {others} of {len(faults)} faults, MK_TEST_SEED={SEED}", flush=True)
        self.assertFalse(problems, "\n".join(problems))


if __name__ == "__main__":
    unittest.main()
