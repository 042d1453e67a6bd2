/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What can be said of a service at any moment: as a dictionary for programs, and as a text made of it for
 * people. Nothing here waits for anything.
 */

#include "mk-simple-executor-private.h"

#include <string.h>

#include "base/mk-i18n-private.h"
#include "base/mk-message-private.h"
#include "mk-enum-types.h"
#include "probe/mk-probe-private.h"
#include "process/mk-proc-private.h"
#include "process/mk-process-message-private.h"

/* Of each stream */
#define LAST_LINES 20
#define LAST_BYTES 4096

/* ---- the dictionary ---- */

/* In seconds since @begun. @when: monotonic, 0 if it has not happened */
static void
report_add_time (GVariantDict *dict, const char *key, gint64 when, gint64 begun)
{
  if (when != 0)
    g_variant_dict_insert (dict, key, "d", (double) (when - begun) / G_TIME_SPAN_SECOND);
}

/* Bytes of a user are in it: a path, a regular expression. */
static void
report_add_clause (GVariantDict *dict, MkProbe *probe)
{
  g_autofree char *description = mk_probe_describe (probe);
  g_autofree char *clause = mk_message_shown (description);

  g_variant_dict_insert (dict, "waits-for", "s", clause);
}

static void
report_add_probe (GVariantBuilder *builder, MkProbe *probe)
{
  MkProbeClassPrivate *class_private = mk_probe_class_get_private (MK_PROBE_GET_CLASS (probe));
  g_autoptr (GPtrArray) parts = class_private->dup_parts != NULL ? class_private->dup_parts (probe) : NULL;
  g_auto (GVariantDict) dict = G_VARIANT_DICT_INIT (NULL);
  g_autofree char *failure = NULL;
  guint n_attempts;

  if (parts != NULL)
    {
      for (guint i = 0; i < parts->len; i++)
        report_add_probe (builder, g_ptr_array_index (parts, i));
      return;
    }

  report_add_clause (&dict, probe);
  n_attempts = mk_probe_get_attempts (probe, &failure);
  g_variant_dict_insert (&dict, "attempts", "u", n_attempts);
  if (failure != NULL)
    g_variant_dict_insert (&dict, "last-failure", "s", failure);
  g_variant_builder_add_value (builder, g_variant_dict_end (&dict));
}

/* A process chooses its name itself: any bytes. */
static void
report_add_process (int pid, int parent, const char *name, gpointer user_data)
{
  g_auto (GVariantDict) dict = G_VARIANT_DICT_INIT (NULL);
  g_autofree char *shown = mk_message_shown (name);

  g_variant_dict_insert (&dict, "pid", "i", (gint32) pid);
  g_variant_dict_insert (&dict, "parent", "i", (gint32) parent);
  g_variant_dict_insert (&dict, "name", "s", shown);
  g_variant_builder_add_value (user_data, g_variant_dict_end (&dict));
}

static void
report_add_output (GVariantDict *dict, MkProcess *process, MkStream stream, const char *key)
{
  MkCapture *capture = mk_process_get_capture (process, stream);
  g_autofree char *lines = mk_capture_dup_last_lines (capture, LAST_LINES, LAST_BYTES);

  if (lines != NULL)
    g_variant_dict_insert (dict, key, "s", lines);
}

