# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the library and the command say in other languages.

What they have to say is looked up in the catalogues, which were just compiled, so a better
translation breaks nothing here.
"""

import gettext
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

DOMAIN = "mirakuru-glib-1"
CATALOGUES = pathlib.Path(os.environ["MIRAKURU_GLIB_LOCALEDIR"])
LANGUAGES = [line for line in pathlib.Path(os.environ["MK_LINGUAS"]).read_text().split("\n") if line[:1] not in ("", "#")]
LIMIT = 20  # seconds
# In the locales C and C.UTF-8 gettext does not translate at all, or not in every version.
LOCALE = "de_DE.UTF-8"
PLACE = re.compile(r"%(?:(\d+)\$)?(?:[ds]|l?u)")


def find_utf8_locale():
    """The files of C.UTF-8 do under another name: no other locale has to be installed."""
    folders = ("/usr/lib/locale", "/usr/lib64/locale", "/usr/share/locale")
    found = (pathlib.Path(f, name) for f in folders for name in ("C.utf8", "C.UTF-8"))
    return next((path for path in found if path.is_dir()), None)


def fill(text, *values):
    """As printf() does: the places may be numbered."""
    following = iter(values)
    return PLACE.sub(lambda m: str(values[int(m[1]) - 1] if m[1] else next(following)), text)


class Words(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.locales = folder.name
        for name in (LOCALE, LOCALE.replace("UTF-8", "utf8")):
            os.symlink(find_utf8_locale(), os.path.join(self.locales, name))

    def run_in(self, language, *command, **variables):
        env = {**os.environ, "LC_ALL": LOCALE, "LOCPATH": self.locales, "LANGUAGE": language, **variables}
        return subprocess.run(command, env=env, capture_output=True, encoding="utf-8", errors="replace", timeout=LIMIT, check=False)

    def library_says(self, language, *arguments, **variables):
        result = self.run_in(language, os.environ["MK_TEST_WORDS"], *arguments, **variables)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        return result.stdout.splitlines()

    def translate(self, catalogue, text):
        translation = catalogue.gettext(text)
        self.assertNotEqual(translation, text)
        return translation

    def expected(self, catalogue):
        too_long = catalogue.ngettext(
            "“%s” is too long for a Unix socket: it has %lu byte, at most %lu are possible. Use a directory with a shorter path",
            "“%s” is too long for a Unix socket: it has %lu bytes, at most %lu are possible. Use a directory with a shorter path",
            200,
        )
        return [
            fill(catalogue.gettext("%s to accept connections"), "127.0.0.1:80"),
            catalogue.gettext("Nothing was started yet; call start() first"),
            fill(too_long, "@" + 199 * "x", 200, 107),
        ]

    def english(self):
        return self.expected(gettext.NullTranslations())

    def test_library(self):
        self.assertTrue(LANGUAGES)
        for language in LANGUAGES:
            with self.subTest(language):
                expected = self.expected(gettext.translation(DOMAIN, CATALOGUES, [language]))
                for line, english in zip(expected, self.english()):
                    self.assertNotEqual(line, english)
                self.assertEqual(self.library_says(language), expected)

    def test_command(self):
        tool = os.environ["MK_TOOL"]
        for language in LANGUAGES:
            with self.subTest(language):
                catalogue = gettext.translation(DOMAIN, CATALOGUES, [language])
                option = self.translate(catalogue, "Start this service (quoted as in a shell)")
                mistake = self.translate(catalogue, "there is no command '%s', only 'run', 'wait' and 'templates'")
                self.assertIn(option, self.run_in(language, tool, "run", "--help").stdout)
                self.assertIn(fill(mistake, "frobnicate"), self.run_in(language, tool, "frobnicate").stderr)

    def test_error_of_library_in_command(self):
        tool = os.environ["MK_TOOL"]
        for language in LANGUAGES:
            with self.subTest(language):
                reason = self.translate(
                    gettext.translation(DOMAIN, CATALOGUES, [language]),
                    "there is no such program in the directories of PATH; install it, or give its path",
                )
                result = self.run_in(language, tool, "run", "--service", "mk-no-such-program")
                self.assertEqual(result.returncode, 125)
                self.assertIn(reason, result.stderr)

    def test_name_of_service(self):
        """It is not put before a message that begins with it, even if a word of that language stands before it."""
        tool = os.environ["MK_TOOL"]
        for language in ["xx", *LANGUAGES]:
            with self.subTest(language):
                result = self.run_in(language, tool, "run", "--service", "sh -c 'exit 3'", "--tcp", "127.0.0.1:1")
                self.assertEqual(result.returncode, 125)
                self.assertRegex(result.stderr, r"(?i)sh \(pid \d+\)")
                self.assertNotRegex(result.stderr, "sh[:：]")

    def test_reason_of_timeout(self):
        """Between what was waited for and the reason stands what does so in that language."""
        tool, path = os.environ["MK_TOOL"], os.path.join(self.locales, "none.sock")
        for language in LANGUAGES:
            with self.subTest(language):
                catalogue = gettext.translation(DOMAIN, CATALOGUES, [language])
                goal = fill(self.translate(catalogue, "%s to accept connections"), path)
                result = self.run_in(language, tool, "run", "--service", "sleep 60", "--unix", path, "--timeout", "100ms")
                self.assertEqual(result.returncode, 124)
                self.assertIn(goal + catalogue.gettext("; "), result.stderr)

    def test_unknown_language(self):
        self.assertEqual(self.library_says("xx"), self.english())
        self.assertIn("Start this service", self.run_in("xx", os.environ["MK_TOOL"], "run", "--help").stdout)

    def test_no_catalogues(self):
        with tempfile.TemporaryDirectory() as empty:
            self.assertEqual(self.library_says("de", MIRAKURU_GLIB_LOCALEDIR=empty), self.english())

    def test_locale_c(self):
        self.assertEqual(self.library_says("de", LC_ALL="C")[1], self.english()[1])

    def test_locale_without_typographic_quotes(self):
        """GLib takes the character set from CHARSET, so no such locale has to be installed."""
        result = self.run_in("de", os.environ["MK_TEST_WORDS"], CHARSET="ISO-8859-1")
        self.assertEqual(result.stdout.splitlines()[2].count('"'), 2)

    def test_program_that_is_not_translated(self):
        """Half a translation is worse than none."""
        self.assertEqual(self.library_says("de", "mk-domain-of-nobody"), self.english())


if __name__ == "__main__":
    if find_utf8_locale() is None:
        print("there is no locale C.UTF-8")
        sys.exit(77)
    unittest.main()
