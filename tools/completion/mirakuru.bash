# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# Completion of mirakuru(1) for bash.

_mirakuru_options () {
  local conditions='--tcp --http --http-unix --unix --file --exec --dbus --listening-only --interval --attempt-timeout --stable-for --any'
  local request='--status --body --method --header --follow --cacert --cert --insecure'
  case $1 in
    run) echo "--service --template --set $conditions $request --notify --output --name --cwd --launcher --forward --env --unset --stdin --pty --completes --reuse --requires --stop-mode --stop-signal --expected-status --stop-when-dead --isolate --report --timeline --log-dir --timeout --stop-timeout --verbose --quiet --version --help" ;;
    wait) echo "$conditions $request --gone --timeout --quiet --version --help" ;;
    templates) echo "--help $(mirakuru templates 2> /dev/null | cut -d ' ' -f 1)" ;;
    *) echo 'run wait templates --version --help' ;;
  esac
}

# Words are completed as they are, with spaces and similar characters quoted.
_mirakuru_reply () {
  local word
  COMPREPLY=()
  while IFS= read -r word; do
    [ -z "$word" ] || COMPREPLY+=("$(printf '%q' "$word")")
  done
}

_mirakuru () {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} i

  # After "--" comes the command that is to be run.
  for ((i = 2; i < COMP_CWORD; i++)); do
    [ "${COMP_WORDS[i]}" != -- ] || {
      if [ $((i + 1)) = "$COMP_CWORD" ]; then
        _mirakuru_reply < <(compgen -c -- "$current")
      else
        _mirakuru_reply < <(compgen -f -- "$current")
      fi
      return
    }
  done

  case $previous in
    --report | --timeline | --unix | --http-unix | --file | --stdin | --cacert | --cert) _mirakuru_reply < <(compgen -f -- "$current") ;;
    --cwd | --log-dir) _mirakuru_reply < <(compgen -d -- "$current") ;;
    --service | -s | --exec | --launcher) _mirakuru_reply < <(compgen -c -- "$current") ;;
    --template) _mirakuru_reply < <(compgen -W "$(mirakuru templates 2> /dev/null | cut -d ' ' -f 1)" -- "$current") ;;
    --method) _mirakuru_reply < <(compgen -W 'HEAD GET POST PUT OPTIONS' -- "$current") ;;
    --stop-signal) _mirakuru_reply < <(compgen -A signal -- "$current") ;;
    --stop-mode) _mirakuru_reply < <(compgen -W 'leader tree' -- "$current") ;;
    --unset) _mirakuru_reply < <(compgen -v -- "$current") ;;
    --env) _mirakuru_reply < <(compgen -v -S = -- "$current") ;;
    --tcp | --http | --status | --body | --header | --dbus | --output | --notify | --name | --forward | --set | --requires | --expected-status) COMPREPLY=() ;;
    --interval | --attempt-timeout | --stable-for | --timeout | -t | --stop-timeout) COMPREPLY=() ;;
    *) _mirakuru_reply < <(compgen -W "$(_mirakuru_options "${COMP_WORDS[1]}")" -- "$current") ;;
  esac
}

complete -F _mirakuru mirakuru
