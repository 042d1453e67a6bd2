/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What MkAllProbe and MkAnyProbe have in common, which is nearly everything: a probe made of other probes.
 *
 * Parts whose `check` answers are asked by the `check` of the group, one after the other. A part that says
 * G_IO_ERROR_WOULD_BLOCK is slow. It is asked as often as its own interval says; until then its last answer
 * stands. All of several are not there as long as one is known not to be, so a slow part that has answered
 * before is not asked meanwhile.
 *
 * Where slow parts have to be asked, the group's `check_task` runs a round: each of them gets a wait of its
 * own, side by side, until the answer of the group is known or each of them has answered once. So does, if
 * one part is enough, each of the others: a part that takes long for an answer does not keep them from being
 * noticed. The waits that are still under way are cancelled then, and the round waits for their end, so that
 * nothing is pending when it answers.
 *
 * What is known of the parts belongs to the operation that asks, and is used in its context only. The lock
 * guards what is shared by operations in several threads.
 */

#include "mk-probe-group-private.h"

#include "mk-error.h"
#include "base/mk-i18n-private.h"
#include "base/mk-lock-private.h"
#include "mk-probe-private.h"
#include "mk-probe-wait-private.h"

/* For the parts that have one themselves, such as commands that are to be killed. */
#define GRACE_MS 50

/* One executor may be attached several times at once. */
typedef struct
{
  MkSimpleExecutor *executor; /* (unowned) to be compared only */
  guint n_parts;              /* that there were; more may be added behind them */
} GroupAttachment;

typedef struct
{
  gboolean any; /* one part is enough; does not change */

  GMutex lock;
  GPtrArray *probes; /* (owned) (element-type MkProbe) (locked-by lock) none is ever removed */
  GPtrArray *there;  /* (owned) (element-type MkProbe) (locked-by lock) in the last attempt */
  GArray *attached;  /* (owned) (element-type GroupAttachment) (locked-by lock) */
} MkProbeGroupPrivate;

G_DEFINE_ABSTRACT_TYPE_WITH_PRIVATE (MkProbeGroup, mk_probe_group, MK_TYPE_PROBE)

/* ---- the parts ---- */

/* Returns: (transfer full) (element-type MkProbe): the parts at this moment */
static GPtrArray *
group_dup_parts (MkProbeGroup *self)
{
  MkProbeGroupPrivate *priv = mk_probe_group_get_instance_private (self);
  MK_AUTO_LOCK (&priv->lock);

  return g_ptr_array_copy (priv->probes, (GCopyFunc) (void *) g_object_ref, NULL);
}

static gboolean
group_is_any (MkProbeGroup *self)
{
  MkProbeGroupPrivate *priv = mk_probe_group_get_instance_private (self);

  return priv->any;
}

static gboolean
group_may_add (MkProbeGroup *self, MkProbe *probe)
{
  g_autoptr (GPtrArray) parts = NULL;

  if (probe == MK_PROBE (self))
    return FALSE;
  if (!MK_IS_PROBE_GROUP (probe))
    return TRUE;

  parts = group_dup_parts (MK_PROBE_GROUP (probe));
  for (guint i = 0; i < parts->len; i++)
    {
      if (!group_may_add (self, g_ptr_array_index (parts, i)))
        return FALSE;
    }
  return TRUE;
}

/* Does nothing if @probe is a part already. */
void
mk_probe_group_add (MkProbeGroup *self, MkProbe *probe)
{
  MkProbeGroupPrivate *priv = mk_probe_group_get_instance_private (self);
  g_autoptr (GMutexLocker) locker = NULL;

  g_return_if_fail (MK_IS_PROBE (probe));
  g_return_if_fail (group_may_add (self, probe));

  locker = g_mutex_locker_new (&priv->lock);
  if (g_ptr_array_find (priv->probes, probe, NULL))
    return;

  g_ptr_array_add (priv->probes, g_object_ref (probe));
}

void
mk_probe_group_add_many (MkProbeGroup *self, MkProbe **probes, gsize n_probes)
{
  for (gsize i = 0; i < n_probes; i++)
    mk_probe_group_add (self, probes[i]);
}

