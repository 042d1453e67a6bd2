# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""`mirakuru run` and `mirakuru wait` with --http."""

import unittest

from clitest import LOCALHOST, TestCase, free_port, listener, service


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
