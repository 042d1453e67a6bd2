/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#define _GNU_SOURCE
#include "mk-test-service-options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char usage[] =
    "Usage: mk-test-service [OPTION]...\n"
    "  --tag TOKEN          told apart by this, in all of its processes\n"
    "  --lifetime SECONDS   no process of it lives longer (120)\n"
    "What it says (before it listens, in this order; to standard output unless said otherwise)\n"
    "  --print TEXT         TEXT and a newline\n"
    "  --stderr TEXT        the same to standard error\n"
    "  --no-newline         no newline after any of these\n"
    "  --print-env NAME     NAME=value, or \"NAME is not set\"\n"
    "  --print-cwd          the working directory\n"
    "  --print-signals      what is ignored and what is blocked, in hexadecimal\n"
    "How it gets ready\n"
    "  --after MS           this long after it was started\n"
    "  --listen HOST:PORT   listens there; says \"ok\" to who connects, once the flood is over\n"
    "                       or /PATH or @NAME, a Unix socket\n"
    "  --http HOW           talks HTTP there: ok, echo (the request), a status as \"503 Busy\", redirect, moved,\n"
    "                       no-head, gzip, close, silent, drip, slow, garbage, endless-body, endless-header,\n"
    "                       endless-continue\n"
    "  --busy MS            answers 503 to HTTP so long after it listens\n"
    "  --retry-after TEXT   says so meanwhile\n"
    "  --bind-only          takes the port, and does not listen\n"
    "  --full-backlog       listens, and never accepts: its queue is full\n"
    "  --ready TEXT         said then\n"
    "  --notify TEXT        sent to NOTIFY_SOCKET then\n"
    "  --flood BYTES        writes so much to standard output then, in lines of 16 bytes\n"
    "  --held MS            then waits so long in the kernel, as for a slow disk: state D\n"
    "  --echo               copies standard input to standard output; ends with it unless it listens\n"
    "  --pid-file FILE      the pid of the process that listens\n"
    "  --rename             renames the pid file into place when it is complete\n"
    "  --stamp FILE         appends \"start\", \"listen\", \"pid-file\", \"ready\", \"flooded\", \"term\" (each\n"
    "                       SIGTERM) and \"exit\"; with --http also \"connection\" and \"request\" for each of them\n"
    "How it misbehaves\n"
    "  --deaf               ignores SIGTERM, SIGINT and SIGHUP\n"
    "  --children N         has N children that do nothing\n"
    "  --setsid-children    they lead sessions of their own, and so do those that are forked all the time\n"
    "  --orphan             leaves a detached child that outlives its parent\n"
    "  --daemon             forks twice; what was started ends with status 0\n"
    "  --scrub-env          with --daemon: the daemon executes itself with an empty environment\n"
    "  --stopped            stops itself with SIGSTOP once it is ready, and so do its children\n"
    "  --fork-forever       once ready forks a child and ends; and so does the child, and so on\n"
    "  --fork-children      once ready goes on forking children that live for a few milliseconds\n"
    "  --fork-pause MS      between two forks (1)\n"
    "How it ends\n"
    "  --exit STATUS        at once, or as --exit-after says; -N: by signal N\n"
    "  --exit-after MS      so long after it got ready\n"
    "  --on-term STATUS     with this status on SIGTERM, and not by the signal\n"
    "  --term-delay MS      so long after SIGTERM\n";

Options opt = { .exit_after = NEVER, .fork_pause = 1, .lifetime = 120, .on_term = NEVER, .status = NEVER };

enum
{
  OPT_WORD = 256, /* the first of WordKind */
  /* Numbers */
  OPT_AFTER = OPT_WORD + 16,
  OPT_BUSY,
  OPT_CHILDREN,
  OPT_EXIT,
  OPT_EXIT_AFTER,
  OPT_FLOOD,
  OPT_FORK_PAUSE,
  OPT_HELD,
  OPT_LIFETIME,
  OPT_ON_TERM,
  OPT_TERM_DELAY,
  /* Texts */
  OPT_LISTEN,
  OPT_NOTIFY,
  OPT_HTTP,
  OPT_PID_FILE,
  OPT_READY,
  OPT_RETRY_AFTER,
  OPT_STAMP,
  OPT_TAG,
  OPT_HELP,
};

static int *const numbers[] = {
  [OPT_AFTER] = &opt.after,           [OPT_BUSY] = &opt.busy,
  [OPT_CHILDREN] = &opt.children,     [OPT_EXIT] = &opt.status,
  [OPT_EXIT_AFTER] = &opt.exit_after, [OPT_FLOOD] = &opt.flood,
  [OPT_FORK_PAUSE] = &opt.fork_pause, [OPT_HELD] = &opt.held,
  [OPT_LIFETIME] = &opt.lifetime,     [OPT_ON_TERM] = &opt.on_term,
  [OPT_TERM_DELAY] = &opt.term_delay,
};

