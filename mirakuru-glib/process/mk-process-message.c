/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The words about a process that messages are made of.
 */

#include "mk-process-message-private.h"

#include "mk-error.h"
#include "base/mk-i18n-private.h"
#include "base/mk-message-private.h"

#define LAST_LINES 10
#define LAST_BYTES 2000

/* "redis-server (pid 4711)" */
char *
mk_process_message_service (MkProcess *process)
{
  g_autofree char *name = mk_launch_dup_name (mk_process_get_launch (process));
  int pid = mk_process_get_news (process).pid;

  /* Translators: a program and the number of its process */
  return pid != 0 ? g_strdup_printf (_ ("%s (pid %d)"), name, (int) pid) : g_steal_pointer (&name);
}

/* Returns: (nullable) (transfer full): a clause, if a stop had to kill the service */
char *
mk_process_message_killed (MkProcess *process)
{
  MkProcessNews news = mk_process_get_news (process);
  g_autofree char *duration = mk_message_duration (news.stop_time * G_TIME_SPAN_MILLISECOND);
  g_autofree char *signal_name = NULL;

  if (!news.gone || !news.asked || !news.killed || news.stop_signal == 0)
    return NULL;

  signal_name = mk_message_signal_name (news.stop_signal);
  /* Translators: what became of a service. A duration, the name of a signal such as SIGTERM */
  return g_strdup_printf (_ ("killed, because it had not ended %s after %s"), duration, signal_name);
}

static void
process_message_append_output (GString *message, MkProcess *process, MkStream stream, const char *heading)
{
  MkCapture *capture = mk_process_get_capture (process, stream);
  g_autofree char *lines = mk_capture_dup_last_lines (capture, LAST_LINES, LAST_BYTES);

  if (lines != NULL)
    g_string_append_printf (message, "\n%s\n%s", heading, lines);
}

/* The end of a message: "\nLast output:\n…", or nothing. */
char *
mk_process_message_output (MkProcess *process)
{
  MkLaunch *launch = mk_process_get_launch (process);
  GString *message = g_string_new (NULL);
  g_autofree char *stdout_name = NULL;
  g_autofree char *stderr_name = NULL;

  /* Translators: a line of its own; the output follows on the next ones */
  process_message_append_output (message, process, MK_STREAM_STDOUT, _ ("Last output:"));
  /* Translators: a line of its own; the output follows on the next ones */
  process_message_append_output (message, process, MK_STREAM_STDERR, _ ("Last error output:"));

  if (launch->stdout_mode == MK_STDIO_MODE_FILE)
    {
      stdout_name = mk_message_filename (launch->stdout_path);
      g_string_append_c (message, '\n');
      /* Translators: a line of its own; a path */
      g_string_append_printf (message, _ ("Output: see %s"), stdout_name);
    }
  if (launch->stderr_mode == MK_STDIO_MODE_FILE)
    {
      stderr_name = mk_message_filename (launch->stderr_path);
      g_string_append_c (message, '\n');
      /* Translators: a line of its own; a path */
      g_string_append_printf (message, _ ("Error output: see %s"), stderr_name);
    }

  return g_string_free (message, FALSE);
}

/* @sentence: that the service has ended with status 0, without a full stop */
GError *
mk_process_message_ended_error (MkProcess *process, const char *sentence)
{
  if (mk_process_get_launch (process)->stdin_mode != MK_STDIO_MODE_NULL)
    return g_error_new_literal (MK_ERROR, MK_ERROR_EXITED, sentence);

  return g_error_new (MK_ERROR,
                      MK_ERROR_EXITED,
                      /* Translators: “redis-server (pid 4711) exited with status 0 while waiting for …” */
                      _ ("%s. Its input is empty: if it ends when its input ends, set stdin-mode=PIPE"),
                      sentence);
}

/*
 * Why a service cannot become ready any more.
 *
 * @goal: a clause that stands after “waiting for”
 * @begun: monotonic time
 */
GError *
mk_process_message_exited_error (MkProcess *process, const char *goal, gint64 begun)
{
  MkProcessNews news = mk_process_get_news (process);
  g_autofree char *service = mk_process_message_service (process);
  g_autofree char *duration = mk_message_duration (g_get_monotonic_time () - begun);
  g_autofree char *status = mk_message_status (news.status);
  g_autoptr (GError) failure = news.lost ? mk_process_dup_failure (process) : NULL;

  if (failure != NULL)
    return g_steal_pointer (&failure);
  if (news.lost)
    return g_error_new (
        MK_ERROR,
        MK_ERROR_SUPERVISOR,
        /* Translators: a service, a duration, a clause that stands after “waiting for”, such as
         * “127.0.0.1:6379 to accept connections” */
        _ ("The supervisor of %s was killed after %s while waiting for %s; the service was killed too"),
        service,
        duration,
        goal);

  if (news.status == 0)
    {
      g_autofree char *sentence = g_strdup_printf (
          /* Translators: a service, a duration, a clause that stands after “waiting for”, such as
           * “127.0.0.1:6379 to accept connections” */
          _ ("%s exited with status 0 after %s while waiting for %s, and left no process that could become "
             "ready"),
          service,
          duration,
          goal);

      return mk_process_message_ended_error (process, sentence);
    }

  return g_error_new (MK_ERROR,
                      MK_ERROR_EXITED,
                      /* Translators: a service, “exited with status 1” or “was ended by signal 9 (Killed)”, a
                       * duration, a clause that stands after “waiting for”, such as “127.0.0.1:6379 to accept
                       * connections” */
                      _ ("%s %s after %s while waiting for %s"),
                      service,
                      status,
                      duration,
                      goal);
}

/*
 * Why a service was killed at the end of its start timeout, or could not be.
 *
 * @goal: a clause that stands after “waiting for”
 * @took: how long it had, in microseconds
 * @begun: monotonic time
 * @last_seen: (nullable): what the last attempt found
 */
GError *
mk_process_message_timed_out_error (MkProcess *process, const char *goal, gint64 took, const char *last_seen)
{
  MkProcessNews news = mk_process_get_news (process);
  g_autofree char *service = mk_process_message_service (process);
  g_autofree char *duration = mk_message_duration (took);
  g_autofree char *seen = mk_message_seen (last_seen);
  g_autoptr (GString) details = g_string_new (goal);

  if (seen != NULL)
    /* Translators: stands between what is waited for and what was seen last */
    g_string_append_printf (details, "%s%s", _ ("; "), seen);
  if (news.exited && news.status == 0)
    {
      g_string_append (details, _ ("; "));
      /* Translators: in parentheses, after what was waited for */
      g_string_append (details, _ ("its first process exited with status 0"));
    }

  if (news.stuck != 0)
    return g_error_new (MK_ERROR,
                        MK_ERROR_TIMED_OUT,
                        /* Translators: a service, a duration, a clause that stands after “waiting for”, such
                         * as “127.0.0.1:6379 to accept connections”, with what was seen last */
                        _ ("%s was not ready within %s (waiting for %s)"),
                        service,
                        duration,
                        details->str);

  return g_error_new (MK_ERROR,
                      MK_ERROR_TIMED_OUT,
                      /* Translators: a service, a duration, a clause that stands after “waiting for”, such as
                       * “127.0.0.1:6379 to accept connections”, with what was seen last */
                      _ ("%s was killed: it was not ready within %s (waiting for %s). If it needs longer, "
                         "raise the start timeout"),
                      service,
                      duration,
                      details->str);
}
