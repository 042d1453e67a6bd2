# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""How fast services elsewhere are: bench_engines.py [ENGINE…]

For each engine: a bare command of the client, the start of redis until it is ready, its stop, and 100 MB of output,
captured and by the bare client. Captured output must be at least half as fast as that.
"""

import statistics
import subprocess
import sys
import time

from elsewheretest import LIMIT, LOCALHOST, Mk, free_port

import engines

ROUNDS = 5
SIZE = 100_000_000
FLOOD = ["head", "-c", str(SIZE), "/dev/zero"]


class Home(engines.Engine):
    """No launcher."""

    name = "home"

    def check(self):
        pass


def measure(function):
    begun = time.monotonic()
    function()
    return time.monotonic() - begun


def measure_redis(engine):
    starts, stops = [], []
    for _ in range(ROUNDS):
        near, far = free_port(), free_port()
        if engine.name == "home":
            near = far
        executor = Mk.TcpExecutor.new(["sh", engine.tree, engine.run.get_id(), str(far)], LOCALHOST, near)
        executor.set_launcher(engine.launcher)
        executor.set_forwards([f"{near}:{far}"])
        starts.append(measure(lambda executor=executor: executor.start(None)))
        stops.append(measure(lambda executor=executor: executor.stop(None)))
    return statistics.median(starts), statistics.median(stops)


def run_raw(words):
    with subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
        while process.stdout.read1(1 << 20):
            pass
    if process.returncode != 0:
        raise engines.Unavailable(f"“{' '.join(words)}” exited with status {process.returncode}")


def run_captured(engine):
    executor = Mk.SimpleExecutor.new(FLOOD)
    executor.set_launcher(engine.launcher)
    executor.start(None)
    executor.wait_check(None)


def measure_engine(engine):
    bare = statistics.median(measure(lambda: run_raw([*engine.launcher, "true"])) for _ in range(ROUNDS))
    start, stop = measure_redis(engine)
    raw = min(measure(lambda: run_raw([*engine.launcher, *FLOOD])) for _ in range(2))
    captured = min(measure(lambda: run_captured(engine)) for _ in range(2))
    print(f"{engine.name:16} {bare:8.2f} s {start:8.2f} s {stop:8.2f} s {raw:8.2f} s {captured:8.2f} s", flush=True)
    return engine.name == "home" or captured <= 2 * raw + 0.5


def main():
    slow = []
    print(f"{'':16} {'client':>10} {'ready':>10} {'stop':>10} {'raw':>10} {'captured':>10}")
    for class_ in (Home, *engines.ALL):
        if sys.argv[1:] and class_.name not in sys.argv[1:]:
            continue
        run = engines.Run()
        try:
            with class_(run) as engine:
                if not measure_engine(engine):
                    slow.append(class_.name)
                left = engine.wait_until_clean(LIMIT)
                if left:
                    sys.exit("\n".join(left))
        except engines.Unavailable as error:
            print(f"{class_.name:16} {error}")
        finally:
            run.remove()
    if slow:
        sys.exit(f"less than half as fast as the client: {', '.join(slow)}")


if __name__ == "__main__":
    main()
