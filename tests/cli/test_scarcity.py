# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Too few processes or files for `mirakuru`: it says so, and does not crash."""

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
        """Returns whether the command had enough."""
        with self.subTest(args=args, limit=limit):
            status, _, stderr = self.run_tool(
                *args, preexec_fn=lambda: resource.setrlimit(kind, (limit, limit)), **options)
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

    def test_files(self):
        for args in self.commands():
            enough = [self.assert_survives(args, resource.RLIMIT_NOFILE, limit, "Too many open files")
                      for limit in range(5, 32)]  # with less GLib ends every program
            self.assertEqual(enough[0], args[0] == "wait")
            self.assertTrue(enough[-1])


if __name__ == "__main__":
    unittest.main()
