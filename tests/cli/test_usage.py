# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Command lines of `mirakuru`: help, and what is told about mistakes."""

import unittest

from clitest import TestCase, free_port, listener, tcp


class Help(TestCase):
    def test_help(self):
        status, stdout, stderr = self.run_tool("--help")
        self.assertEqual((status, stderr), (0, ""))
        for text in ("Usage:\n  mirakuru ", "run ", "wait ", "Examples:"):
            self.assertIn(text, stdout)

    def test_help_of_commands(self):
        for command, options in (("run", "--service --tcp --http --status --body --method --header --follow --cacert --cert --insecure --unix --file --output --exec --dbus --http-unix --any --interval --attempt-timeout --name --cwd --env --unset --stdin --pty --timeout --stop-timeout --verbose --quiet"),
                                 ("wait", "--tcp --http --status --body --method --header --follow --cacert --cert --insecure --unix --file --exec --dbus --http-unix --any --interval --attempt-timeout --gone --timeout --quiet")):
            status, stdout, stderr = self.run_tool(command, "--help")
            self.assertEqual((status, stderr), (0, ""))
            for text in (f"Usage:\n  mirakuru {command} ", "Examples:", "Exit status:", "124", *options.split()):
                self.assertIn(text, stdout)

    def test_texts_fit_in_80_columns(self):
        for args in ([], ["run"], ["wait"], ["templates"]):
            _, stdout, _ = self.run_tool(*args, "--help")
            texts = [line for line in stdout.splitlines() if not line.lstrip().startswith("-") and "[OPTION" not in line]
            self.assertEqual([line for line in texts if len(line) > 80], [])

    def test_details_stand_after_what_they_belong_to(self):
        for command in ("run", "wait"):
            _, stdout, _ = self.run_tool(command, "--help")
            self.assertRegex(stdout, r"(?m)^ +--http=.*\n +--status=.*\n +--body=.*\n +--method=.*\n +--header=.*\n +--follow .*\n +--cacert=.*\n +--cert=.*\n +--insecure ")

    def test_version(self):
        for args in (["--version"], ["run", "--version"], ["wait", "--version"]):
            status, stdout, stderr = self.run_tool(*args)
            self.assertEqual((status, stderr), (0, ""))
            self.assertRegex(stdout, r"\Amirakuru \d+\.\d+\.\d+\n\Z")


