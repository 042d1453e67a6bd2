/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * One attempt of a probe made of others: each part gets a poller of its own, all of them side by side. The
 * round is over when the answer is known, or when each part has answered at least once. So a part that needs
 * long for an answer does not keep the others from being asked again meanwhile, nor from being woken. The
 * pollers that are still under way are cancelled then, and the round waits for their end, so that nothing is
 * pending when it answers.
 *
 * All of it happens on the context of the task.
 */

#include "mk-probe-group-private.h"

#include "base/mk-i18n-private.h"
#include "mk-probe-private.h"
#include "mk-probe-wait-private.h"

typedef struct
{
  GTask *task;    /* (owned) (nullable) the round, while the part is being asked */
  MkProbe *probe; /* (owned) */
  gboolean answered;
  gboolean there;
  char *seen;      /* (owned) (nullable) why it is not there */
  GError *error;   /* (owned) (nullable) why it will never be */
  GError *unknown; /* (owned) (nullable) why it is not known whether it is there */
} Part;

typedef struct
{
  MkProbeGroup *group;       /* (unowned) the source object of the task */
  gboolean any;              /* one part is enough */
  GPtrArray *parts;          /* (owned) (element-type Part) */
  GCancellable *cancellable; /* (owned) of the pollers */
  gulong cancel_handler;
  guint n_asking;     /* parts whose pollers are under way */
  guint n_unanswered; /* parts that have not answered even once */
} Round;

static void
part_free (gpointer data)
{
  Part *part = data;

  g_assert (part->task == NULL);
  g_object_unref (part->probe);
  g_clear_error (&part->error);
  g_clear_error (&part->unknown);
  g_free (part->seen);
  g_free (part);
}

static void
round_free (Round *round)
{
  g_ptr_array_unref (round->parts);
  g_object_unref (round->cancellable);
  g_free (round);
}

/* Of this round; when that was over too soon, of the last one. Returns: (transfer full) (nullable) */
static char *
dup_reason (MkProbeGroup *group, Part *part)
{
  g_autofree char *detail = mk_probe_dup_detail (part->probe);
  const char *reason = detail;

  if (part->error != NULL)
    reason = part->error->message;
  else if (part->seen != NULL)
    reason = part->seen;

  return mk_probe_group_remember_reason (group, part->probe, reason);
}

/* "127.0.0.1:6379 to accept connections (Connection refused)" */
static char *
describe_missing (MkProbeGroup *group, Part *part)
{
  g_autofree char *clause = mk_probe_describe (part->probe);
  g_autofree char *reason = dup_reason (group, part);

  return reason ? g_strdup_printf ("%s (%s)", clause, reason) : g_steal_pointer (&clause);
}

/* @text: (transfer full) (nullable): what was said of the parts before. Returns: (transfer full) */
static char *
add_missing (Round *round, char *text, const char *missing)
{
  g_autofree char *before = text;

  if (before == NULL)
    /* Translators: a clause in the past tense, and perhaps why that is not so yet, in parentheses */
    return g_strdup_printf (_ ("still waiting until %s"), missing);
  if (round->any)
    /* Translators: “still waiting until …”, a clause in the past tense */
    return g_strdup_printf (_ ("%s or until %s"), before, missing);

  /* Translators: “still waiting until …”, a clause in the past tense */
  return g_strdup_printf (_ ("%s and until %s"), before, missing);
}

static void
note_missing (Round *round)
{
  g_autofree char *detail = NULL;

  for (guint i = 0; i < round->parts->len; i++)
    {
      Part *part = g_ptr_array_index (round->parts, i);
      g_autofree char *missing = NULL;

      if (part->there)
        continue;
      missing = describe_missing (round->group, part);
      detail = add_missing (round, detail, missing);
    }

  mk_probe_set_detail (MK_PROBE (round->group), detail ? detail : "");
}

static void
remember_there (Round *round)
{
  g_autoptr (GPtrArray) there = g_ptr_array_new_with_free_func (g_object_unref);

  for (guint i = 0; i < round->parts->len; i++)
    {
      Part *part = g_ptr_array_index (round->parts, i);

      if (part->there)
        g_ptr_array_add (there, g_object_ref (part->probe));
    }

  mk_probe_group_remember_there (round->group, there);
}

/* No part says for certain that this is not there, but one of those that could say so gave no answer. */
static void
return_unknown (GTask *task, const GError *unknown)
{
  Round *round = g_task_get_task_data (task);
  g_autofree char *detail = mk_probe_dup_detail (MK_PROBE (round->group));

  g_task_return_error (task, g_error_new_literal (unknown->domain, unknown->code, detail));
}

