# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A real redis-server is started, used and stopped, in each way a program may go about it."""

import threading
import unittest

from mktest import (
    LIMIT,
    LOCALHOST,
    Async,
    GLib,
    Mk,
    Sync,
    TestCase,
    can_connect,
    free_port,
    iterate_until,
    listener,
    lives,
    marker,
    ping,
    redis_executor,
)


class RedisTests:
    def test_start_use_stop(self):
        redis = self.keep(redis_executor())
        self.assertTrue(self.call(redis, "start"))
        mark = marker(redis)
        self.assertEqual(ping(redis.get_port()), "PONG")
        self.assertEqual(redis.get_state(), Mk.ExecutorState.READY)
        pid = redis.get_pid()
        self.assertTrue(lives(pid))
        self.assertTrue(self.call(redis, "stop"))
        self.assertEqual(redis.get_state(), Mk.ExecutorState.STOPPED)
        self.assertEqual(redis.get_exit_status(), 0)
        self.assertFalse(can_connect(redis.get_port()))
        self.assertFalse(lives(pid))
        self.assert_gone(mark)

    def test_start_again(self):
        redis = self.keep(redis_executor())
        pids = set()
        for _ in range(3):
            self.call(redis, "start")
            self.assertEqual(ping(redis.get_port()), "PONG")
            pids.add(redis.get_pid())
            self.call(redis, "stop")
        self.assertEqual(len(pids), 3)

    def test_kill(self):
        redis = self.keep(redis_executor())
        self.call(redis, "start")
        mark = marker(redis)
        self.assertTrue(self.call(redis, "kill"))
        self.assertEqual(redis.get_exit_status(), -9)
        self.assert_gone(mark)

    def test_port_is_held(self):
        first = self.keep(redis_executor())
        self.call(first, "start")
        second = self.keep(redis_executor(first.get_port()))
        message = self.assert_raises(Mk.Error.ALREADY_RUNNING, self.call, second, "start")
        self.assertIn(str(first.get_pid()), message)
        self.assertIn("redis-server", message)
        self.assertEqual(second.get_state(), Mk.ExecutorState.STOPPED)
        self.assertEqual(ping(first.get_port()), "PONG")
        self.call(first, "stop")

    def test_two_at_once(self):
        first, second = (self.keep(redis_executor()) for _ in range(2))
        self.call(first, "start")
        self.call(second, "start")
        self.call(first, "stop")
        self.assertEqual(ping(second.get_port()), "PONG")
        self.call(second, "stop")


class RedisSync(RedisTests, Sync, TestCase):
    """Without any main loop."""


class RedisAsync(RedisTests, Async, TestCase):
    """With the main loop of the main context."""


class InThread:
    """Runs each test in a thread that has a context of its own."""

    def run(self, result=None):
        def body():
            context = GLib.MainContext.new()
            context.push_thread_default()
            try:
                super(InThread, self).run(result)
            finally:
                context.pop_thread_default()

        thread = threading.Thread(target=body, daemon=True)
        thread.start()
        thread.join(3 * LIMIT)
        if thread.is_alive():
            raise RuntimeError(f"{self.id()} hangs")


class RedisSyncInThread(InThread, RedisTests, Sync, TestCase):
    pass


class RedisAsyncInThread(InThread, RedisTests, Async, TestCase):
    pass


class RedisInLoop(TestCase):
    """As in an application: everything happens in callbacks of one running main loop."""

    def test_chain(self):
        redis, loop, seen = self.keep(redis_executor()), GLib.MainLoop(), []

        def on_started(executor, result):
            seen.append(executor.start_finish(result))
            seen.append(ping(executor.get_port()))
            executor.stop_async(None, on_stopped)

        def on_stopped(executor, result):
            seen.append(executor.stop_finish(result))
            loop.quit()

        guard = GLib.timeout_add_seconds(LIMIT, loop.quit)
        redis.start_async(None, on_started)
        loop.run()
        GLib.source_remove(guard)
        self.assertEqual(seen, [True, "PONG", True])

    def test_loop_goes_on_during_start(self):
        port, ticks, done = free_port(), [], []
        slow = self.keep(Mk.TcpExecutor.new(listener(port, "--after", 200), LOCALHOST, port))
        source = GLib.timeout_add(2, lambda: ticks.append(not done) or True)
        slow.start_async(None, lambda executor, result: done.append(executor.start_finish(result)))
        iterate_until(lambda: done, "the start is over")
        GLib.source_remove(source)
        self.assertEqual(done, [True])
        self.assertGreater(sum(ticks), 10)
        slow.stop()


if __name__ == "__main__":
    unittest.main()