/* Returns: (transfer container) (array length=n_probes) */
MkProbe **
mk_probe_group_dup_probes (MkProbeGroup *self, gsize *n_probes)
{
  MkProbeGroupPrivate *priv = mk_probe_group_get_instance_private (self);
  MK_AUTO_LOCK (&priv->lock);

  *n_probes = priv->probes->len;
  return g_memdup2 (priv->probes->pdata, priv->probes->len * sizeof (MkProbe *));
}

/* Returns: (transfer full) */
GListModel *
mk_probe_group_dup_model (MkProbeGroup *self)
{
  g_autoptr (GPtrArray) parts = group_dup_parts (self);
  GListStore *store = g_list_store_new (MK_TYPE_PROBE);

  g_list_store_splice (store, 0, 0, parts->pdata, parts->len);
  return G_LIST_MODEL (store);
}

/* ---- what an operation knows of the parts ---- */

typedef enum
{
  PART_NOT_YET, /* also if it has not been asked */
  PART_THERE,
  PART_UNKNOWN, /* with an error */
  PART_FAILED,  /* with an error of the domain MK_ERROR: it will never be there */
  PART_SLOW,    /* it has to be asked in a round */
  N_ANSWERS,
} GroupAnswer;

typedef struct
{
  MkProbe *probe;    /* (owned) */
  gpointer state;    /* (owned) (nullable) of the probe */
  MkProbeLink *link; /* (owned) wakes the group */
  GroupAnswer answer;
  char *seen;          /* (owned) (nullable) why it is not there */
  GError *error;       /* (owned) (nullable) of the answer */
  gboolean is_slow;    /* the answer came from a round */
  gboolean was_asked;  /* in a round, at least once */
  gint64 due;          /* until then the answer stands */
  GTask *round;        /* (owned) (nullable) while its wait in a round is under way */
  gboolean in_round;   /* it takes part in the one under way */
  gboolean has_spoken; /* in that round */
} GroupPart;

/* An atomic rc box: a round that is forgotten by the library may go on for a moment. */
typedef struct
{
  gint64 begun;
  GPtrArray *parts; /* (owned) (element-type GroupPart) */
} GroupState;

static void
group_part_free (gpointer data)
{
  GroupPart *part = data;

  mk_probe_link_free (part->link);
  mk_probe_end (part->probe, part->state);
  g_object_unref (part->probe);
  g_clear_error (&part->error);
  g_free (part->seen);
  g_free (part);
}

/* Adds those that have been added to the group. */
static void
group_state_update (GroupState *state, MkProbeGroup *group)
{
  g_autoptr (GPtrArray) probes = group_dup_parts (group);

  for (guint i = state->parts->len; i < probes->len; i++)
    {
      GroupPart *part = g_new0 (GroupPart, 1);

      part->probe = g_object_ref (g_ptr_array_index (probes, i));
      part->state = mk_probe_begin (part->probe);
      part->link = mk_probe_link_new (part->probe, MK_PROBE (group));
      g_ptr_array_add (state->parts, part);
    }
}

static gpointer
mk_probe_group_begin (MkProbe *probe)
{
  GroupState *state = g_atomic_rc_box_new0 (GroupState);

  state->begun = g_get_monotonic_time ();
  state->parts = g_ptr_array_new_with_free_func (group_part_free);
  group_state_update (state, MK_PROBE_GROUP (probe));
  return state;
}

static void
group_state_clear (gpointer data)
{
  g_ptr_array_unref (((GroupState *) data)->parts);
}

static void
mk_probe_group_end (MkProbe *probe, gpointer state)
{
  g_atomic_rc_box_release_full (state, group_state_clear);
}

/* @error: (transfer full) (nullable). @seen: (transfer full) (nullable): why it is not there */
static void
group_part_take_answer (GroupPart *part, gboolean there, GError *error, char *seen)
{
  g_clear_error (&part->error);
  if (error == NULL)
    part->answer = there ? PART_THERE : PART_NOT_YET;
  else
    part->answer = error->domain == MK_ERROR ? PART_FAILED : PART_UNKNOWN;
  part->error = error;

  /* What was seen before says more than nothing. */
  if (seen != NULL)
    {
      g_free (part->seen);
      part->seen = seen;
    }
}

