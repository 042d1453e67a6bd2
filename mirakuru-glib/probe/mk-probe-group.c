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
 * Where slow parts have to be asked, the group's `check_task` runs a round: all of them make an attempt, side
 * by side, until the answer of the group is known or each of them has answered once. Meanwhile those that
 * have answered are asked again, and if one part is enough, so is each of the others: a part that takes long
 * for an answer does not keep them from being noticed. The attempts that are still under way are cancelled
 * then, and the round waits for their end, so that nothing is pending when it answers.
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
  gboolean any;              /* one part is enough; does not change */
  gboolean any_before_start; /* one part is enough to refuse a start; does not change */

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
  PART_SILENT, /* it has not answered yet */
  PART_NOT_YET,
  PART_THERE,
  PART_UNKNOWN, /* with an error */
  PART_FAILED,  /* with an error of the domain MK_ERROR: it will never be there */
  N_ANSWERS,
} GroupAnswer;

typedef struct
{
  MkProbe *probe;      /* (owned) */
  gpointer state;      /* (owned) (nullable) of the probe */
  MkProbeLink *link;   /* (owned) wakes the group */
  GroupAnswer answer;  /* the last one */
  char *seen;          /* (owned) (nullable) why it is not there */
  GError *error;       /* (owned) (nullable) of the answer */
  gint64 due;          /* until then the answer stands */
  gboolean is_slow;    /* it has to make an attempt to answer */
  gboolean is_awaited; /* and the group needs it; until it has answered */
  GTask *round;        /* (owned) (nullable) while it makes an attempt */
} GroupPart;

/* An atomic rc box: a round that is forgotten by the library may go on for a moment. */
typedef struct
{
  gint64 begun;
  gint64 cost;      /* of asking all parts, the least so far */
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
  state->cost = G_MAXINT64;
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
  return g_strdup_printf (C_ ("reason", "%s: %s"), clause, part->seen);
}