class Mistakes(TestCase):
    def assert_misuse(self, args, *texts, program="mirakuru"):
        with self.subTest(args):
            status, stdout, stderr = self.run_tool(*args)
            self.assertEqual((status, stdout), (125, ""), stderr)
            self.assertTrue(stderr.startswith("mirakuru: "), stderr)
            self.assertTrue(stderr.endswith(f"Try '{program} --help'.\n"), stderr)
            for text in texts:
                self.assertIn(text, stderr)

    def assert_run_misuse(self, args, *texts):
        self.assert_misuse(["run", *args], *texts, program="mirakuru run")

    def assert_wait_misuse(self, args, *texts):
        self.assert_misuse(["wait", *args], *texts, program="mirakuru wait")

    def test_command(self):
        self.assert_misuse([], "'run', 'wait' or 'templates'")
        self.assert_misuse(["start"], "'start'")
        self.assert_misuse(["--no-such-option"], "--no-such-option")
        self.assert_misuse([""], "''")

    def test_nothing_to_do(self):
        self.assert_run_misuse([], "--service")
        self.assert_run_misuse(["--", "true"], "--service")
        self.assert_wait_misuse([], "--tcp")
        self.assert_wait_misuse(["--gone", "--", "true"], "--tcp")

    def test_option_before_its_service(self):
        for option in ("--tcp=6379", "--name=x", "--cwd=/", "--env=A=b", "--http=http://localhost/", "--unix=/x",
                       "--output=x", "--exec=true", "--status=200", "--method=GET", "--header=A: b", "--insecure", "--interval=1",
                       "--attempt-timeout=1"):
            self.assert_run_misuse([option, "--service", "true"], option.split("=")[0], "--service")

    def test_detail_before_its_url(self):
        for option in ("--status=200", "--method=GET", "--header=A: b", "--follow", "--cacert=/x",
                       "--cert=/x", "--insecure"):
            name = option.split("=")[0]
            for before in ([], ["--tcp=1"], ["--http=http://localhost/", "--file=/x"]):
                self.assert_run_misuse(["--service", "true", *before, option, "--http=http://localhost/"], name, "--http")
                self.assert_wait_misuse([*before, option, "--http=http://localhost/"], name, "--http")
            self.assert_run_misuse(["--service", "true", "--http=http://localhost/", "--service", "true", option], name, "--http")

    def test_time_before_its_condition(self):
        for option in ("--interval", "--attempt-timeout"):
            self.assert_run_misuse(["--service", "true", option, "1", "--tcp", "1"], option, "--tcp", "--exec")
            self.assert_run_misuse(["--service", "true", "--output", "x", option, "1"], option, "--tcp", "--exec")
            self.assert_wait_misuse([option, "1", "--file", "/x"], option, "--tcp", "--exec")

    def test_output_of_nobody(self):
        self.assert_wait_misuse(["--output", "ready"], "--output", "'mirakuru run'")
        self.assert_wait_misuse(["--tcp", "1", "--output", ""], "--output", "'mirakuru run'")

    def test_order_of_other_options(self):
        port = free_port()
        status, _, stderr = self.run_tool("run", "--timeout", "5", "--quiet", "--service", listener(port), *tcp(port),
                                          "--stop-timeout", "5", "--", "true")
        self.assertEqual((status, stderr), (0, ""))

    def test_unknown_options(self):
        self.assert_run_misuse(["--service", "redis-server", "--port", "6379"], "'--port' is not an option", "in quotes")
        self.assert_run_misuse(["--service", "redis-server", "--port", "6379", "--tcp", "x"], "'--port' is not an option")
        self.assert_wait_misuse(["--service", "true", "--tcp", "1"], "'--service' is not an option")

    def test_stray_words(self):
        self.assert_run_misuse(["--service", "sleep", "30", "--", "true"], "'30'", "'--'")
        self.assert_run_misuse(["--service", "sleep 30", "true"], "'true'", "'--'")
        self.assert_run_misuse(["--service", "sleep 30", "sh", "-c", "exit 5"], "'sh'", "'--'")
        self.assert_wait_misuse(["6379"], "'6379'")

    def test_no_command(self):
        self.assert_run_misuse(["--service", "sleep 30", "--"], "no command")
        self.assert_run_misuse(["--service", "sleep 30", "--", ""], "no command")
        self.assert_wait_misuse(["--tcp", "1", "--"], "no command")

    def test_missing_values(self):
        self.assert_run_misuse(["--service"], "--service")
        self.assert_run_misuse(["--service", "true", "--output", ""], "--output")
        for option in ("--tcp", "--http", "--unix", "--file", "--exec"):
            self.assert_run_misuse(["--service", "true", option], option)
            self.assert_wait_misuse([option], option)

    def test_bad_addresses(self):
        for value in ("", ":", "localhost", "localhost:", "localhost:0", "localhost:70000", "0", "65536", "-1",
                      "localhost:-1", "localhost:http", "localhost:12x", "localhost: 1", "::1:6379", "[::1]", "[::1]6379",
                      "[::1:6379", "http://localhost:80", "a b:80", "user@localhost:80", "99999999999999999999"):
            self.assert_run_misuse(["--service", "true", f"--tcp={value}"], f"“{value}”", "PORT")
            self.assert_wait_misuse([f"--tcp={value}"], f"“{value}”", "PORT")

    def test_urls_and_ports(self):
        for value in ("tcp://127.0.0.1:80", "http://x:80/"):
            self.assert_run_misuse(["--service", "true", "--tcp", value], value, "HOST:PORT", "--http")
        self.assert_wait_misuse(["localhost:80"], "--tcp localhost:80")
        self.assert_wait_misuse(["http://localhost:80/"], "--http http://localhost:80/")

    def test_shell_syntax(self):
        for text, hint in (("PORT=3 cmd", "--env PORT=3"), ("cd x && y", "--cwd"), ("a && b", "'&&'"), ("a | b", "'|'"),
                           ("a; b", "'a;'"), ("a > log", "'>'"), ("a 2>&1", "'2>&1'"), ("a &", "'&'"), ("a $HOME", "'$HOME'"),
                           ("a `b`", "'`b`'"), ("a ~/b", "'~/b'"), ("a $(b)", "'$(b)'")):
            self.assert_run_misuse(["--service", text], f"--service '{text}'", hint, "--service 'sh -c \"…\"'")
            self.assert_wait_misuse(["--exec", text], f"--exec '{text}'", "--exec 'sh -c \"…\"'")

    def test_no_shell_syntax(self):
        for text in ("echo 'a && b' \"c | d\" e\\;", "echo http://x/?a=1&b=2 ^ready$ a=b x~y", "sh -c 'cd / && echo $HOME; true'"):
            self.assertEqual(self.run_tool("wait", "-q", "--exec", text)[::2], (0, ""))

    def test_shell_syntax_of_the_command(self):
        for words in (["mk-none && b"], ["MK_NONE=3", "b"], ["mk-none a"]):
            for args in (["run", "-q", "--service", "sleep 30"], ["wait", "-q", "--file", self.env["MK_TOOL"]]):
                status, _, stderr = self.run_tool(*args, "--", *words)
                self.assertEqual(status, 127, stderr)
                self.assertIn("sh -c", stderr)
        self.assertNotIn("sh -c", self.run_tool("run", "-q", "--service", "sleep 30", "--", "mk-none")[2])

    def test_quotes_of_the_locale(self):
        for locale, quotes in (("C", '"mk-none"'), ("C.UTF-8", "“mk-none”")):
            self.env["LC_ALL"] = locale
            stderr = self.run_tool("run", "--service", "mk-none", "--", "true")[2]
            self.assertIn(quotes, stderr)
            self.assertEqual(stderr.isascii(), locale == "C", stderr)

    def test_bad_times(self):
        for value in ("", "-1", "-0.5", "abc", "1 s", "1h", "s", "ms", "1sm", "-1s", "1e3s", "71583m", "nan", "inf", "0x10", " 1", "1e3", "1.2.3", ".", "1,5", "4294968",
                      "99999999999999999999999"):
            for option in ("--timeout", "--stop-timeout"):
                self.assert_run_misuse(["--service", "true", f"{option}={value}"], option, f"“{value}”", "seconds")
            for option in ("--timeout", "--interval", "--attempt-timeout"):
                self.assert_wait_misuse(["--tcp", "1", f"{option}={value}"], option, f"“{value}”", "seconds")

    def test_good_times(self):
        for value in ("0", "60", "0.5", ".5", "5.", "4294967", "0.0001", "500ms", "30s", "2m", "0.5m", "0ms"):
            with self.subTest(value):
                status, _, stderr = self.run_tool("run", "--stop-timeout", value, "--service", "sleep 30", "--", "true")
                self.assertEqual(status, 0, stderr)

    def test_tiny_time_is_not_none(self):
        self.assertEqual(self.run_tool("wait", "--timeout", "0.0001", *tcp(free_port()))[0], 124)

    def test_bad_environment(self):
        for value in ("NAME", "", "=value"):
            self.assert_run_misuse(["--service", "true", "--env", value], "NAME=VALUE", f"“{value}”")

    def test_bad_names_of_variables(self):
        for value in ("NAME=x", "", "="):
            self.assert_run_misuse(["--service", "true", "--unset", value], "--unset", f"“{value}”")

    def test_option_of_the_other_command(self):
        self.assert_wait_misuse(["--tcp", "1", "--pty"], "'--pty'", "'mirakuru run'")
        self.assert_wait_misuse(["--output=x"], "'--output=x'", "'mirakuru run'")
        self.assert_run_misuse(["--service", "true", "--gone"], "'--gone'", "'mirakuru wait'")

    def test_any_output(self):
        self.assert_run_misuse(["--service", "true", "--any", "--output", "x"], "--any", "--output")

    def test_bad_names(self):
        for value in ("", "two\nlines", "\033[2J"):
            self.assert_run_misuse(["--service", "true", "--name", value], "--name")

    def test_quiet_and_verbose(self):
        self.assert_run_misuse(["--service", "true", "--quiet", "--verbose"], "--quiet", "--verbose")

    def test_bad_command_of_a_service(self):
        self.assert_run_misuse(["--service", "a 'b"], "a 'b")
        self.assert_run_misuse(["--service", ""], "--service")


if __name__ == "__main__":
    unittest.main()