/* ---- the answer of the group ---- */

/* Returns: (transfer full): "127.0.0.1:6379 to accept connections: connection refused" */
static char *
group_part_describe_missing (GroupPart *part)
{
  g_autofree char *clause = NULL;
  gboolean has_reason = part->seen != NULL && *part->seen != '\0';

  /* What another group has seen names its parts. */
  if (MK_IS_PROBE_GROUP (part->probe) && has_reason)
    return g_strdup (part->seen);

  clause = mk_probe_describe (part->probe);
  if (!has_reason)
    return g_steal_pointer (&clause);

  /* Translators: a clause such as “127.0.0.1:6379 to accept connections”, why that is not so yet */
  return g_strdup_printf (_ ("%s: %s"), clause, part->seen);
}

static void
group_note_missing (MkProbeGroup *self, GroupState *state)
{
  g_autoptr (GString) text = g_string_new (NULL);

  for (guint i = 0; i < state->parts->len; i++)
    {
      GroupPart *part = g_ptr_array_index (state->parts, i);
      g_autofree char *missing = NULL;

      if (part->answer == PART_THERE)
        continue;
      missing = group_part_describe_missing (part);
      /* Translators: stands between what is said of several probes that are not there yet */
      g_string_append_printf (text, "%s%s", text->len > 0 ? _ ("; ") : "", missing);
    }

  mk_probe_set_detail (MK_PROBE (self), text->str);
}

static void
group_remember_there (MkProbeGroup *self, GroupState *state)
{
  MkProbeGroupPrivate *priv = mk_probe_group_get_instance_private (self);
  g_autoptr (GPtrArray) there = g_ptr_array_new_with_free_func (g_object_unref);
  g_autoptr (GPtrArray) last = NULL;

  for (guint i = 0; i < state->parts->len; i++)
    {
      GroupPart *part = g_ptr_array_index (state->parts, i);

      if (part->answer == PART_THERE)
        g_ptr_array_add (there, g_object_ref (part->probe));
    }

  g_mutex_lock (&priv->lock);
  last = g_steal_pointer (&priv->there);
  priv->there = g_steal_pointer (&there);
  g_mutex_unlock (&priv->lock);
}

/* No part says for certain that this is not there, but one of those that could say so gave no answer. */
static void
group_set_unknown (MkProbeGroup *self, const GError *unknown, GError **error)
{
  g_autofree char *detail = mk_probe_dup_detail (MK_PROBE (self));

  g_set_error_literal (error, unknown->domain, unknown->code, detail);
}

/* Returns: whether it is there; FALSE with G_IO_ERROR_WOULD_BLOCK if that takes a round to know */
static gboolean
group_conclude (MkProbeGroup *self, GroupState *state, GError **error)
{
  gboolean any = group_is_any (self);
  guint n[N_ANSWERS] = { 0 }, n_never_asked = 0;
  const GError *errors[N_ANSWERS] = { NULL };
  gboolean there;

  for (guint i = 0; i < state->parts->len; i++)
    {
      GroupPart *part = g_ptr_array_index (state->parts, i);

      n[part->answer]++;
      n_never_asked += part->answer == PART_SLOW && !part->was_asked;
      if (errors[part->answer] == NULL)
        errors[part->answer] = part->error;
    }

  there = any ? n[PART_THERE] > 0 : n[PART_THERE] == state->parts->len;
  if (n[PART_SLOW] > 0 && (any ? !there : n[PART_FAILED] == 0 && (n[PART_NOT_YET] == 0 || n_never_asked > 0)))
    return mk_probe_would_block (error);

  group_remember_there (self, state);
  if (there)
    mk_probe_set_detail (MK_PROBE (self), NULL);
  else
    group_note_missing (self, state);

  if (n[PART_FAILED] > 0 && (!any || n[PART_FAILED] == state->parts->len))
    g_propagate_error (error, g_error_copy (errors[PART_FAILED]));
  else if (!there && n[PART_UNKNOWN] > 0 && (any || n[PART_NOT_YET] == 0))
    group_set_unknown (self, errors[PART_UNKNOWN], error);

  return there;
}

/* ---- an attempt that does not block ---- */