static void
report_add_run (GVariantDict *dict, MkProcess *process)
{
  MkProcessNews news = mk_process_get_news (process);
  g_autofree char *command = mk_message_command ((const char *const *) mk_process_get_launch (process)->argv);
  g_autofree char *killed = mk_process_message_killed (process);
  g_autofree char *incomplete = mk_process_dup_incomplete (process);
  GVariantBuilder processes;

  g_variant_dict_insert (dict, "command", "s", command);
  if (news.pid != 0)
    g_variant_dict_insert (dict, "pid", "i", (gint32) news.pid);
  if (news.exited)
    g_variant_dict_insert (dict, "exit-status", "i", news.status);
  if (killed != NULL)
    g_variant_dict_insert (dict, "killed", "s", killed);
  if (incomplete != NULL)
    g_variant_dict_insert (dict, "incomplete", "s", incomplete);

  g_variant_builder_init (&processes, G_VARIANT_TYPE ("aa{sv}"));
  if (!news.gone && mk_process_get_supervisor (process) != 0 && !mk_process_is_elsewhere (process))
    mk_proc_for_each_descendant (mk_process_get_supervisor (process), report_add_process, &processes);
  g_variant_dict_insert_value (dict, "processes", g_variant_builder_end (&processes));
  report_add_output (dict, process, MK_STREAM_STDOUT, "stdout");
  report_add_output (dict, process, MK_STREAM_STDERR, "stderr");
}

/**
 * mk_simple_executor_dup_report_dict:
 * @self: the executor
 *
 * Reports the current state of the service for programs, as a dictionary of type `a{sv}`. Its keys are:
 *
 * - "command" and "state", and "name" in a group: strings
 * - "begun" (`x`): when the last start began, in microseconds since 1970
 * - "running" (`d`): how many seconds ago that was
 * - "spawned", "ready" and "stopping" (`d`): how many seconds after the value of "begun" this happened
 * - "exited" (`d`): the same for the end of the first process
 * - "gone" (`d`): the same for the end of all processes
 * - "pid" and "exit-status" (`i`): an exit status below 0 is the negative number of a signal
 * - "killed" (`s`): why the service was killed
 * - "waits-for" (`s`): the condition that the start waits for, or has waited for
 * - "probes" (`aa{sv}`): the parts of that condition, each with "waits-for" (`s`), "attempts" (`u`) and
 *   "last-failure" (`s`)
 * - "processes" (`aa{sv}`): the processes of the service, each with "pid" and "parent" (`i`) and "name"
 *   (`s`)
 * - "stdout" and "stderr" (`s`): the last lines that are kept
 * - "incomplete" (`s`): that a copy of the output could not be written to its file to the end, and why
 *
 * Keys without a known value are left out. May be called in any thread and in any state. It does not block.
 *
 * Returns: (transfer full): the dictionary
 *
 * Since: 1.0
 */
GVariant *
mk_simple_executor_dup_report_dict (MkSimpleExecutor *self)
{
  g_auto (GVariantDict) dict = G_VARIANT_DICT_INIT (NULL);
  g_autoptr (GEnumClass) states = g_type_class_ref (MK_TYPE_EXECUTOR_STATE);
  g_autoptr (MkProcess) process = NULL;
  g_autoptr (MkProbe) probe = NULL;
  g_autofree char *command = NULL;
  g_autofree char *name = NULL;
  MkSimpleExecutorPrivate *priv;
  MkProcessNews news = { 0 };
  GVariantBuilder probes;
  GMutexLocker *locker;
  MkSnapshot snapshot;
  gint64 begun_at;
  gint64 ready_at;
  gint64 now = g_get_monotonic_time ();

  g_return_val_if_fail (MK_IS_SIMPLE_EXECUTOR (self), NULL);

  priv = mk_simple_executor_get_private (self);
  locker = mk_simple_executor_lock (self);
  snapshot = mk_simple_executor_get_snapshot_unlocked (self);
  name = g_strdup (priv->name);
  if (priv->command != NULL)
    command = mk_message_command ((const char *const *) priv->command);
  g_set_object (&probe, priv->asked_probe);
  process = priv->process != NULL ? mk_process_ref (priv->process) : NULL;
  begun_at = priv->begun_at;
  ready_at = priv->ready_at;
  g_mutex_locker_free (locker);

  g_variant_dict_insert (&dict, "state", "s", g_enum_get_value (states, (int) snapshot.state)->value_nick);
  if (name != NULL)
    g_variant_dict_insert (&dict, "name", "s", name);
  g_variant_dict_insert (&dict, "command", "s", command != NULL ? command : G_OBJECT_TYPE_NAME (self));
  if (begun_at == 0)
    return g_variant_ref_sink (g_variant_dict_end (&dict));

  g_variant_dict_insert (&dict, "begun", "x", g_get_real_time () - (now - begun_at));
  report_add_time (&dict, "running", now, begun_at);
  if (process != NULL)
    {
      news = mk_process_get_news (process);
      report_add_run (&dict, process);
    }
  report_add_time (&dict, "spawned", news.spawned_at, begun_at);
  report_add_time (&dict, "ready", ready_at, begun_at);
  report_add_time (&dict, "stopping", news.asked_at, begun_at);
  report_add_time (&dict, "exited", news.exited_at, begun_at);
  report_add_time (&dict, "gone", news.gone_at, begun_at);

  g_variant_builder_init (&probes, G_VARIANT_TYPE ("aa{sv}"));
  if (probe != NULL)
    {
      report_add_clause (&dict, probe);
      report_add_probe (&probes, probe);
    }
  g_variant_dict_insert_value (&dict, "probes", g_variant_builder_end (&probes));
  return g_variant_ref_sink (g_variant_dict_end (&dict));
}

