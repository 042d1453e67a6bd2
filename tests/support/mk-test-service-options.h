/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <limits.h>

#define MAX_WORDS 32
#define NEVER     INT_MIN

/* What the options --print-… ask for, in the order in which they were given */
typedef enum
{
  WORD_CWD,
  WORD_ENV,
  WORD_SIGNALS,
  WORD_STDERR,
  WORD_STDOUT,
} WordKind;

typedef struct
{
  WordKind kind;
  const char *text;
} Word;

typedef struct
{
  Word words[MAX_WORDS];
  int n_words;
  int after, busy, children, exit_after, flood, fork_pause, held, lifetime, on_term, status, term_delay;
  int bind_only, daemon, daemonised, deaf, echo, fork_children, fork_forever, full_backlog, no_newline,
      orphan, rename, scrub_env, setsid_children, stopped;
  const char *http, *listen, *notify, *pid_file, *ready, *retry_after, *stamp, *tag;
} Options;

extern Options opt;

void parse_options (int argc, char **argv);

/* Notes, where --stamp asks for that, the time of an event. */
void stamp (const char *what);
