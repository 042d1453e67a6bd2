#!/bin/bash
# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Builds and runs the examples with what is installed in a prefix, in a folder that has copies of them. Each
# has to use the library and the supervisor of the prefix. Called by test-install.sh, which sets the
# environment that a prefix needs that the system does not know of, and by packaging/debian/tests/examples.
# Usage: use-prefix.sh PREFIX PYTHON|'' VALAC|'' GJS|''
set -euo pipefail
prefix=$1 python=$2 valac=$3 gjs=$4
libdir=$(pkg-config --variable=libdir mirakuru-glib-1)
# Debian's packages have it near the library.
supervisor=$(find "$prefix/libexec" "$libdir" -path '*/mirakuru-glib-1/mk-supervisor' 2> /dev/null) || true

complain () {
  echo "$*"
  exit 1
}

# A redis-server that tells which supervisor started it, and which library the program behind that uses.
make_witness () {
  mkdir bin
  cat > bin/redis-server << END
#!/bin/bash
read -r _ _ _ host _ < /proc/\$PPID/stat
{
  readlink /proc/\$PPID/exe
  grep -o '/[^ ]*/libmirakuru-glib[^ ]*' "/proc/\$host/maps"
} | sort -u > $PWD/witness
exec $(command -v redis-server) "\$@"
END
  chmod +x bin/redis-server
}

# try WHAT EXPECTED_LINE COMMAND...
try () {
  local what=$1 expected=$2
  shift 2
  echo "--- $what: $*"
  rm -f witness
  timeout 120 "$@" > output 2>&1 < /dev/null || { cat output; complain "$what failed"; }
  cat output
  grep -qxE "$expected" output || complain "$what: no line is '$expected'"
  printf '%s\n' "$libdir/libmirakuru-glib-1.so.0.0.0" "$supervisor" | sort | diff - witness ||
    complain "$what does not use the supervisor and the library in $prefix"
}

# compile NAME SOURCE...: with what pkg-config says
compile () {
  local name=$1
  shift
  # shellcheck disable=SC2046  # several words are what pkg-config prints
  cc -Wall -Wextra -Wno-unused-parameter -Werror -o "$name" "$@" $(pkg-config --cflags --libs mirakuru-glib-1)
}

try_c () {
  [ "$(pkg-config --variable=prefix mirakuru-glib-1)" = "$prefix" ]
  compile redis examples/redis.c
  try 'C' PONG ./redis
  compile redis-test examples/redis-test.c
  try 'GTest' 'ok 3 /redis/set-again *' ./redis-test --tap
}

try_command () {
  mirakuru --version | grep -F "$(pkg-config --modversion mirakuru-glib-1)"
  [ "$(command -v mirakuru)" = "$prefix/bin/mirakuru" ]
  try 'The command' PONG sh examples/redis.sh
  zgrep -q '^\.TH' "$prefix"/share/man/man1/mirakuru.1*
}

# Each shell says which commands of `mirakuru` begin with an r.
try_completion () {
  local shell
  # shellcheck disable=SC2016
  bash --norc -c '. "$1/share/bash-completion/completions/mirakuru"
    complete -p mirakuru > /dev/null
    COMP_WORDS=(mirakuru r) COMP_CWORD=1; _mirakuru 2>/dev/null; echo "${COMPREPLY[@]}"' bash "$prefix" > completion.bash 2>&1
  if command -v fish > /dev/null; then
    fish -c 'complete -C "mirakuru r"' 2>&1 | sed 's/\t.*//' > completion.fish
  fi
  for shell in bash fish; do
    [ ! -e completion.$shell ] || grep -qx run completion.$shell ||
      complain "$shell completes to: $(cat completion.$shell)"
  done
  if command -v zsh > /dev/null; then
    # shellcheck disable=SC2016
    zsh -f -c 'fpath=("$1/share/zsh/site-functions" $fpath)
      autoload -U compinit && compinit -u -D && autoload +X -U _mirakuru && echo $_comps[mirakuru]' \
      zsh "$prefix" > completion.zsh 2>&1
    grep -qx _mirakuru completion.zsh || complain "zsh says: $(cat completion.zsh)"
  fi
}

