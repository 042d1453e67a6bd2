/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The words that messages about services are made of.
 */

#include "mk-message-private.h"

#include <string.h>

#include "mk-error.h"
#include "base/mk-i18n-private.h"

#define LAST_LINES 10
#define LAST_BYTES 2000
#define MAX_SHOWN  200

/* Returns: monotonic time in microseconds, G_MAXINT64 for @timeout_ms 0 */
gint64
mk_deadline_after (guint timeout_ms)
{
  return timeout_ms ? g_get_monotonic_time () + timeout_ms * G_TIME_SPAN_MILLISECOND : G_MAXINT64;
}

/* "12 ms", "2.5 s" */
char *
mk_message_duration (gint64 duration_us)
{
  if (duration_us < 95 * G_TIME_SPAN_MILLISECOND)
    /* Translators: a duration in milliseconds */
    return g_strdup_printf (_ ("%d ms"), (int) ((duration_us + 500) / G_TIME_SPAN_MILLISECOND));

  /* Translators: a duration in seconds */
  return g_strdup_printf (_ ("%.1f s"), (double) duration_us / G_TIME_SPAN_SECOND);
}

/* "exited with status 1", "was ended by signal 9 (Killed)" */
char *
mk_message_status (int status)
{
  if (status < 0)
    /* Translators: what happened to a process; its name stands before this. The number of a signal, what it
     * means */
    return g_strdup_printf (_ ("was ended by signal %d (%s)"), -status, g_strsignal (-status));

  /* Translators: what happened to a process; its name stands before this */
  return g_strdup_printf (_ ("exited with status %d"), status);
}

/* "redis-server (pid 4711)" */
char *
mk_message_service (MkProcess *process)
{
  g_autofree char *name = mk_launch_dup_name (mk_process_get_launch (process));
  GPid pid = mk_process_get_news (process).pid;

  /* Translators: a program and the number of its process */
  return pid != 0 ? g_strdup_printf (_ ("%s (pid %d)"), name, (int) pid) : g_steal_pointer (&name);
}

static void
begin_line (GString *message)
{
  /* Translators: stands between the sentence of an error and “Last output: …” */
  g_string_append (message, message->len ? "\n" : _ (". "));
}

static char *
dup_last_lines (MkProcess *process, MkStream stream)
{
  return mk_capture_dup_last_lines (mk_process_get_capture (process, stream), LAST_LINES, LAST_BYTES);
}

/* The end of a message: ". Last output: …", or nothing. */
char *
mk_message_output (MkProcess *process)
{
  MkLaunch *launch = mk_process_get_launch (process);
  GString *message = g_string_new (NULL);
  g_autofree char *output = dup_last_lines (process, MK_STREAM_STDOUT);
  g_autofree char *error_output = dup_last_lines (process, MK_STREAM_STDERR);

  if (output != NULL)
    {
      begin_line (message);
      g_string_append_printf (message, _ ("Last output: %s"), output);
    }
  if (error_output != NULL)
    {
      begin_line (message);
      g_string_append_printf (message, _ ("Last error output: %s"), error_output);
    }
  if (launch->stdout_mode == MK_STDIO_MODE_FILE)
    {
      begin_line (message);
      g_string_append_printf (message, _ ("Output: see %s"), launch->stdout_path);
    }
  if (launch->stderr_mode == MK_STDIO_MODE_FILE)
    {
      begin_line (message);
      g_string_append_printf (message, _ ("Error output: see %s"), launch->stderr_path);
    }

  return g_string_free (message, FALSE);
}

/* Why a service cannot become ready any more. @begun: monotonic time */
GError *
mk_message_exited_error (MkProcess *process, const char *goal, gint64 begun)
{
  MkProcessNews news = mk_process_get_news (process);
  g_autofree char *service = mk_message_service (process);
  g_autofree char *duration = mk_message_duration (g_get_monotonic_time () - begun);

  if (news.lost)
    return g_error_new (MK_ERROR,
                        MK_ERROR_SUPERVISOR,
                        /* Translators: a service, a clause in the past tense as “127.0.0.1:6379 accepted
                         * connections”, a duration */
                        _ ("The supervisor of %s was killed before %s (after %s); the service was killed "
                           "too"),
                        service,
                        goal,
                        duration);

  if (news.status < 0)
    return g_error_new (MK_ERROR,
                        MK_ERROR_EXITED,
                        /* Translators: a service, the number of a signal, what it means, a clause in the
                         * past tense as “127.0.0.1:6379 accepted connections”, a duration */
                        _ ("%s was ended by signal %d (%s) before %s (after %s)"),
                        service,
                        -news.status,
                        g_strsignal (-news.status),
                        goal,
                        duration);
  if (news.status > 0)
    return g_error_new (MK_ERROR,
                        MK_ERROR_EXITED,
                        /* Translators: a service, a status, a clause in the past tense as “127.0.0.1:6379
                         * accepted connections”, a duration */
                        _ ("%s exited with status %d before %s (after %s)"),
                        service,
                        news.status,
                        goal,
                        duration);

  return g_error_new (MK_ERROR,
                      MK_ERROR_EXITED,
                      /* Translators: a service, a clause in the past tense as “127.0.0.1:6379 accepted
                       * connections”, a duration */
                      _ ("%s exited with status 0 before %s (after %s), and left no process that could get "
                         "ready"),
                      service,
                      goal,
                      duration);
}

/* "; last seen: Connection refused", or nothing. What other libraries say may end in a full stop. */
char *
mk_message_seen (const char *last_seen)
{
  g_autofree char *seen = g_strdup (last_seen);

  if (seen == NULL)
    return g_strdup ("");
  if (g_str_has_suffix (seen, ".") && !g_str_has_suffix (seen, ".."))
    seen[strlen (seen) - 1] = '\0';

  /* Translators: follows a sentence without a full stop; what a check found last */
  return g_strdup_printf (_ ("; last seen: %s"), seen);
}

/* What was not written by this library, fit for a message: valid, on one line, and not long. */
char *
mk_message_shown (const char *text)
{
  g_autofree char *valid = g_utf8_make_valid (text, -1);
  GString *shown = g_string_new (NULL);
  const char *c = valid;

  for (guint i = 0; *c != '\0' && i < MAX_SHOWN; c = g_utf8_next_char (c), i++)
    if (g_unichar_iscntrl (g_utf8_get_char (c)))
      g_string_append_printf (shown, "\\x%02x", g_utf8_get_char (c));
    else
      g_string_append_unichar (shown, g_utf8_get_char (c));

  if (*c != '\0')
    g_string_append (shown, "…");
  return g_string_free (shown, FALSE);
}

/*
 * A whole path: a relative one belongs to another folder than the service's "cwd".
 *
 * @path: (nullable)
 */
char *
mk_message_path (const char *path)
{
  g_autofree char *whole = path && *path ? g_canonicalize_filename (path, NULL) : NULL;

  if (path == NULL)
    return g_strdup (_ ("(no path)"));

  return g_filename_display_name (whole ? whole : path);
}

/* @listener: (nullable): a process */
char *
mk_message_taken (const char *address, const char *listener)
{
  if (listener == NULL)
    return g_strdup_printf (_ ("%s already answers. Stop what is listening there, or use another port"),
                            address);

  return g_strdup_printf (
      _ ("%s already answers: %s is listening there. Stop it, or use another port"), address, listener);
}
