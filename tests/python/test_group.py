# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Groups of services."""

import asyncio
import unittest

from mktest import LOCALHOST, GLib, Mk, TestCase, service


def new_group(test):
    group = Mk.ExecutorGroup()
    db = test.keep(Mk.TcpExecutor.new(service("--listen", f"{LOCALHOST}:{{port}}"), LOCALHOST, 0))
    web = test.keep(Mk.OutputExecutor.new(service("--ready", "db is {db.port}"), r"db is (?<seen>\d+)\n"))
    group.add("web", web)
    group.add("db", db)
    return group


class Group(TestCase):
    def test_with(self):
        group = new_group(self)
        with group as same:
            self.assertIs(same, group)
            self.assertEqual(group.get_state(), Mk.ExecutorState.READY)
            self.assertEqual(group.dup_value("db.port"), group.dup_value("web.seen"))
            self.assertEqual(group.expand("{db.host}:{db.port}"), f"{LOCALHOST}:{group['db'].dup_value('port')}")
            self.assertIn(f"DB_PORT={group.dup_value('db.port')}", group.dup_environment(["A=b"]))
        self.assertEqual(group.get_state(), Mk.ExecutorState.STOPPED)

    def test_mapping(self):
        group = new_group(self)
        self.assertEqual([group.get_name(executor) for executor in group], ["web", "db"])
        self.assertEqual(len(group), 2)
        self.assertIs(group["db"], group[1])
        self.assertIn("db", group)
        self.assertNotIn("none", group)
        with self.assertRaises(KeyError):
            group["none"]
        self.assertEqual(repr(group), "<Mk.ExecutorGroup: web, db>")
        with self.assertRaises(Mk.InvalidArgumentError):
            group.add("db", Mk.SimpleExecutor.new(["true"]))

    def test_await(self):
        async def run():
            async with new_group(self) as group:
                return group.dup_value("db.port")

        self.assertTrue(asyncio.run(run()).isdigit())

    def test_failure(self):
        group, failed = new_group(self), []
        group.connect("failed", lambda _group, name, error: failed.append((name, error.message)))
        group.add("bad", Mk.SimpleExecutor(command="mk-no-such-program"))
        with self.assertRaisesRegex(Mk.SpawnFailedError, "^bad: Cannot run"), group:
            pass
        self.assertEqual([name for name, _ in failed], ["bad"])

    def test_exception_in_the_block(self):
        group = new_group(self)
        with self.assertRaises(ZeroDivisionError), group:
            1 / 0
        self.assertFalse(any(executor.get_active() for executor in group))

    def test_progress_in_a_main_loop(self):
        group, states = new_group(self), []
        progress = []
        group.connect("notify::state", lambda *_: states.append(group.get_state().value_nick))
        group.connect("notify::progress", lambda *_: progress.append(group.get_property("progress")))
        loop = GLib.MainLoop()
        group.start_async(None, lambda group, result: (progress.append("started"), group.start_finish(result), loop.quit()))
        loop.run()
        group.stop_async(None, lambda group, result: (progress.append("stopped"), group.stop_finish(result), loop.quit()))
        loop.run()
        self.assertEqual(states, ["starting", "ready", "stopping", "stopped"])
        self.assertEqual(progress, [0.5, 1.0, "started", 0.5, 0.0, "stopped"])

    def test_report(self):
        group = new_group(self)
        self.assertEqual(group.dup_report().split("\n")[0], "stopped")
        with group:
            lines = group.dup_report().split("\n")
            self.assertEqual(lines[0], "ready")
            self.assertRegex(lines[1], r"^  web: .*, ready\)$")
            self.assertTrue(all(line.startswith("  ") for line in lines[1:]), lines)
            self.assertRegex(group.dup_report(), r"\n    ready after \d")
            self.assertRegex(group.dup_report(), r"\n    has been running for \d")
            self.assertRegex(group.dup_report(), r"\n    waited for 127.0.0.1:\d+ to accept connections \(\d+ attempts?\)")
            self.assertEqual([service["name"] for service in group.dup_report_dict()["services"]], ["web", "db"])
        self.assertIn("no process left", group.dup_report())
        self.assertNotIn("has been running", group.dup_report())


if __name__ == "__main__":
    unittest.main()
