# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Too few processes or files for `mirakuru`: it says so, and does not crash."""

import contextlib
import os
import random
import resource
import unittest

from clitest import SERVICE, TOOL, TestCase, free_port, service, tcp

STATUSES = (0, 124, 125, 126)


def may_run(user, path):
    """Whether somebody else may run a program, in a build folder that may be private."""
    child = os.fork()
    if child == 0:
        os.setgroups([])
        os.setgid(user)
        os.setuid(user)
        os._exit(0 if os.access(path, os.X_OK) else 1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


class Scarcity(TestCase):
    def options(self):
        """Root may have as many processes as it likes, so be somebody else whom nobody knows."""
        if os.geteuid() != 0:
            return {}
        user = random.randrange(60100, 64900)
        if not all(may_run(user, path) for path in (TOOL, SERVICE, os.environ["MIRAKURU_GLIB_SUPERVISOR"])):
            self.skipTest("nobody else can run what was built")
        os.chmod(self.folder, 0o755)
        return {"user": user, "group": user, "extra_groups": []}

    def commands(self):
        port = free_port()
        return (["run", "--service", service("--on-term", 0), "--", "true"],
                ["wait", *tcp(port), "--timeout", "0.1"])

    def assert_survives(self, args, kind, limit, text, **options):
        """Returns whether the command had enough. @kind: a limit of the process, or the folder of a control group"""
        def set_limit():
            if isinstance(kind, int):
                resource.setrlimit(kind, (limit, limit))
            else:
                with open(os.path.join(kind, "cgroup.procs"), "w", encoding="utf-8") as file:
                    file.write("0")

        with self.subTest(args=args, limit=limit):
            status, _, stderr = self.run_tool(*args, preexec_fn=set_limit, **options)
            self.assertIn(status, STATUSES, stderr)
            if status in (0, 124):
                return True
            self.assertIn("mirakuru: ", stderr)
            self.assertIn(text, stderr)
        return False

    def test_processes(self):
        options = self.options()
        for args in self.commands():
            for limit in range(2, 8):  # with less GLib ends every program
                self.assert_survives(
                    args, resource.RLIMIT_NPROC, limit, "Resource temporarily unavailable", **options)

    def make_group(self, name, limit):
        """Returns the folder of a control group whose processes may be so many."""
        with open("/proc/self/cgroup", encoding="utf-8") as file:
            lines = [line.rstrip("\n").split(":", 2) for line in file]
        for _, controllers, path in lines:
            parent = "/sys/fs/cgroup" + ("/pids" if controllers else "") + path
            folder = os.path.join(parent, f"{self.token}-{name}")
            if controllers not in ("", "pids") or not os.path.isfile(os.path.join(parent, "cgroup.procs")):
                continue
            with contextlib.suppress(OSError):
                os.mkdir(folder)
                self.addCleanup(os.rmdir, folder)
                with open(os.path.join(folder, "pids.max"), "w", encoding="utf-8") as file:
                    file.write(str(limit))
                return folder
        self.skipTest("no control group can be made that limits processes")

    # Such a limit holds for root, too.
    def test_processes_of_a_control_group(self):
        for args in self.commands():
            enough = []
            for limit in range(2, 8):  # with less GLib ends every program
                folder = self.make_group(f"{args[0]}-{limit}", limit)
                enough.append(self.assert_survives(args, folder, limit, "Resource temporarily unavailable"))
            self.assertEqual(enough[0], args[0] == "wait")
            self.assertTrue(enough[-1])

    def test_files(self):
        for args in self.commands():
            enough = [self.assert_survives(args, resource.RLIMIT_NOFILE, limit, "Too many open files")
                      for limit in range(5, 32)]  # with less GLib ends every program
            self.assertEqual(enough[0], args[0] == "wait")
            self.assertTrue(enough[-1])


if __name__ == "__main__":
    unittest.main()