# gettext does not translate in the locales C and C.UTF-8; this is the latter under another name.
try_translations () {
  local utf8 catalogue language help
  utf8=$(compgen -G '/usr/lib*/locale/C.[uU][tT][fF]*8' | head -n 1) || true
  [ -n "$utf8" ] && [ -d "$prefix/share/locale" ] || return 0
  mkdir locale
  ln -s "$utf8" locale/de_DE.UTF-8
  for catalogue in "$prefix"/share/locale/*/LC_MESSAGES/mirakuru-glib-1.mo; do
    language=${catalogue#"$prefix/share/locale/"}
    help=$(LOCPATH=$PWD/locale LC_ALL=de_DE.UTF-8 LANGUAGE=${language%%/*} mirakuru run --help)
    grep -F -- '--service=' <<< "$help"
    if grep ' Start this service' <<< "$help"; then complain "$catalogue is not used"; fi
  done
}

# mypy finds all that is installed, and knows nothing of the rest of gi, whose stubs are not here.
try_stubs () {
  local stubs
  stubs=$(pkg-config --variable=python_stubs mirakuru-glib-1)
  [ "$stubs" -ef "$prefix/share/mirakuru-glib-1/Mk.pyi" ] || complain "$stubs is not the file in $prefix"
  command -v mypy > /dev/null || return 0
  "$python" -m venv --without-pip --symlinks venv
  echo "$PYTHONPATH" > "$(echo venv/lib/python3*/site-packages)/prefix.pth"
  mypy --strict --python-executable venv/bin/python consumer/typed.py
}

try_python () {
  try 'Python' PONG "$python" examples/redis.py
  try 'The drop-in module' PONG "$python" consumer/dropin.py
  "$python" -c "
import importlib.metadata, gi, mirakuru_glib, pytest_mirakuru_glib
gi.require_version('Mk', '1')
from gi.repository import Mk
import gi.overrides.Mk
for module in (gi.overrides.Mk, mirakuru_glib, pytest_mirakuru_glib):
    assert module.__file__.startswith('$prefix/'), module
assert importlib.metadata.version('mirakuru-glib') == '$(pkg-config --modversion mirakuru-glib-1)'
"
  [ ! -d "$PYTHONPATH/mirakuru-3.0.2.dist-info" ] || "$python" -c "
import base64, hashlib, importlib.metadata, mirakuru, mirakuru_glib
assert mirakuru is mirakuru_glib
assert importlib.metadata.version('mirakuru') == mirakuru.__version__
files = {str(file): file for file in importlib.metadata.files('mirakuru')}
assert {'mirakuru/__init__.py', 'mirakuru-3.0.2.dist-info/RECORD'} < set(files), files
for file in files.values():
    digest = base64.urlsafe_b64encode(hashlib.sha256(file.read_binary()).digest()).decode()
    assert file.hash is None or file.hash.value == digest.rstrip('='), file
"
  try_stubs
  if "$python" -c 'import pytest' 2> /dev/null; then
    try 'pytest' '(5 passed|3 passed, 1 skipped) in .*' "$python" -m pytest -q -p no:cacheprovider examples/pytest
  fi
}

try_javascript () {
  local types
  types=$(pkg-config --variable=typescript_types mirakuru-glib-1)
  [ "$types" -ef "$prefix/share/mirakuru-glib-1/mk-1.d.ts" ] || complain "$types is not the file in $prefix"
  try 'JavaScript' PONG "$gjs" -m examples/redis.js
  try 'The override for JavaScript' PONG "$gjs" -m consumer/main.js
}

try_vala () {
  "$valac" --fatal-warnings -X -w --pkg mirakuru-glib-1 -o redis-vala examples/redis.vala
  try 'Vala' PONG ./redis-vala
}

try_completion
try_translations
if ! command -v redis-server > /dev/null || ! command -v redis-cli > /dev/null; then
  echo 'redis-server or redis-cli is not installed'
  exit 77
fi
make_witness
try_c
try_command
[ -z "$python" ] || try_python
[ -z "$gjs" ] || try_javascript
[ -z "$valac" ] || try_vala
