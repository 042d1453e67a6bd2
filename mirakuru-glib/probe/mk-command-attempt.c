/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * One attempt of a probe that runs a command, with a supervisor of its own as a service has one: so the end
 * of an attempt is the end of all that the command started.
 *
 *   running ──> exited ──> gone ──> answered
 *      └──> killed, for the time was up ──┘
 *
 * An attempt that is cancelled kills its command, too, and waits for its end; but not for longer than the
 * library waits for an attempt. What is left then is ended by the worker.
 *
 * All of it happens on the context of the task; the process wakes the source `news` from the worker.
 */

#include "mk-command-attempt-private.h"

#include <signal.h>

#include "base/mk-i18n-private.h"
#include "base/mk-deadline-private.h"
#include "base/mk-message-private.h"
#include "mk-probe-private.h"
#include "process/mk-process-private.h"
#include "base/mk-wake-source-private.h"

/* How long a command that was killed is waited for. */
#define GIVE_UP_AFTER_US (40 * G_TIME_SPAN_MILLISECOND)
G_STATIC_ASSERT (GIVE_UP_AFTER_US < MK_COMMAND_GRACE_MS * G_TIME_SPAN_MILLISECOND);
#define TOLD_LINES 3
#define TOLD_BYTES 400

typedef struct
{
  MkProcess *process;  /* (owned) */
  MkWakeSource *news;  /* (owned) woken by the process */
  MkWakeSource *timer; /* (owned) */
  gulong cancel_handler;
  gint64 begun;
  gboolean ordered;   /* the order to end was given */
  gboolean too_slow;  /* the time was up */
  gboolean cancelled; /* nobody wants to know any more */
} Attempt;

static void
attempt_free (Attempt *attempt)
{
  mk_wake_source_unref (attempt->news);
  mk_wake_source_unref (attempt->timer);
  mk_process_unref (attempt->process);
  g_free (attempt);
}

/* @error: (transfer full) (nullable) */
static void
return_answer (GTask *task, gboolean there, GError *error)
{
  Attempt *attempt = g_task_get_task_data (task);

  mk_process_remove_listener (attempt->process, attempt->news);
  mk_wake_source_destroy (attempt->news);
  mk_wake_source_destroy (attempt->timer);
  g_cancellable_disconnect (g_task_get_cancellable (task), attempt->cancel_handler);

  if (error != NULL)
    g_task_return_error (task, error);
  else
    g_task_return_boolean (task, there);
}

/* Says why it is not there: "pg_isready exited with status 2: no response". */
static void
note_failure (GTask *task, const char *what)
{
  Attempt *attempt = g_task_get_task_data (task);
  g_autofree char *name = mk_launch_dup_name (mk_process_get_launch (attempt->process));
  g_autofree char *output = mk_capture_dup_last_lines (
      mk_process_get_capture (attempt->process, MK_STREAM_STDOUT), TOLD_LINES, TOLD_BYTES);
  g_auto (GStrv) lines = g_strsplit (output ? output : "", "\n", -1);
  g_autofree char *line = g_strjoinv (" / ", lines);
  /* Translators: a command, “exited with status 1” or the like */
  g_autofree char *sentence = g_strdup_printf (_ ("%s %s"), name, what);
  /* Translators: what happened to a command, what it printed */
  g_autofree char *detail = *line ? g_strdup_printf (_ ("%s: %s"), sentence, line) : g_strdup (sentence);

  mk_probe_set_detail (g_task_get_source_object (task), detail);
}

static void
note_killed (GTask *task)
{
  Attempt *attempt = g_task_get_task_data (task);
  g_autofree char *duration = mk_message_duration (g_get_monotonic_time () - attempt->begun);
  /* Translators: the name of a command stands before this; a duration */
  g_autofree char *what = g_strdup_printf (_ ("had not ended after %s, and was killed"), duration);

  note_failure (task, what);
}