/* Returns: (transfer full): all that are missing, and why */
static char *
group_state_describe_missing (GroupState *state)
{
  GString *text = g_string_new (NULL);

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

  return g_string_free (text, FALSE);
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

/* Returns: whether it is there; FALSE with G_IO_ERROR_WOULD_BLOCK if that takes a round to know */
static gboolean
group_conclude (MkProbeGroup *self, GroupState *state, GError **error)
{
  gboolean any = group_is_any (self);
  guint n[N_ANSWERS] = { 0 }, n_awaited = 0;
  const GError *errors[N_ANSWERS] = { NULL };
  g_autofree char *missing = NULL;
  gboolean there;

  for (guint i = 0; i < state->parts->len; i++)
    {
      GroupPart *part = g_ptr_array_index (state->parts, i);

      n_awaited += part->is_awaited;
      if (part->is_awaited && part->answer != PART_SILENT)
        continue;
      n[part->answer]++;
      if (errors[part->answer] == NULL)
        errors[part->answer] = part->error;
    }

  there = any ? n[PART_THERE] > 0 : n[PART_THERE] == state->parts->len;
  if (n_awaited > 0 && (any ? !there : n[PART_FAILED] == 0 && (n[PART_NOT_YET] == 0 || n[PART_SILENT] > 0)))
    return mk_probe_would_block (error);

  group_remember_there (self, state);
  if (there)
    return TRUE;

  missing = group_state_describe_missing (state);
  mk_probe_set_detail (MK_PROBE (self), missing);
  /* Unknown: no part says for certain that it is not there, but one of those that could say so gave no
   * answer. */
  if (n[PART_FAILED] > 0 && (!any || n[PART_FAILED] == state->parts->len))
    g_propagate_error (error, g_error_copy (errors[PART_FAILED]));
  else if (errors[PART_UNKNOWN] != NULL && (any || n[PART_NOT_YET] == 0))
    g_set_error_literal (error, errors[PART_UNKNOWN]->domain, errors[PART_UNKNOWN]->code, missing);
  return FALSE;
}

/* ---- an attempt that does not block ---- */

/* @any: one part is enough. Returns: FALSE if it has to make an attempt */
static gboolean
group_part_check (GroupPart *part, gboolean any)
{
  gint64 now = g_get_monotonic_time ();
  GError *error = NULL;
  gboolean there;

  if (mk_probe_link_take_woken (part->link))
    part->due = 0;
  /* Of all, none may have gone by the time the last one comes. */
  if (now < part->due && (any || part->answer != PART_THERE))
    return TRUE;

  there = mk_probe_ask (part->probe, part->state, &error);
  part->is_slow = g_error_matches (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
  if (part->is_slow)
    {
      g_error_free (error);
      return FALSE;
    }

  part->due = now + mk_probe_get_interval (part->probe) * G_TIME_SPAN_MILLISECOND;
  group_part_take_answer (
      part, there, error, error ? g_strdup (error->message) : mk_probe_dup_detail (part->probe));
  return TRUE;
}

static gboolean
mk_probe_group_check_with (MkProbe *probe, gpointer data, GError **error)
{
  MkProbeGroup *self = MK_PROBE_GROUP (probe);
  GroupState *state = data;
  gboolean any = group_is_any (self);
  gint64 asked_at = g_get_monotonic_time ();

  group_state_update (state, self);
  if (state->parts->len == 0)
    {
      g_set_error (error,
                   MK_ERROR,
                   MK_ERROR_INVALID_ARGUMENT,
                   _ ("%s has no probes: add at least one"),
                   G_OBJECT_TYPE_NAME (self));
      return FALSE;
    }

  for (guint i = 0; i < state->parts->len; i++)
    {
      GroupPart *part = g_ptr_array_index (state->parts, i);

      part->is_awaited = !group_part_check (part, any);
    }
  state->cost = MIN (state->cost, g_get_monotonic_time () - asked_at);

  return group_conclude (self, state, error);
}

/* Returns: when it should be asked next, as g_get_monotonic_time(); G_MAXINT64 for never */
static gint64
group_part_choose_time (GroupPart *part, GroupState *state)
{
  gint64 now = g_get_monotonic_time ();
  gint64 interval;

  if (part->is_slow || now < part->due)
    return part->due;

  interval = mk_probe_wait_choose_interval (part->probe, now - state->begun, state->cost);
  return interval < G_MAXINT64 - now ? now + interval : G_MAXINT64;
}

/* As often as the part that is to be asked soonest. */
static gint64
mk_probe_group_choose_interval (MkProbe *probe, gpointer data, gint64 elapsed, gint64 cost)
{
  GroupState *state = data;
  gint64 by_hand = mk_probe_get_interval (probe) * G_TIME_SPAN_MILLISECOND;
  gint64 next = G_MAXINT64;

  for (guint i = 0; i < state->parts->len; i++)
    next = MIN (next, group_part_choose_time (g_ptr_array_index (state->parts, i), state));

  if (by_hand > 0)
    return by_hand;
  return next == G_MAXINT64 ? next : MAX (next - g_get_monotonic_time (), G_TIME_SPAN_MILLISECOND);
}

/* ---- a round ---- */

typedef struct
{
  GroupState *state;         /* (owned) */
  GCancellable *cancellable; /* (owned) of the attempts */
  gulong cancel_handler;
  MkWaker *timer; /* (owned) when to ask parts again; woken with the group */
  guint n_attempts;
} GroupRound;

static void group_round_go_on (GTask *task);

/* Nothing is under way. */
static void
group_round_finish (GTask *task)
{
  GroupRound *round = g_task_get_task_data (task);
  MkProbeGroup *self = g_task_get_source_object (task);
  GError *error = NULL;
  gboolean there;

  g_cancellable_disconnect (g_task_get_cancellable (task), round->cancel_handler);
  mk_probe_remove_waker (MK_PROBE (self), round->timer);
  mk_waker_clear (&round->timer);
  there = group_conclude (self, round->state, &error);
  g_atomic_rc_box_release_full (round->state, group_state_clear);
  g_object_unref (round->cancellable);

  if (error != NULL)
    g_task_return_error (task, error);
  else
    g_task_return_boolean (task, there);
}

static void
group_part_on_answered (GObject *object, GAsyncResult *result, gpointer user_data)
{
  GroupPart *part = user_data;
  g_autoptr (GTask) task = g_steal_pointer (&part->round);
  GroupRound *round = g_task_get_task_data (task);
  gint64 now = g_get_monotonic_time ();
  g_autoptr (GError) error = NULL;
  gboolean there = mk_probe_ask_finish (part->probe, result, &error);

  /* That it was cancelled is no answer; the one before stands, unless it would be that it is there. */
  if (!there && g_cancellable_is_cancelled (round->cancellable))
    {
      if (part->answer == PART_SILENT || part->answer == PART_THERE)
        group_part_take_answer (part, FALSE, NULL, mk_probe_dup_detail (part->probe));
    }
  else
    {
      char *seen = error ? g_strdup (error->message) : mk_probe_dup_detail (part->probe);

      mk_probe_wait_spare_resolver (part->probe, error, now - round->state->begun);
      group_part_take_answer (part, there, g_steal_pointer (&error), seen);
    }

  part->due = now + mk_probe_wait_choose_interval (part->probe, now - round->state->begun, -1);
  part->is_awaited = FALSE;
  round->n_attempts--;
  group_round_go_on (task);
}

/* Asks those that are due, which in the first place are those that have to make an attempt. */
static void
group_round_ask (GTask *task)
{
  GroupRound *round = g_task_get_task_data (task);
  gboolean any = group_is_any (g_task_get_source_object (task));
  gint64 next = G_MAXINT64;

  for (guint i = 0; i < round->state->parts->len; i++)
    {
      GroupPart *part = g_ptr_array_index (round->state->parts, i);
      gboolean is_settled = part->answer == PART_THERE || (!any && !part->is_slow);

      if (part->round != NULL || (is_settled && !part->is_awaited))
        continue;

      if (!part->is_awaited && group_part_check (part, any))
        {
          next = MIN (next, group_part_choose_time (part, round->state));
          continue;
        }
      part->round = g_object_ref (task);
      round->n_attempts++;
      mk_probe_ask_async (
          part->probe, part->state, G_MAXINT64, round->cancellable, group_part_on_answered, part);
    }

  mk_waker_wake_at (round->timer, next);
}

static gboolean
group_round_is_over (GTask *task)
{
  GroupRound *round = g_task_get_task_data (task);
  gboolean any = group_is_any (g_task_get_source_object (task));
  gboolean is_over = TRUE;

  for (guint i = 0; i < round->state->parts->len; i++)
    {
      GroupPart *part = g_ptr_array_index (round->state->parts, i);

      if (part->is_awaited)
        is_over = FALSE;
      else if (part->answer == (any ? PART_THERE : PART_FAILED))
        return TRUE;
    }

  return is_over;
}

static void
group_round_go_on (GTask *task)
{
  GroupRound *round = g_task_get_task_data (task);

  if (!g_cancellable_is_cancelled (round->cancellable) && !group_round_is_over (task))
    group_round_ask (task);
  if (group_round_is_over (task))
    g_cancellable_cancel (round->cancellable);
  if (round->n_attempts == 0)
    group_round_finish (task);
}

static gboolean
group_round_on_timer (gpointer task)
{
  group_round_go_on (task);
  return G_SOURCE_CONTINUE;
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

  g_task_set_task_data (task, round, g_free);
  round->state = g_atomic_rc_box_acquire (state);
  round->cancellable = g_cancellable_new ();
  round->cancel_handler = g_cancellable_connect (g_task_get_cancellable (task),
                                                 G_CALLBACK (group_round_on_cancelled),
                                                 g_object_ref (round->cancellable),
                                                 g_object_unref);
  round->timer =
      mk_waker_attach (g_task_get_context (task), "MkProbeGroup round", group_round_on_timer, task, NULL);
  mk_probe_add_waker (probe, round->timer);
  group_round_go_on (task);
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
  return g_strdup_printf (_ ("%s to have a probe"), G_OBJECT_TYPE_NAME (self));
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

      /* Translators: stands between two sentences such as “/run/my.pid already exists. Remove it, or use
       * another file” */
      g_string_append_printf (text, "%s%s", i > 0 ? _ (". ") : "", holder);
    }

  return g_string_free (text, FALSE);
}

/* ---- executors ---- */

/* A part may be meant for another service, on which this one depends: it takes all of them. */
static char *
mk_probe_group_find_rival (MkProbe *probe, int service, int supervisor)
{
  g_autoptr (GPtrArray) parts = group_dup_parts (MK_PROBE_GROUP (probe));
  char *rival = NULL;

  for (guint i = 0; i < parts->len; i++)
    {
      g_free (rival);
      rival = mk_probe_find_rival (g_ptr_array_index (parts, i), service, supervisor);
      if (rival == NULL)
        return NULL;
    }

  return rival;
}

/* To be called when the probe is made: before a start it is satisfied as soon as one part is. */
void
mk_probe_group_set_any_before_start (MkProbeGroup *self)
{
  MkProbeGroupPrivate *priv = mk_probe_group_get_instance_private (self);

  priv->any_before_start = TRUE;
}

/* A group of the same kind, of what the parts ask before a start. */
static MkProbe *
mk_probe_group_dup_before_start (MkProbe *probe, GError **error)
{
  g_autoptr (GPtrArray) parts = group_dup_parts (MK_PROBE_GROUP (probe));
  g_autoptr (MkProbeGroup) before = g_object_new (G_OBJECT_TYPE (probe), NULL);
  MkProbeGroupPrivate *priv = mk_probe_group_get_instance_private (MK_PROBE_GROUP (probe));

  if (priv->any_before_start)
    mk_probe_group_set_any (before);

  for (guint i = 0; i < parts->len; i++)
    {
      g_autoptr (MkProbe) part = mk_probe_dup_before_start (g_ptr_array_index (parts, i), error);

      if (part == NULL)
        return NULL;
      mk_probe_group_add (before, part);
    }

  return MK_PROBE (g_steal_pointer (&before));
}

static guint
mk_probe_group_find_stable_for (MkProbe *probe)
{
  g_autoptr (GPtrArray) parts = group_dup_parts (MK_PROBE_GROUP (probe));
  guint longest = 0;

  for (guint i = 0; i < parts->len; i++)
    longest = MAX (longest, mk_probe_find_stable_for (g_ptr_array_index (parts, i)));

  return longest;
}

static gboolean
mk_probe_group_is_shallow (MkProbe *probe)
{
  g_autoptr (GPtrArray) parts = group_dup_parts (MK_PROBE_GROUP (probe));
  gboolean is_shallow = parts->len > 0;

  for (guint i = 0; i < parts->len && is_shallow; i++)
    is_shallow = mk_probe_is_shallow (g_ptr_array_index (parts, i));

  return is_shallow;
}

/* If one is enough it is not known which of them it was. */
static gboolean
mk_probe_group_look_again (MkProbe *probe)
{
  g_autoptr (GPtrArray) parts = group_dup_parts (MK_PROBE_GROUP (probe));
  gboolean any = group_is_any (MK_PROBE_GROUP (probe));

  for (guint i = 0; i < parts->len && !any; i++)
    {
      if (!mk_probe_look_again (g_ptr_array_index (parts, i)))
        return FALSE;
    }

  return TRUE;
}

static gboolean
mk_probe_group_prepare (MkProbe *probe, MkProcess *process, GError **error)
{
  g_autoptr (GPtrArray) parts = group_dup_parts (MK_PROBE_GROUP (probe));

  for (guint i = 0; i < parts->len; i++)
    {
      if (!mk_probe_prepare (g_ptr_array_index (parts, i), process, error))
        return FALSE;
    }

  return TRUE;
}

static gboolean
mk_probe_group_wants_values (MkProbe *probe)
{
  g_autoptr (GPtrArray) parts = group_dup_parts (MK_PROBE_GROUP (probe));
  gboolean wants = FALSE;

  for (guint i = 0; i < parts->len && !wants; i++)
    wants = mk_probe_wants_values (g_ptr_array_index (parts, i));

  return wants;
}

static MkProbe *
mk_probe_group_dup_expanded (MkProbe *probe, MkValues *values, GError **error)
{
  g_autoptr (GPtrArray) parts = group_dup_parts (MK_PROBE_GROUP (probe));
  g_autoptr (MkProbeGroup) group = g_object_new (G_OBJECT_TYPE (probe), NULL);
  MkProbeGroupPrivate *priv = mk_probe_group_get_instance_private (MK_PROBE_GROUP (probe));
  gboolean changed = FALSE;

  if (priv->any_before_start)
    mk_probe_group_set_any_before_start (group);
  for (guint i = 0; i < parts->len; i++)
    {
      g_autoptr (MkProbe) part = g_object_ref (g_ptr_array_index (parts, i));

      if (!mk_probe_expand (&part, values, error))
        return NULL;
      changed = changed || part != g_ptr_array_index (parts, i);
      mk_probe_group_add (group, part);
    }

  /* Somebody may hold it, to wake it. */
  return changed ? MK_PROBE (g_steal_pointer (&group)) : g_object_ref (probe);
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
static GPtrArray *
mk_probe_group_dup_parts (MkProbe *probe)
{
  return group_dup_parts (MK_PROBE_GROUP (probe));
}

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
  class_private->find_rival = mk_probe_group_find_rival;
  class_private->dup_before_start = mk_probe_group_dup_before_start;
  class_private->find_stable_for = mk_probe_group_find_stable_for;
  class_private->is_shallow = mk_probe_group_is_shallow;
  class_private->look_again = mk_probe_group_look_again;
  class_private->prepare = mk_probe_group_prepare;
  class_private->wants_values = mk_probe_group_wants_values;
  class_private->dup_expanded = mk_probe_group_dup_expanded;
  class_private->is_met = mk_probe_group_is_met;
  class_private->dup_parts = mk_probe_group_dup_parts;
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