/* ---- the text ---- */

static void
report_append_status (GString *text, GVariant *dict)
{
  g_autofree char *words = NULL;
  gint32 status = 0;

  if (!g_variant_lookup (dict, "exit-status", "i", &status))
    return;

  words = mk_message_status (status);
  g_string_append_printf (text, " (%s)", words);
}

static void
report_append_times (GString *text, GVariant *dict)
{
  static const struct
  {
    const char *key;
    const char *words;
  } times[] = {
    /* Translators: what happened to a service; “ after 12 ms” stands behind this */
    { "spawned", N_ ("started") },
    /* Translators: what happened to a service; “ after 12 ms” stands behind this */
    { "ready", N_ ("ready") },
    /* Translators: what happened to a service; “ after 12 ms” stands behind this */
    { "stopping", N_ ("asked to stop") },
    /* Translators: what happened to the first process of a service; “ after 12 ms” stands behind this */
    { "exited", N_ ("ended") },
    /* Translators: what happened to a service; “ after 12 ms” stands behind this */
    { "gone", N_ ("no process left") },
  };
  double seconds = 0;
  double spawned = 0;

  for (gsize i = 0; i < G_N_ELEMENTS (times); i++)
    if (g_variant_lookup (dict, times[i].key, "d", &seconds))
      {
        g_autofree char *duration = mk_message_duration ((gint64) (seconds * G_TIME_SPAN_SECOND));

        g_string_append_c (text, '\n');
        /* Translators: “ready” and the like, a duration */
        g_string_append_printf (text, _ ("  %s after %s"), _ (times[i].words), duration);
        if (g_str_equal (times[i].key, "exited"))
          report_append_status (text, dict);
      }

  if (g_variant_lookup (dict, "spawned", "d", &spawned) &&
      !g_variant_lookup (dict, "exited", "d", &seconds) && !g_variant_lookup (dict, "gone", "d", &seconds) &&
      g_variant_lookup (dict, "running", "d", &seconds))
    {
      g_autofree char *duration = mk_message_duration ((gint64) ((seconds - spawned) * G_TIME_SPAN_SECOND));

      g_string_append_c (text, '\n');
      /* Translators: a line about a service; a duration */
      g_string_append_printf (text, _ ("  has been running for %s"), duration);
    }
}

