/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Messages of sd_notify(3), from a service here, and from one that a launcher has started.
 */

#include "probe/mk-notify-probe.c"

#include "mk-fuzz.h"

static void
ignore_output (gpointer data)
{
}

/* @launcher: (nullable) (transfer full) */
static void
try_message (const char *text, char **launcher)
{
  static const char *const argv[] = { "service", NULL };
  MkLaunch *launch = g_new0 (MkLaunch, 1);
  NotifyRun run = { 0 };

  launch->argv = g_strdupv ((char **) argv);
  launch->launcher = launcher;
  run.process = mk_process_new (launch, ignore_output, NULL, ignore_output);
  g_mutex_init (&run.lock);

  notify_run_take_message (&run, text);
  g_assert_true (!run.is_ready || strstr (text, "READY=1") != NULL);
  g_assert_true (run.main_pid == 0 || run.main_pid > 1);
  /* It goes into messages, and onto terminals. */
  g_assert_true (run.status_text == NULL || g_utf8_validate (run.status_text, -1, NULL));
  g_assert_true (run.status_text == NULL || strchr (run.status_text, '\033') == NULL);

  g_mutex_clear (&run.lock);
  g_free (run.status_text);
  mk_process_unref (run.process);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  static const char *const launcher[] = { "ssh", "host", NULL };
  g_autofree char *text = g_strndup ((const char *) data, MIN (size, MESSAGE_BYTES));

  try_message (text, NULL);
  try_message (text, g_strdupv ((char **) launcher));
  return 0;
}