static void
group_part_check (GroupPart *part)
{
  gint64 now = g_get_monotonic_time ();
  gint64 by_hand = mk_probe_get_interval (part->probe) * G_TIME_SPAN_MILLISECOND;
  GError *error = NULL;
  gboolean there;

  if (mk_probe_link_take_woken (part->link))
    part->due = 0;
  /* That it was there some time ago is no answer now. */
  if (now < part->due && part->answer != PART_THERE)
    return;

  there = mk_probe_ask (part->probe, part->state, &error);
  part->is_slow = g_error_matches (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
  part->due = part->is_slow ? 0 : now + by_hand;
  if (part->is_slow)
    {
      part->answer = PART_SLOW;
      g_clear_error (&error);
    }
  else
    group_part_take_answer (
        part, there, error, error ? g_strdup (error->message) : mk_probe_dup_detail (part->probe));
}

static gboolean
mk_probe_group_check_with (MkProbe *probe, gpointer data, GError **error)
{
  MkProbeGroup *self = MK_PROBE_GROUP (probe);
  GroupState *state = data;

  group_state_update (state, self);
  if (state->parts->len == 0)
    {
      g_set_error (error,
                   MK_ERROR,
                   MK_ERROR_INVALID_ARGUMENT,
                   _ ("%s has no probes to ask: add at least one"),
                   G_OBJECT_TYPE_NAME (self));
      return FALSE;
    }

  for (guint i = 0; i < state->parts->len; i++)
    group_part_check (g_ptr_array_index (state->parts, i));

  return group_conclude (self, state, error);
}

/* As often as the part that is to be asked soonest. */
static gint64
mk_probe_group_choose_interval (MkProbe *probe, gpointer data, gint64 elapsed, gint64 cost)
{
  GroupState *state = data;
  gint64 by_hand = mk_probe_get_interval (probe) * G_TIME_SPAN_MILLISECOND;
  gint64 now = g_get_monotonic_time ();
  gint64 interval = G_MAXINT64;

  for (guint i = 0; i < state->parts->len; i++)
    {
      GroupPart *part = g_ptr_array_index (state->parts, i);

      if (part->is_slow)
        interval = MIN (interval, MAX (part->due - now, 0));
      else
        interval = MIN (interval, mk_poller_choose_interval (part->probe, elapsed, cost));
    }

  return by_hand > 0 ? by_hand : MAX (interval, G_TIME_SPAN_MILLISECOND);
}

/* ---- a round ---- */

typedef struct
{
  GroupState *state;         /* (owned) */
  GCancellable *cancellable; /* (owned) of the waits */
  gulong cancel_handler;
  guint n_waits;  /* that are under way */
  guint n_silent; /* slow parts that have not answered even once */
} GroupRound;

static void
group_round_free (gpointer data)
{
  GroupRound *round = data;

  g_object_unref (round->cancellable);
  g_free (round);
}

static void
group_part_note_spoken (GroupPart *part, GroupRound *round)
{
  if (part->is_slow && !part->has_spoken)
    round->n_silent--;
  part->has_spoken = TRUE;
}

/* Asked after an attempt that found the part not there. */
static gboolean
group_part_may_go_on (gpointer user_data, GError **error)
{
  GroupPart *part = user_data;
  GroupRound *round = g_task_get_task_data (part->round);

  group_part_note_spoken (part, round);
  if (round->n_silent > 0)
    return TRUE;

  g_cancellable_cancel (round->cancellable);
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CANCELLED, _ ("Operation was cancelled"));
  return FALSE;
}

/* Each slow part has been asked, and nothing is under way. */
static void
group_round_finish (GTask *task)
{
  GroupRound *round = g_task_get_task_data (task);
  gint64 now = g_get_monotonic_time ();
  GError *error = NULL;
  gboolean there;

  g_cancellable_disconnect (g_task_get_cancellable (task), round->cancel_handler);
  for (guint i = 0; i < round->state->parts->len; i++)
    {
      GroupPart *part = g_ptr_array_index (round->state->parts, i);

      if (part->in_round && part->is_slow)
        part->due = now + mk_poller_choose_interval (part->probe, now - round->state->begun, -1);
      part->in_round = FALSE;
    }

  there = group_conclude (g_task_get_source_object (task), round->state, &error);
  g_atomic_rc_box_release_full (round->state, group_state_clear);
  if (error != NULL)
    g_task_return_error (task, error);
  else
    g_task_return_boolean (task, there);
}

