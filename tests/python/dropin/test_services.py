# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Real servers, with executors as the packages around mirakuru have them."""

import glob
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import unittest

from dropintest import LOCALHOST, DropInTest, free_port, need

from mirakuru import AlreadyRunning, HTTPExecutor, OutputExecutor, TCPExecutor
from mirakuru.exceptions import ProcessFinishedWithError

LIMIT = 60


def talk(port, request):
    with socket.create_connection((LOCALHOST, port), LIMIT) as client:
        client.sendall(request)
        return client.recv(100)


class Servers(DropInTest):
    def test_redis(self):
        need("redis-server")
        port = free_port()
        command = f"redis-server --bind {LOCALHOST} --port {port} --save ''"
        with self.keep(TCPExecutor(command, LOCALHOST, port, timeout=LIMIT)) as redis:
            self.assertEqual(talk(port, b"PING\r\n"), b"+PONG\r\n")
            with self.assertRaises(AlreadyRunning) as caught:
                TCPExecutor(command, LOCALHOST, port).start()
            self.assertIn(f"redis-server (pid {redis.process.pid})", str(caught.exception))
        self.assert_gone(redis)

    def test_redis_says_when_it_is_ready(self):
        need("redis-server")
        port = free_port()
        command = f"redis-server --bind {LOCALHOST} --port {port} --save ''"
        with self.keep(OutputExecutor(command, ".*Ready to accept connections", timeout=LIMIT)):
            self.assertEqual(talk(port, b"PING\r\n"), b"+PONG\r\n")

    def test_memcached(self):
        need("memcached")
        port = free_port()
        command = ["memcached", "-l", LOCALHOST, "-p", str(port), "-U", "0", "-u", "root"]
        with self.keep(TCPExecutor(command, host=LOCALHOST, port=port, timeout=LIMIT)):
            self.assertTrue(talk(port, b"version\r\n").startswith(b"VERSION"))

    def test_nginx(self):
        need("nginx")
        folder, port = self.folder(), free_port()
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        configuration = (
            f"daemon off; error_log stderr; worker_processes 2; pid {folder}/pid; events {{}} http {{ access_log off;"
            + "".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
            + f"server {{ listen {LOCALHOST}:{port}; location / {{ return 204; }} }} }}"
        )
        (folder / "conf").write_text(configuration, encoding="utf-8")
        command = ["nginx", "-p", str(folder), "-c", str(folder / "conf"), "-e", "stderr"]
        url = f"http://{LOCALHOST}:{port}/"
        with self.keep(HTTPExecutor(command, url, status=204, timeout=LIMIT, stderr=subprocess.PIPE)) as nginx:
            self.assertTrue(nginx.running())
        self.assert_gone(nginx)


def as_server_user():
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return []
    user = pwd.getpwnam("postgres")
    return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", "--"]


def find_program(name):
    found = sorted(glob.glob(f"/usr/lib/postgresql/*/bin/{name}")) or [shutil.which(name)]
    if not found[-1]:
        raise unittest.SkipTest("PostgreSQL is not installed")
    return found[-1]


class PostgreSQLExecutor(TCPExecutor):
    """The command is a launcher that ends with status 0 while the server lives on."""

    START = "{user} {pg_ctl} start -D '{data}' -o \"-F -p {port} -c unix_socket_directories='{folder}'\" -l {log} {how}"

    def __init__(self, port, how="-w"):
        self.user = as_server_user()
        self.pg_ctl = find_program("pg_ctl")
        self.folder = tempfile.mkdtemp(prefix="mk-dropin-postgres-")
        self.data = os.path.join(self.folder, "data")
        self.log = os.path.join(self.folder, "log")
        if self.user:
            shutil.chown(self.folder, "postgres", "postgres")
        command = self.START.format(**{**vars(self), "user": " ".join(self.user)}, port=port, how=how)
        super().__init__(command, LOCALHOST, port, timeout=LIMIT, sleep=0.1, envvars={"LC_ALL": "C.UTF-8"}, cwd="/")

    def start(self):
        if not os.path.exists(self.data):
            options = ["-D", self.data, "--username=postgres", "--auth=trust", "--no-sync"]
            command = [*self.user, find_program("initdb"), *options]
            subprocess.run(command, env=self.envvars, cwd="/", stdout=subprocess.DEVNULL, check=True)
        super().start()
        return self

    def running(self):
        if not os.path.exists(self.data):
            return False
        command = [*self.user, self.pg_ctl, "status", "-D", self.data]
        return subprocess.run(command, cwd="/", stdout=subprocess.DEVNULL, check=False).returncode == 0

    def stop(self, stop_signal=None, expected_returncode=None):
        command = [*self.user, self.pg_ctl, "stop", "-D", self.data, "-m", "fast"]
        subprocess.run(command, cwd="/", stdout=subprocess.DEVNULL, check=True)
        try:
            super().stop(stop_signal, expected_returncode)
        except ProcessFinishedWithError:
            pass
        return self

    def __del__(self):
        try:
            super().__del__()
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)


class Postgres(DropInTest):
    def query(self, executor, sql):
        command = ["psql", "-h", LOCALHOST, "-p", str(executor.port), "-U", "postgres", "-Atc", sql]
        return subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=LIMIT, check=True).stdout.strip()

    def test_launcher_that_waits(self):
        need("psql")
        executor = self.keep(PostgreSQLExecutor(free_port()))
        self.assertFalse(executor.running())
        with executor:
            self.assertTrue(executor.running())
            self.assertEqual(executor.process.wait(LIMIT), 0)
            self.assertEqual(self.query(executor, "SELECT 6 * 7"), "42")
            with executor.stopped():
                self.assertFalse(executor.running())
            self.assertEqual(self.query(executor, "SELECT 1"), "1")
        self.assertFalse(executor.running())

    def test_launcher_that_does_not(self):
        executor = self.keep(PostgreSQLExecutor(free_port(), how="-W")).start()
        self.assertTrue(executor.running())
        folder = executor.folder
        del executor
        self.assertFalse(os.path.exists(folder))


if __name__ == "__main__":
    unittest.main()
