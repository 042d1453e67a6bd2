/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The words that messages about services are made of.
 */

#include "mk-message.h"

#include "mk-error.h"

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
    return g_strdup_printf ("%d ms", (int) ((duration_us + 500) / G_TIME_SPAN_MILLISECOND));

  return g_strdup_printf ("%.1f s", (double) duration_us / G_TIME_SPAN_SECOND);
}

/* "exited with status 1", "was ended by signal 9 (Killed)" */
char *
mk_message_status (int status)
{
  if (status < 0)
    return g_strdup_printf ("was ended by signal %d (%s)", -status, g_strsignal (-status));

  return g_strdup_printf ("exited with status %d", status);
}

/* "redis-server (pid 4711)" */
char *
mk_message_service (MkProcess *process)
{
  g_autofree char *name = mk_launch_dup_name (mk_process_get_launch (process));
  GPid pid = mk_process_get_news (process).pid;

  return pid != 0 ? g_strdup_printf ("%s (pid %d)", name, (int) pid) : g_steal_pointer (&name);
}

static void
add_output (GString *message, MkProcess *process, MkStream stream, const char *label)
{
  g_autofree char *lines =
      mk_capture_dup_last_lines (mk_process_get_capture (process, stream), LAST_LINES, LAST_BYTES);

  if (lines != NULL)
    g_string_append_printf (message, "%s%s: %s", message->len ? "\n" : ". ", label, lines);
}

static void
add_file (GString *message, MkStdioMode mode, const char *path, const char *label)
{
  if (mode == MK_STDIO_MODE_FILE)
    g_string_append_printf (message, "%s%s: see %s", message->len ? "\n" : ". ", label, path);
}

/* The end of a message: ". Last output: …", or nothing. */
char *
mk_message_output (MkProcess *process)
{
  MkLaunch *launch = mk_process_get_launch (process);
  GString *message = g_string_new (NULL);

  add_output (message, process, MK_STREAM_STDOUT, "Last output");
  add_output (message, process, MK_STREAM_STDERR, "Last error output");
  add_file (message, launch->stdout_mode, launch->stdout_path, "Output");
  add_file (message, launch->stderr_mode, launch->stderr_path, "Error output");

  return g_string_free (message, FALSE);
}

/* Why a service cannot become ready any more. @begun: monotonic time */
GError *
mk_message_exited_error (MkProcess *process, const char *goal, gint64 begun)
{
  MkProcessNews news = mk_process_get_news (process);
  g_autofree char *service = mk_message_service (process);
  g_autofree char *status = mk_message_status (news.status);
  g_autofree char *duration = mk_message_duration (g_get_monotonic_time () - begun);

  if (news.lost)
    return g_error_new (MK_ERROR,
                        MK_ERROR_SUPERVISOR,
                        "The supervisor of %s was killed before %s (after %s); the service was killed too",
                        service,
                        goal,
                        duration);

  return g_error_new (MK_ERROR,
                      MK_ERROR_EXITED,
                      "%s %s before %s (after %s)%s",
                      service,
                      status,
                      goal,
                      duration,
                      news.status == 0 ? ", and left no process that could get ready" : "");
}

/* "; last seen: Connection refused", or nothing */
char *
mk_message_seen (const char *last_seen)
{
  return last_seen ? g_strdup_printf ("; last seen: %s", last_seen) : g_strdup ("");
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
