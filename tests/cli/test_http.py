# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""`mirakuru run` and `mirakuru wait` with --http."""

import shlex
import shutil
import subprocess
import sys
import unittest

from clitest import LIMIT, LOCALHOST, TestCase, free_port, listener, service


# It is busy for a second; and who has asked 20 times within the last second is refused.
LIMITED_SERVER = """
import http.server, sys, time
begun, asked = time.monotonic(), []

class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self):
        now = time.monotonic()
        asked[:] = [time for time in asked if time > now - 1] + [now]
        self.send_response(429 if len(asked) > 20 else 503 if now < begun + 1 else 200)
        if len(asked) > 20:
            self.send_header("Retry-After", "1")
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_HEAD = do_GET = answer

http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


def url(port, path="/"):
    return f"http://{LOCALHOST}:{port}{path}"


class Http(TestCase):
    def run_service(self, how, *options, timeout="20"):
        port = free_port()
        return self.run_tool("run", "--timeout", timeout, "--service", listener(port, "--http", how),
                             "--http", url(port), *options, "--", "echo", "up")

    def test_is_ready(self):
        status, stdout, stderr = self.run_service("ok")
        self.assertEqual((status, stdout), (0, "up\n"), stderr)

    def test_details(self):
        status, stdout, stderr = self.run_service("404 Not Found", "--status", "40[34]", "--method", "GET",
                                                  "--header", "Accept: */*", "--header", "X: y", "--insecure")
        self.assertEqual((status, stdout), (0, "up\n"), stderr)

    def test_redirects(self):
        self.assertEqual(self.run_service("moved", "--follow")[0], 0)
        status, _, stderr = self.run_service("moved", timeout="0.3")
        self.assertEqual(status, 124, stderr)
        self.assertIn("HTTP 302 Found", stderr)

    def test_certificates(self):
        for option in ("--cacert", "--cert"):
            status, _, stderr = self.run_tool("wait", "--http", "https://127.0.0.1:1/", option, self.path("none.pem"))
            self.assertEqual(status, 125, stderr)
            self.assertIn("none.pem", stderr)

    def test_certificates_of_both_sides(self):
        """A server that wants a certificate of its clients, as of itself."""
        def certificate(name):
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                            "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2",
                            "-keyout", self.path(name + ".key"), "-out", self.path(name + ".crt")],
                           check=True, capture_output=True, timeout=LIMIT)
            with open(self.path(name + ".pem"), "w", encoding="utf-8") as file:
                file.write(self.read(name + ".crt") + self.read(name + ".key"))
            return self.path(name)

        if shutil.which("openssl") is None:
            self.skipTest("openssl is not installed")
        server, client = certificate("server"), certificate("client")
        for options, expected, words in (
            (["--cacert", server + ".crt", "--cert", client + ".pem"], 0, ""),
            (["--insecure", "--cert", client + ".pem", "--body", "Ciphers supported"], 0, ""),
            (["--cacert", server + ".crt"], 124, "client certificate"),
            (["--cert", client + ".pem"], 124, "not trusted"),
        ):
            with self.subTest(options):
                port = free_port()
                command = ["openssl", "s_server", "-accept", f"{LOCALHOST}:{port}", "-www", "-quiet", "-CAfile", client + ".crt",
                           "-Verify", "1", "-verify_return_error", "-cert", server + ".crt", "-key", server + ".key"]
                status, _, stderr = self.run_tool(
                    "run", "--timeout", "20" if expected == 0 else "1.5", "--service", shlex.join(command),
                    "--http", f"https://{LOCALHOST}:{port}/", "--method", "GET", *options, "--", "true")
                self.assertEqual(status, expected, stderr)
                self.assertIn(words, stderr)

    def test_rate_limit(self):
        """Whatever the interval is: the server says when it wants to be asked again."""
        script = self.path("server.py")
        with open(script, "w", encoding="utf-8") as file:
            file.write(LIMITED_SERVER)
        for options in ([], ["--interval", "10ms"]):
            port = free_port()
            status, _, stderr = self.run_tool("run", "--timeout", "20", "--service",
                                              shlex.join([sys.executable, script, str(port)]), "--http", url(port), *options,
                                              "--", "true")
            self.assertEqual(status, 0, stderr)

    def test_body(self):
        for options in (["--body", "nobody says this"], ["--http-unix", self.path("none")]):
            status, _, stderr = self.run_service("ok", *options, timeout="300ms")
            self.assertEqual(status, 124, stderr)
        self.assertIn("none", stderr)

    def test_unix_socket(self):
        for number, options in enumerate((["--http", "http://nowhere.invalid/x"], [])):
            path = self.path(f"web{number}.socket")
            status, stdout, stderr = self.run_tool(
                "run", "--timeout", "20s", "--service", service("--listen", path, "--http", "ok"), *options,
                "--http-unix", path, "--status", "200", "--", "echo", "up")
            self.assertEqual((status, stdout), (0, "up\n"), stderr)

    def test_wrong_status(self):
        status, stdout, stderr = self.run_service("503 Busy", timeout="0.3")
        self.assertEqual((status, stdout), (124, ""), stderr)
        self.assertIn("HTTP 503 Busy", stderr)

    def test_wait(self):
        port = free_port()
        status, stdout, stderr = self.run_tool(
            "run", "--service", listener(port, "--http", "204 No Content"), "--http", url(port), "--",
            self.env["MK_TOOL"], "wait", "--http", url(port), "--status", "204", "--", "echo", "there")
        self.assertEqual((status, stdout), (0, "there\n"), stderr)

    def test_mistakes(self):
        for args, text in ((["--http", "localhost:80"], "http://"), (["--http", "ftp://x/"], "http://"),
                           (["--http", url(1), "--status", "("], "regular expression"),
                           (["--http", url(1), "--header", "x"], "header"),
                           (["--http", url(1), "--method", "A B"], "method")):
            status, _, stderr = self.run_tool("wait", *args)
            self.assertEqual(status, 125, stderr)
            self.assertIn(text, stderr)

    def test_password_is_not_told(self):
        for address in ("http://user:secret@127.0.0.1:1/", "user:secret@127.0.0.1", "http://user:secret@[::1/"):
            status, stdout, stderr = self.run_tool("wait", "--timeout", "0.1", "--http", address)
            self.assertIn(status, (124, 125), stderr)
            self.assertIn("127.0.0.1" if "127" in address else "::1", stderr)
            self.assertNotIn("secret", stdout + stderr)

    def test_detail_before_its_url(self):
        for args in (["--status", "200", "--http", url(1)], ["--tcp", "1", "--insecure"]):
            status, _, stderr = self.run_tool("wait", *args)
            self.assertEqual(status, 125, stderr)
            self.assertIn("follow the --http", stderr)


if __name__ == "__main__":
    unittest.main()
