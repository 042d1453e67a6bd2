# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Operations that are awaited, below asyncio's own event loop."""

import asyncio
import gc
import threading
import unittest
import weakref

from mktest import (
    LIMIT,
    LOCALHOST,
    SERVICE,
    Gio,
    GLib,
    Mk,
    TestCase,
    free_port,
    iterate_until,
    marker,
    ping,
    processes,
    redis_executor,
    service,
)


class AsyncioTest(TestCase):
    def run_async(self, coroutine):
        async def limited():
            return await asyncio.wait_for(coroutine, LIMIT)

        return asyncio.run(limited())

    def never_ready(self):
        return self.keep(Mk.TcpExecutor(command=service(), host=LOCALHOST, port=free_port()))

    def test_redis(self):
        async def body():
            redis = self.keep(redis_executor())
            self.assertIs(await redis.start_async(), True)
            self.assertEqual(ping(redis.get_port()), "PONG")
            with self.assertRaises(Mk.AlreadyRunningError):
                await redis_executor(redis.get_port()).start_async()
            self.assertIs(await redis.stop_async(), True)
            self.assertEqual(redis.get_state(), Mk.ExecutorState.STOPPED)

        self.run_async(body())

    def test_loop_goes_on(self):
        async def body():
            ticks = 0
            start = self.never_ready().start_async()
            for _ in range(50):
                await asyncio.sleep(0.001)
                ticks += 1
            self.assertFalse(start.done())
            start.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await start

        self.run_async(body())

    def test_many_at_once(self):
        """More waits than a pool of threads may have; none of them keeps another operation waiting."""

        async def body():
            executors = [self.keep(Mk.SimpleExecutor.new(service())) for _ in range(40)]
            await asyncio.gather(*(executor.start_async() for executor in executors))
            waits = [executor.wait_async() for executor in executors]
            await asyncio.gather(*(executor.stop_async() for executor in executors))
            await asyncio.gather(*waits, return_exceptions=True)

        self.run_async(body())

    def test_cancelled(self):
        async def body():
            executor = self.never_ready()
            mark = marker(executor)
            with self.assertRaises(asyncio.TimeoutError):
                await asyncio.wait_for(executor.start_async(), 0.1)
            self.assertEqual(executor.get_state(), Mk.ExecutorState.STOPPED)
            self.assert_gone(mark)

        self.run_async(body())

    def test_cancelled_again(self):
        """While what was cancelled is being stopped."""

        async def body():
            executor = self.never_ready()
            mark = marker(executor)
            start = asyncio.ensure_future(executor.start_async())
            while not processes(mark):
                await asyncio.sleep(0.001)
            for _ in range(2):
                start.cancel()
                await asyncio.sleep(0)
            with self.assertRaises(asyncio.CancelledError):
                await start
            self.assertFalse(executor.get_active())
            self.assert_gone(mark)

        self.run_async(body())

    def test_cancelled_by_gio(self):
        async def body():
            cancellable = Gio.Cancellable()
            start = self.never_ready().start_async(cancellable)
            asyncio.get_running_loop().call_later(0.02, cancellable.cancel)
            with self.assertRaises(GLib.Error) as caught:
                await start
            self.assertTrue(caught.exception.matches(Gio.io_error_quark(), Gio.IOErrorEnum.CANCELLED))

        self.run_async(body())

    def test_loop_ends_early(self):
        """What is under way when asyncio.run() ends is cancelled."""
        executor = self.never_ready()
        mark = marker(executor)

        async def body():
            self.start = executor.start_async()
            while not processes(mark):
                await asyncio.sleep(0.001)

        self.run_async(body())
        self.assertTrue(self.start.cancelled())
        self.assertEqual(executor.get_state(), Mk.ExecutorState.STOPPED)
        self.assert_gone(mark)

    def test_errors(self):
        async def body():
            with self.assertRaises(Mk.SpawnFailedError):
                await Mk.SimpleExecutor.new("mk-no-such-program").start_async()
            with self.assertRaises(Mk.TimedOutError):
                await Mk.TcpProbe.new(LOCALHOST, free_port()).wait_async(20)
            self.assertIs(await Mk.TcpProbe.new(LOCALHOST, free_port()).check_async(), False)
            self.assertIs(await Mk.TcpProbe.new(LOCALHOST, free_port()).wait_gone_async(timeout_ms=5000), True)

        self.run_async(body())

    def test_with(self):
        async def body():
            async with self.keep(redis_executor()) as redis:
                self.assertEqual(ping(redis.get_port()), "PONG")
            self.assertEqual(redis.get_state(), Mk.ExecutorState.STOPPED)
            with self.assertRaises(ZeroDivisionError):
                async with redis:
                    1 / 0
            self.assertEqual(redis.get_state(), Mk.ExecutorState.STOPPED)

        self.run_async(body())

    def test_lines(self):
        async def body():
            async with self.keep(Mk.SimpleExecutor.new([SERVICE, "--print", "a", "--print", "b", "--exit", "0"])) as e:
                self.assertEqual([line async for line in e.lines()], ["a", "b"])

        self.run_async(body())

    def test_lines_cancelled(self):
        async def body():
            async with self.keep(Mk.SimpleExecutor.new(service("--print", "a"))) as executor:
                lines = executor.lines()
                self.assertEqual(await lines.__anext__(), "a")
                with self.assertRaises(asyncio.TimeoutError):
                    await asyncio.wait_for(lines.__anext__(), 0.05)

        self.run_async(body())

    def test_callback_as_ever(self):
        """With a callback, or where asyncio does not run, it is the operation of the main context."""
        executor, results = self.keep(Mk.SimpleExecutor.new(service())), []

        async def body():
            self.assertIsNone(executor.start_async(None, lambda *given: results.append(given), "mine"))

        self.run_async(body())
        iterate_until(lambda: results, "the callback is called")
        self.assertIs(results[0][0].start_finish(results[0][1]), True)
        self.assertEqual(results[0][2], "mine")
        self.assertIsNone(executor.stop_async())
        iterate_until(lambda: executor.get_state() == Mk.ExecutorState.STOPPED, "it is stopped")

    def test_hooks_run_in_a_thread(self):
        class Threaded(Mk.SimpleExecutor):
            def do_started(self, task):
                self.thread = threading.current_thread()
                task.return_boolean(True)

        async def body():
            async with self.keep(Threaded(command=service())) as executor:
                self.assertIsNot(executor.thread, threading.main_thread())

        self.run_async(body())

    def test_nothing_is_kept(self):
        async def body():
            executor = Mk.SimpleExecutor.new(service())
            await executor.start_async()
            return weakref.ref(executor), marker(executor)

        executor, mark = self.run_async(body())
        gc.collect()
        self.assertIsNone(executor())
        self.assert_gone(mark)


if __name__ == "__main__":
    unittest.main()