/* Nothing of the command is left. */
static void
conclude (GTask *task, const MkProcessNews *news)
{
  Attempt *attempt = g_task_get_task_data (task);
  GError *failure = mk_process_dup_failure (attempt->process);
  g_autofree char *status = NULL;
  gboolean there;

  if (failure != NULL)
    {
      return_answer (task, FALSE, failure);
      return;
    }

  /* One that ended well at the last moment was not killed. */
  there = news->exited && !news->lost && news->status == 0;
  status = mk_message_status (news->status);
  if (there)
    mk_probe_set_detail (g_task_get_source_object (task), NULL);
  else if (news->lost)
    /* Translators: the name of a command stands before this */
    note_failure (task, _ ("was killed together with its supervisor"));
  else if (attempt->too_slow || attempt->cancelled)
    note_killed (task);
  else
    note_failure (task, status);

  return_answer (task, there, NULL);
}

static void
order_end (Attempt *attempt)
{
  if (!attempt->ordered)
    mk_process_kill (attempt->process, SIGKILL);
  attempt->ordered = TRUE;
}

static gboolean
on_news (gpointer user_data)
{
  g_autoptr (GTask) task = g_object_ref (user_data);
  Attempt *attempt = g_task_get_task_data (task);
  MkProcessNews news = mk_process_get_news (attempt->process);

  if (news.gone)
    conclude (task, &news);
  else if (news.exited)
    order_end (attempt); /* what it has left */

  return G_SOURCE_CONTINUE;
}

static gboolean
on_timer (gpointer user_data)
{
  g_autoptr (GTask) task = g_object_ref (user_data);
  Attempt *attempt = g_task_get_task_data (task);

  if (attempt->cancelled)
    {
      note_killed (task);
      return_answer (task, FALSE, NULL);
    }
  else if (!mk_process_get_news (attempt->process).exited)
    {
      attempt->too_slow = TRUE;
      order_end (attempt);
    }

  return G_SOURCE_CONTINUE;
}

/*
 * In the context of the task, for that is where attempts are cancelled. Not by a source: whoever cancels
 * counts the time that is left from this moment, too.
 */
static void
on_cancelled (GCancellable *cancellable, gpointer user_data)
{
  Attempt *attempt = g_task_get_task_data (user_data);

  attempt->cancelled = TRUE;
  order_end (attempt);
  mk_wake_source_wake_at (attempt->timer, g_get_monotonic_time () + GIVE_UP_AFTER_US);
}

/* Goes before the library's own timer, if a busy machine lets both be due. */
static MkWakeSource *
attach_source (GTask *task, const char *name, GSourceFunc func)
{
  MkWakeSource *source =
      mk_wake_source_attach (g_task_get_context (task), name, func, g_object_ref (task), g_object_unref);

  mk_wake_source_set_priority (source, G_PRIORITY_HIGH);
  return source;
}

/* Of the process, which tells it by its news alone. */
static void
ignore (gpointer data)
{
}

/*
 * Answers @task, which is that of an attempt of a probe.
 *
 * @launch: (transfer full): captures the standard output
 */
void
mk_command_attempt_run (MkLaunch *launch, guint timeout_ms, GTask *task)
{
  Attempt *attempt = g_new0 (Attempt, 1);

  attempt->process = mk_process_new (launch, ignore, NULL, ignore);
  attempt->begun = g_get_monotonic_time ();
  attempt->news = attach_source (task, "MkCommandProbe news", on_news);
  attempt->timer = attach_source (task, "MkCommandProbe timer", on_timer);
  mk_wake_source_wake_at (attempt->timer, mk_deadline_after (timeout_ms));
  g_task_set_task_data (task, attempt, (GDestroyNotify) attempt_free);

  attempt->cancel_handler =
      g_cancellable_connect (g_task_get_cancellable (task), G_CALLBACK (on_cancelled), task, NULL);
  mk_process_add_listener (attempt->process, attempt->news);
  mk_process_spawn (attempt->process);
}