static void
group_part_on_waited (GObject *object, GAsyncResult *result, gpointer user_data)
{
  GroupPart *part = user_data;
  g_autoptr (GTask) task = g_steal_pointer (&part->round);
  GroupRound *round = g_task_get_task_data (task);
  gboolean any = group_is_any (g_task_get_source_object (task));
  g_autofree char *seen = NULL;
  g_autoptr (GError) error = NULL;
  gboolean timed_out;
  gboolean there = mk_poller_run_finish (result, &timed_out, &seen, &error);

  /* That it was cancelled is no answer; but the one before may be "not known". */
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    {
      g_clear_error (&error);
      error = mk_poller_run_dup_last_error (result);
    }
  else if (error != NULL)
    {
      g_free (seen);
      seen = g_strdup (error->message);
    }
  if (seen == NULL && !there)
    seen = mk_probe_dup_detail (part->probe);

  group_part_take_answer (part, there, g_steal_pointer (&error), g_steal_pointer (&seen));
  group_part_note_spoken (part, round);
  round->n_waits--;

  if (round->n_waits == 0)
    group_round_finish (task);
  else if (round->n_silent == 0 || part->answer == (any ? PART_THERE : PART_FAILED))
    g_cancellable_cancel (round->cancellable);
}

static void
group_round_on_cancelled (GCancellable *cancellable, gpointer round_cancellable)
{
  g_cancellable_cancel (round_cancellable);
}

static void
mk_probe_group_check_task_with (MkProbe *probe, gpointer data, GTask *task)
{
  GroupState *state = data;
  GroupRound *round = g_new0 (GroupRound, 1);
  gboolean any = group_is_any (MK_PROBE_GROUP (probe));
  guint n_parts = state->parts->len;

  round->state = g_atomic_rc_box_acquire (state);
  round->cancellable = g_cancellable_new ();
  round->cancel_handler = g_cancellable_connect (g_task_get_cancellable (task),
                                                 G_CALLBACK (group_round_on_cancelled),
                                                 g_object_ref (round->cancellable),
                                                 g_object_unref);
  g_task_set_task_data (task, round, group_round_free);

  for (guint i = 0; i < n_parts; i++)
    {
      GroupPart *part = g_ptr_array_index (state->parts, i);

      part->in_round = part->answer == PART_SLOW || (any && !part->is_slow);
      part->has_spoken = FALSE;
      part->was_asked = part->was_asked || part->answer == PART_SLOW;
      round->n_waits += part->in_round;
      round->n_silent += part->in_round && part->is_slow;
    }

  for (guint i = 0; i < n_parts; i++)
    {
      GroupPart *part = g_ptr_array_index (state->parts, i);

      if (!part->in_round)
        continue;
      part->round = g_object_ref (task);
      mk_poller_run_with_async (part->probe,
                                part->state,
                                state->begun,
                                group_part_may_go_on,
                                part,
                                round->cancellable,
                                group_part_on_waited,
                                part);
    }
}

/* ---- words ---- */

/* @clause: (transfer full). Returns: (transfer full): "(a or b)" among clauses that are joined with "and" */
static char *
group_set_apart (MkProbeGroup *self, MkProbe *part, char *clause)
{
  g_autofree char *bare = clause;
  g_autoptr (GPtrArray) parts = MK_IS_PROBE_GROUP (part) ? group_dup_parts (MK_PROBE_GROUP (part)) : NULL;

  if (parts == NULL || parts->len < 2 || group_is_any (MK_PROBE_GROUP (part)) == group_is_any (self))
    return g_steal_pointer (&bare);

  return g_strdup_printf ("(%s)", bare);
}

