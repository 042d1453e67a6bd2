#!/usr/bin/python3
# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Checks that all that users read can be translated, and is.

Usage: check-po.py SOURCE_FOLDER -- ARGUMENT_OF_XGETTEXT…
"""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
LITERAL = re.compile(r'"(?:\\.|[^"\\\n])*"')
MARKED = re.compile(r'\b(?:_|C_|N_|mk_ngettext) \(\s*"')
DIRECTIVE = re.compile(r"%(?:\d+\$)?[-+#0]*(?:\d+|\*)?(?:\.(?:\d+|\*))?(?:l|z)?[diuxXsfgc]")
WORDS = re.compile(r"[A-Za-z]{2,}\W* \W*[A-Za-z]{2,}")
WORD = re.compile(r"[A-Za-z]{2,}")
COMMAND = re.compile(r'"mirakuru \w+"')
# All that is in these is read by users, single words too.
TOLD = re.compile(
    r"\b(g_set_error|g_set_error_literal|g_error_new|g_error_new_literal|g_task_return_new_error|g_prefix_error"
    r"|g_propagate_prefixed_error|mk_probe_set_detail)$"
)
# What is in these is for programmers, or for debuggers.
NOT_TOLD = re.compile(
    r"\b(g_debug|g_message|wait_debug_answer|g_warning|g_critical|g_error|mk_waker_attach|attach_source|g_source_set_static_name"
    r"|g_param_spec_\w+|sscanf|strstr|svg_append)$"
)

# What each language does not write: the quotes and brackets of others, and in French, spaces that break.
NOT_WRITTEN = {
    "de": re.compile("[«»”]"),
    "es": re.compile("[“”„]"),
    "fr": re.compile(r"[“”„]|« | »| [:;!?](?!\S)"),
    "ja": re.compile("[“”„«»（）？]"),
    "pl": re.compile("[“«»]"),
    "zh_CN": re.compile("[「」„«»（）]"),
}


def blank(match):
    return re.sub(r"[^\n]", " ", match[0])


def functions_around(code, position):
    """The names of what is being called where @position is, the innermost first."""
    depth = 0
    start = max(code.rfind(end, 0, position) for end in (";", "{", "}"))
    for i in range(position - 1, start, -1):
        if code[i] == ")":
            depth += 1
        elif code[i] == "(" and depth > 0:
            depth -= 1
        elif code[i] == "(":
            yield code[start + 1 : i].rstrip()


def unmarked(source):
    """Yields line numbers and literals that are shown, but not translated."""
    code = COMMENT.sub(blank, source)
    code = re.sub(r"^#include.*", blank, code, flags=re.MULTILINE)
    # Punctuation in literals says nothing about the code.
    bare = LITERAL.sub(lambda m: '"' + "x" * (len(m[0]) - 2) + '"', code)
    for match in LITERAL.finditer(code):
        text = DIRECTIVE.sub("", match[0])
        calls = list(functions_around(bare, match.start()))
        if any(re.search(r"\b(_|C_|N_|mk_ngettext)$", call) or NOT_TOLD.search(call) for call in calls):
            continue
        if COMMAND.fullmatch(match[0]):
            continue
        if WORDS.search(text) or (calls and TOLD.search(calls[0]) and WORD.search(text)):
            yield source.count("\n", 0, match.start()) + 1, match[0]


def test_unmarked():
    """The check itself finds what it is for."""
    for shown in (
        'g_set_error (error, MK_ERROR, 0, "it is %s", why);',
        'g_prefix_error (error, "Sorry: ");',
        'return "there is none";',
        'text = n > 1 ? _ ("good; (one") : "not good";',
        'x = g_strdup_printf ("%s was there", name);',
        'static const char *const names[] = { N_ ("very well"), "not well" };',
        'return invalid (error, "no (good) " "thing", a);',
    ):
        assert list(unmarked(shown)), shown
    for fine in (
        'g_set_error (error, MK_ERROR, 0, _ ("it is " "%s"), why); /* "not this one" */',
        'g_set_error (error, MK_ERROR, 0, mk_ngettext ("a (byte", "many bytes", n), n);',
        'g_set_error (error, MK_ERROR, 0, "%s: %s", what, why);',
        'g_string_append (text, C_ ("reason", "it is bad"));',
        'g_strdup_printf ("HTTP %u%s", status, name);',
        'a = mk_waker_attach (context, "MkStart news", on_news, task, NULL);',
    ):
        assert not list(unmarked(fine)), fine


def test_typography():
    """This check, too, finds what it is for."""
    entry = 'msgid "“%s”: no"\nmsgstr ""\n"{}"\n'
    wrong = {"de": "»%s«: nein", "fr": "«\xa0%s\xa0» : non", "zh_CN": "没有（%s）"}
    right = {"de": "„%s“: nein", "fr": "«\xa0%s\xa0»\xa0: non", "zh_CN": "“%s”：没有 (无)"}
    for language, text in wrong.items():
        assert list(typography_complaints(language, entry.format(text))), text
    for language, text in right.items():
        assert not list(typography_complaints(language, entry.format(text))), text


def listed(path):
    return [line for line in path.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]


def run(*command):
    return subprocess.run(command, capture_output=True, encoding="utf-8", timeout=60, check=False)


def source_complaints(root, sources):
    for path in sources:
        for line, text in unmarked(path.read_text(encoding="utf-8")):
            yield f"{path.relative_to(root)}:{line}: not marked for translation: {text}"

    marked = sorted(str(p.relative_to(root)) for p in sources if MARKED.search(COMMENT.sub("", p.read_text(encoding="utf-8"))))
    potfiles = listed(root / "po" / "POTFILES")
    for name in sorted(set(marked) ^ set(potfiles)):
        yield f"po/POTFILES: {name} is {'missing' if name in marked else 'not to be there'}"
    if potfiles != sorted(potfiles):
        yield "po/POTFILES is not sorted"


def template_complaints(template):
    for entry in template.read_text(encoding="utf-8").split("\n\n")[1:]:
        text = "".join(LITERAL.findall(entry))
        if DIRECTIVE.search(text) and "c-format" not in entry:
            yield f"xgettext does not see that this is a format, and msgfmt will not check it: {text}"


def typography_complaints(language, catalogue):
    for entry in catalogue.split("\n\n"):
        text = "".join(literal[1:-1] for literal in LITERAL.findall(entry.partition("\nmsgstr")[2]))
        found = language in NOT_WRITTEN and NOT_WRITTEN[language].search(text)
        if found:
            yield f"{language} does not write “{found[0]}”: {text}"


def catalogue_complaints(root, template):
    catalogues = {path.stem: path for path in (root / "po").glob("*.po")}
    linguas = listed(root / "po" / "LINGUAS")
    if linguas != sorted(catalogues):
        yield f"po/LINGUAS names {linguas}, and there are {sorted(catalogues)}"

    for language, path in sorted(catalogues.items()):
        result = run("msgfmt", "--check", "--output-file=/dev/null", path)
        if result.returncode != 0 or result.stderr:
            yield f"msgfmt: {result.stderr}"
        result = run("msgcmp", path, template)
        if result.returncode != 0:
            reasons = [line for line in result.stderr.splitlines() if "warning: " not in line]
            yield "\n".join([f"{language} is not complete:", *reasons[:10]])
        text = path.read_text(encoding="utf-8")
        if "\n#~ " in text:
            yield f"{language} has messages that are no longer used"
        yield from typography_complaints(language, text)


def complaints(root, xgettext_args):
    library = [path for path in (root / "mirakuru-glib").rglob("*.c") if path.parent.name != "supervisor"]
    sources = sorted([*library, *(root / "tools").glob("*.c")])
    yield from source_complaints(root, sources)

    with tempfile.TemporaryDirectory() as folder:
        template = pathlib.Path(folder, "template.pot")
        flags = [f"--flag={f}" for f in ("_:1:pass-c-format", "N_:1:pass-c-format", "C_:2:pass-c-format")]
        keywords = ["--keyword=_", "--keyword=N_", "--keyword=C_:1c,2"]
        result = run(
            "xgettext",
            "--from-code=UTF-8",
            f"--directory={root}",
            f"--files-from={root / 'po' / 'POTFILES'}",
            f"--output={template}",
            *keywords,
            *flags,
            *xgettext_args,
        )
        if result.returncode != 0 or result.stderr:
            yield f"xgettext: {result.stderr}"
            return
        yield from template_complaints(template)
        yield from catalogue_complaints(root, template)


if shutil.which("xgettext") is None:
    print("gettext is not installed")
    sys.exit(77)
test_unmarked()
test_typography()
found = list(complaints(pathlib.Path(sys.argv[1]), sys.argv[3:]))
print("\n".join(found))
sys.exit(1 if found else 0)