static void
report_append_probes (GString *text, GVariant *dict)
{
  g_autoptr (GVariant) probes = g_variant_lookup_value (dict, "probes", G_VARIANT_TYPE ("aa{sv}"));
  const char *state = "";
  gboolean waits;

  g_variant_lookup (dict, "state", "&s", &state);
  waits = g_str_equal (state, "starting");
  for (gsize i = 0; probes != NULL && i < g_variant_n_children (probes); i++)
    {
      g_autoptr (GVariant) probe = g_variant_get_child_value (probes, i);
      const char *clause = "";
      const char *failure = NULL;
      guint32 attempts = 0;

      g_variant_lookup (probe, "waits-for", "&s", &clause);
      g_variant_lookup (probe, "attempts", "u", &attempts);
      g_string_append_c (text, '\n');
      g_string_append_printf (
          text,
          /* Translators: a clause such as “127.0.0.1:6379 to accept connections”; a number */
          waits ? mk_ngettext ("  waits for %s (%u attempt)", "  waits for %s (%u attempts)", attempts)
                /* Translators: a clause such as “127.0.0.1:6379 to accept connections”; a number */
                : mk_ngettext ("  waited for %s (%u attempt)", "  waited for %s (%u attempts)", attempts),
          clause,
          attempts);
      g_string_append_c (text, '\n');
      if (g_variant_lookup (probe, "last-failure", "&s", &failure))
        /* Translators: a reason, such as “connection refused” */
        g_string_append_printf (text, _ ("    last failure: %s"), failure);
      else
        g_string_truncate (text, text->len - 1);
    }
}

static void
report_append_processes (GString *text, GVariant *dict)
{
  g_autoptr (GVariant) processes = g_variant_lookup_value (dict, "processes", G_VARIANT_TYPE ("aa{sv}"));

  for (gsize i = 0; processes != NULL && i < g_variant_n_children (processes); i++)
    {
      g_autoptr (GVariant) process = g_variant_get_child_value (processes, i);
      const char *name = "";
      gint32 pid = 0;
      gint32 parent = 0;

      g_variant_lookup (process, "name", "&s", &name);
      g_variant_lookup (process, "pid", "i", &pid);
      g_variant_lookup (process, "parent", "i", &parent);
      g_string_append_c (text, '\n');
      /* Translators: the number of a process, its program, the number of its parent */
      g_string_append_printf (text, _ ("  process %d: %s, child of %d"), pid, name, parent);
    }
}

static void
report_append_incomplete (GString *text, GVariant *dict)
{
  const char *clause = NULL;

  if (g_variant_lookup (dict, "incomplete", "&s", &clause))
    g_string_append_printf (text, "\n  %s", clause);
}

static void
report_append_output (GString *text, GVariant *dict, const char *key, const char *heading)
{
  const char *output = NULL;
  g_auto (GStrv) lines = NULL;

  if (!g_variant_lookup (dict, key, "&s", &output))
    return;

  g_string_append_printf (text, "\n  %s", heading);
  lines = g_strsplit (output, "\n", -1);
  for (char **line = lines; *line != NULL; line++)
    g_string_append_printf (text, "\n    %s", *line);
}

/**
 * mk_simple_executor_dup_report:
 * @self: the executor
 *
 * Reports the current state of the service as a text for people. The text contains the command, the state,
 * the times of events, the processes, and the last lines of output. It also contains the condition that the
 * start waits for, the number of attempts, and the last failure. Use it for a log or a bug report. The words
 * may change; in programs, use [method@Mk.SimpleExecutor.dup_report_dict].
 *
 * May be called in any thread and in any state. It does not block.
 *
 * Returns: (transfer full): a text of several lines
 *
 * Since: 1.0
 */
char *
mk_simple_executor_dup_report (MkSimpleExecutor *self)
{
  g_autoptr (GVariant) dict = NULL;
  g_autofree char *description = NULL;
  GString *text;

  g_return_val_if_fail (MK_IS_SIMPLE_EXECUTOR (self), NULL);

  dict = mk_simple_executor_dup_report_dict (self);
  description = mk_simple_executor_describe (self);
  text = g_string_new (description);
  report_append_times (text, dict);
  report_append_probes (text, dict);
  report_append_processes (text, dict);
  report_append_incomplete (text, dict);
  report_append_output (text, dict, "stdout", _ ("Last output:"));
  report_append_output (text, dict, "stderr", _ ("Last error output:"));
  return g_string_free (text, FALSE);
}