static const char **const texts[] = {
  [OPT_LISTEN] = &opt.listen,
  [OPT_HTTP] = &opt.http,
  [OPT_PID_FILE] = &opt.pid_file,
  [OPT_READY] = &opt.ready,
  [OPT_RETRY_AFTER] = &opt.retry_after,
  [OPT_NOTIFY] = &opt.notify,
  [OPT_STAMP] = &opt.stamp,
  [OPT_TAG] = &opt.tag,
};

static const struct option long_options[] = {
  { "after", required_argument, NULL, OPT_AFTER },
  { "bind-only", no_argument, &opt.bind_only, 1 },
  { "busy", required_argument, NULL, OPT_BUSY },
  { "children", required_argument, NULL, OPT_CHILDREN },
  { "daemon", no_argument, &opt.daemon, 1 },
  { "daemonised", no_argument, &opt.daemonised, 1 },
  { "deaf", no_argument, &opt.deaf, 1 },
  { "echo", no_argument, &opt.echo, 1 },
  { "exit", required_argument, NULL, OPT_EXIT },
  { "exit-after", required_argument, NULL, OPT_EXIT_AFTER },
  { "full-backlog", no_argument, &opt.full_backlog, 1 },
  { "flood", required_argument, NULL, OPT_FLOOD },
  { "fork-children", no_argument, &opt.fork_children, 1 },
  { "fork-forever", no_argument, &opt.fork_forever, 1 },
  { "fork-pause", required_argument, NULL, OPT_FORK_PAUSE },
  { "held", required_argument, NULL, OPT_HELD },
  { "http", required_argument, NULL, OPT_HTTP },
  { "help", no_argument, NULL, OPT_HELP },
  { "lifetime", required_argument, NULL, OPT_LIFETIME },
  { "listen", required_argument, NULL, OPT_LISTEN },
  { "notify", required_argument, NULL, OPT_NOTIFY },
  { "no-newline", no_argument, &opt.no_newline, 1 },
  { "on-term", required_argument, NULL, OPT_ON_TERM },
  { "orphan", no_argument, &opt.orphan, 1 },
  { "pid-file", required_argument, NULL, OPT_PID_FILE },
  { "print", required_argument, NULL, OPT_WORD + WORD_STDOUT },
  { "print-cwd", no_argument, NULL, OPT_WORD + WORD_CWD },
  { "print-env", required_argument, NULL, OPT_WORD + WORD_ENV },
  { "print-signals", no_argument, NULL, OPT_WORD + WORD_SIGNALS },
  { "ready", required_argument, NULL, OPT_READY },
  { "rename", no_argument, &opt.rename, 1 },
  { "retry-after", required_argument, NULL, OPT_RETRY_AFTER },
  { "scrub-env", no_argument, &opt.scrub_env, 1 },
  { "setsid-children", no_argument, &opt.setsid_children, 1 },
  { "stamp", required_argument, NULL, OPT_STAMP },
  { "stderr", required_argument, NULL, OPT_WORD + WORD_STDERR },
  { "stopped", no_argument, &opt.stopped, 1 },
  { "tag", required_argument, NULL, OPT_TAG },
  { "term-delay", required_argument, NULL, OPT_TERM_DELAY },
  { NULL, 0, NULL, 0 },
};

static int
to_number (const char *text)
{
  char *rest;
  long number = strtol (text, &rest, 10);

  if (*text == '\0' || *rest != '\0' || number > INT_MAX || number < -64)
    {
      fprintf (stderr, "mk-test-service: '%s' is not a number\n", text);
      _exit (99);
    }
  return number;
}

static void
take_word (WordKind kind, const char *text)
{
  if (opt.n_words == MAX_WORDS)
    abort ();
  opt.words[opt.n_words++] = (Word){ kind, text };
}

void
parse_options (int argc, char **argv)
{
  int option;

  while ((option = getopt_long (argc, argv, "", long_options, NULL)) != -1)
    {
      if (option == OPT_HELP || option == '?')
        {
          fputs (usage, option == OPT_HELP ? stdout : stderr);
          exit (option == OPT_HELP ? 0 : 99);
        }
      if (option >= OPT_LISTEN)
        *texts[option] = optarg;
      else if (option >= OPT_AFTER)
        *numbers[option] = to_number (optarg);
      else if (option >= OPT_WORD)
        take_word (option - OPT_WORD, optarg);
    }
  if (opt.status != NEVER && opt.exit_after == NEVER && !opt.echo)
    opt.exit_after = 0;
}