static char *
mk_probe_group_describe (MkProbe *probe)
{
  MkProbeGroup *self = MK_PROBE_GROUP (probe);
  g_autoptr (GPtrArray) parts = group_dup_parts (self);
  g_autofree char *text = NULL;

  for (guint i = 0; i < parts->len; i++)
    {
      MkProbe *part = g_ptr_array_index (parts, i);
      g_autofree char *clause = group_set_apart (self, part, mk_probe_describe (part));
      g_autofree char *before = g_steal_pointer (&text);

      if (before == NULL)
        text = g_steal_pointer (&clause);
      else if (group_is_any (self))
        /* Translators: joins two clauses such as “127.0.0.1:6379 to accept connections” */
        text = g_strdup_printf (_ ("%s or %s"), before, clause);
      else
        /* Translators: joins two clauses such as “127.0.0.1:6379 to accept connections” */
        text = g_strdup_printf (_ ("%s and %s"), before, clause);
    }

  if (text != NULL)
    return g_steal_pointer (&text);
  /* Translators: a clause that stands after “waiting for”; the name of a type */
  return g_strdup_printf (_ ("%s to have a probe to ask"), G_OBJECT_TYPE_NAME (self));
}

/* What each part says that was there last time. */
static char *
mk_probe_group_describe_holder (MkProbe *probe)
{
  MkProbeGroupPrivate *priv = mk_probe_group_get_instance_private (MK_PROBE_GROUP (probe));
  g_autoptr (GPtrArray) there = NULL;
  GString *text = g_string_new (NULL);

  g_mutex_lock (&priv->lock);
  there = g_ptr_array_ref (priv->there);
  g_mutex_unlock (&priv->lock);

  for (guint i = 0; i < there->len; i++)
    {
      g_autofree char *holder = mk_probe_describe_holder (g_ptr_array_index (there, i));

      g_string_append_printf (text, "%s%s", i > 0 ? _ (". ") : "", holder);
    }

  return g_string_free (text, FALSE);
}

/* ---- executors ---- */

/* A group of the same kind, of what the parts ask before a start. */
static MkProbe *
mk_probe_group_dup_before_start (MkProbe *probe, GError **error)
{
  g_autoptr (GPtrArray) parts = group_dup_parts (MK_PROBE_GROUP (probe));
  g_autoptr (MkProbeGroup) before = g_object_new (G_OBJECT_TYPE (probe), NULL);

  for (guint i = 0; i < parts->len; i++)
    {
      g_autoptr (MkProbe) part = mk_probe_dup_before_start (g_ptr_array_index (parts, i), error);

      if (part == NULL)
        return NULL;
      mk_probe_group_add (before, part);
    }

  return MK_PROBE (g_steal_pointer (&before));
}

/* What the first part says that has something to say. */
static GError *
mk_probe_group_explain_exit (MkProbe *probe)
{
  g_autoptr (GPtrArray) parts = group_dup_parts (MK_PROBE_GROUP (probe));
  GError *error = NULL;

  for (guint i = 0; i < parts->len && error == NULL; i++)
    error = mk_probe_explain_exit (g_ptr_array_index (parts, i));

  return error;
}

static void
mk_probe_group_attach (MkProbe *probe, MkSimpleExecutor *executor)
{
  MkProbeGroupPrivate *priv = mk_probe_group_get_instance_private (MK_PROBE_GROUP (probe));
  g_autoptr (GPtrArray) parts = group_dup_parts (MK_PROBE_GROUP (probe));
  GroupAttachment attachment = { executor, parts->len };

  g_mutex_lock (&priv->lock);
  g_array_append_val (priv->attached, attachment);
  g_mutex_unlock (&priv->lock);

  for (guint i = 0; i < parts->len; i++)
    mk_probe_attach (g_ptr_array_index (parts, i), executor);
}

/* Returns: how many parts there were when it was attached, 0 if it is not */
static guint
group_remove_attachment (MkProbeGroup *self, MkSimpleExecutor *executor)
{
  MkProbeGroupPrivate *priv = mk_probe_group_get_instance_private (self);
  MK_AUTO_LOCK (&priv->lock);

  for (guint i = 0; i < priv->attached->len; i++)
    {
      GroupAttachment attachment = g_array_index (priv->attached, GroupAttachment, i);

      if (attachment.executor != executor)
        continue;
      g_array_remove_index_fast (priv->attached, i);
      return attachment.n_parts;
    }

  return 0;
}