/* Each part has been asked, and none is being asked. */
static void
conclude (GTask *task)
{
  Round *round = g_task_get_task_data (task);
  const GError *error = NULL, *unknown = NULL;
  guint n_there = 0, n_errors = 0, n_unknown = 0;
  gboolean there;

  g_cancellable_disconnect (g_task_get_cancellable (task), round->cancel_handler);

  for (guint i = 0; i < round->parts->len; i++)
    {
      Part *part = g_ptr_array_index (round->parts, i);

      n_there += part->there ? 1 : 0;
      n_errors += part->error ? 1 : 0;
      if (part->error != NULL && error == NULL)
        error = part->error;
      if (part->there || part->unknown == NULL)
        continue;
      unknown = part->unknown;
      n_unknown++;
    }

  there = round->any ? n_there > 0 : n_there == round->parts->len;
  remember_there (round);
  if (there)
    mk_probe_set_detail (MK_PROBE (round->group), NULL);
  else
    note_missing (round);

  if (n_errors > 0 && (!round->any || n_errors == round->parts->len))
    g_task_return_error (task, g_error_copy (error));
  else if (!there && unknown != NULL && (round->any || n_there + n_unknown == round->parts->len))
    return_unknown (task, unknown);
  else
    g_task_return_boolean (task, there);
}

static void
note_answer (Round *round, Part *part)
{
  if (!part->answered)
    round->n_unanswered--;
  part->answered = TRUE;
}

/* Its poller asks this after an attempt that found nothing there. */
static gboolean
may_go_on (gpointer user_data, GError **error)
{
  Part *part = user_data;
  Round *round = g_task_get_task_data (part->task);

  note_answer (round, part);
  if (round->n_unanswered > 0)
    return TRUE;

  g_cancellable_cancel (round->cancellable);
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CANCELLED, _ ("The round is over"));
  return FALSE;
}

static void
on_part_polled (GObject *object, GAsyncResult *result, gpointer user_data)
{
  Part *part = user_data;
  g_autoptr (GTask) task = g_steal_pointer (&part->task);
  Round *round = g_task_get_task_data (task);
  g_autoptr (GError) error = NULL;
  gboolean timed_out, decided;

  part->there = mk_poller_run_finish (result, &timed_out, &part->seen, &error);
  part->unknown = mk_poller_run_dup_last_error (result);
  if (error != NULL && !g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    part->error = g_steal_pointer (&error);
  note_answer (round, part);
  round->n_asking--;

  decided = round->any ? part->there : part->error != NULL;
  if (round->n_asking == 0)
    conclude (task);
  else if (decided || round->n_unanswered == 0)
    g_cancellable_cancel (round->cancellable);
}

static void
on_cancelled (GCancellable *cancellable, gpointer round_cancellable)
{
  g_cancellable_cancel (round_cancellable);
}

static Round *
round_new (MkProbeGroup *group, GPtrArray *probes)
{
  Round *round = g_new0 (Round, 1);

  round->group = group;
  round->any = mk_probe_group_is_any (group);
  round->cancellable = g_cancellable_new ();
  round->n_asking = round->n_unanswered = probes->len;
  round->parts = g_ptr_array_new_with_free_func (part_free);
  for (guint i = 0; i < probes->len; i++)
    {
      Part *part = g_new0 (Part, 1);

      part->probe = g_object_ref (g_ptr_array_index (probes, i));
      g_ptr_array_add (round->parts, part);
    }

  return round;
}

/* @probes: (element-type MkProbe): the parts, at least one */
void
mk_probe_round_run (MkProbeGroup *group, GPtrArray *probes, GTask *task)
{
  Round *round = round_new (group, probes);

  g_task_set_task_data (task, round, (GDestroyNotify) round_free);
  round->cancel_handler = g_cancellable_connect (g_task_get_cancellable (task),
                                                 G_CALLBACK (on_cancelled),
                                                 g_object_ref (round->cancellable),
                                                 g_object_unref);

  for (guint i = 0; i < round->parts->len; i++)
    {
      Part *part = g_ptr_array_index (round->parts, i);

      part->task = g_object_ref (task);
      mk_poller_run_async (
          part->probe, TRUE, G_MAXINT64, may_go_on, part, round->cancellable, on_part_polled, part);
    }
}