static void
mk_probe_group_detach (MkProbe *probe, MkSimpleExecutor *executor)
{
  g_autoptr (GPtrArray) parts = group_dup_parts (MK_PROBE_GROUP (probe));
  guint n_parts = group_remove_attachment (MK_PROBE_GROUP (probe), executor);

  for (guint i = 0; i < n_parts; i++)
    mk_probe_detach (g_ptr_array_index (parts, i), executor);
}

/* Of all, each part has to be; of any, one. */
static gboolean
mk_probe_group_is_met (MkProbe *probe)
{
  MkProbeGroup *self = MK_PROBE_GROUP (probe);
  g_autoptr (GPtrArray) parts = group_dup_parts (self);
  gboolean any = group_is_any (self);

  for (guint i = 0; i < parts->len; i++)
    {
      if (mk_probe_is_met (g_ptr_array_index (parts, i)) == any)
        return any;
    }

  return !any && parts->len > 0;
}

/* ---- the object ---- */

static void
mk_probe_group_finalize (GObject *object)
{
  MkProbeGroupPrivate *priv = mk_probe_group_get_instance_private (MK_PROBE_GROUP (object));

  g_ptr_array_unref (priv->there);
  g_array_unref (priv->attached);
  g_ptr_array_unref (priv->probes);
  g_mutex_clear (&priv->lock);

  G_OBJECT_CLASS (mk_probe_group_parent_class)->finalize (object);
}

/* Each kind of group has the one property "probes". */
static void
mk_probe_group_get_property (GObject *object, guint prop_id, GValue *value, GParamSpec *pspec)
{
  g_value_take_object (value, mk_probe_group_dup_model (MK_PROBE_GROUP (object)));
}

static void
mk_probe_group_set_property (GObject *object, guint prop_id, const GValue *value, GParamSpec *pspec)
{
  GListModel *probes = g_value_get_object (value);

  for (guint i = 0; probes != NULL && i < g_list_model_get_n_items (probes); i++)
    {
      g_autoptr (MkProbe) probe = g_list_model_get_item (probes, i);

      mk_probe_group_add (MK_PROBE_GROUP (object), probe);
    }
}

/* For each kind of group, because the parent is no part of the API. */
void
mk_probe_group_install_probes (gpointer klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->get_property = mk_probe_group_get_property;
  object_class->set_property = mk_probe_group_set_property;
  g_object_class_install_property (
      object_class,
      1,
      g_param_spec_object ("probes",
                           NULL,
                           NULL,
                           G_TYPE_LIST_MODEL,
                           G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS));
}

static void
mk_probe_group_class_init (MkProbeGroupClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  MkProbeClass *probe_class = MK_PROBE_CLASS (klass);
  MkProbeClassPrivate *class_private = mk_probe_class_get_private (klass);

  object_class->finalize = mk_probe_group_finalize;

  probe_class->describe = mk_probe_group_describe;
  probe_class->attach = mk_probe_group_attach;
  probe_class->detach = mk_probe_group_detach;

  class_private->begin = mk_probe_group_begin;
  class_private->end = mk_probe_group_end;
  class_private->check_with = mk_probe_group_check_with;
  class_private->check_task_with = mk_probe_group_check_task_with;
  class_private->choose_interval = mk_probe_group_choose_interval;
  class_private->describe_holder = mk_probe_group_describe_holder;
  class_private->dup_before_start = mk_probe_group_dup_before_start;
  class_private->is_met = mk_probe_group_is_met;
  class_private->explain_exit = mk_probe_group_explain_exit;
}

static void
mk_probe_group_init (MkProbeGroup *self)
{
  MkProbeGroupPrivate *priv = mk_probe_group_get_instance_private (self);

  g_mutex_init (&priv->lock);
  priv->probes = g_ptr_array_new_with_free_func (g_object_unref);
  priv->there = g_ptr_array_new_with_free_func (g_object_unref);
  priv->attached = g_array_new (FALSE, FALSE, sizeof (GroupAttachment));

  mk_probe_set_grace (MK_PROBE (self), GRACE_MS);
}

/* To be called when the probe is made: one part is enough for it. */
void
mk_probe_group_set_any (MkProbeGroup *self)
{
  MkProbeGroupPrivate *priv = mk_probe_group_get_instance_private (self);

  priv->any = TRUE;
}
