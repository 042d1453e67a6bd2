/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What a probe made of other probes is: MkAllProbe and MkAnyProbe are the two kinds of owners.
 *
 * One attempt is a round: each part gets a poller of its own, all of them side by side. The round is over
 * when the answer is known, or when each part has answered at least once. So a part that needs long for an
 * answer does not keep the others from being asked again meanwhile, nor from being woken. The pollers that
 * are still under way are cancelled then, and the round waits for their end, so that nothing is pending when
 * it answers.
 *
 * A round happens on the context of its task. Between rounds a part that wakes wakes the owner, in whatever
 * thread; the lock guards what is shared by attempts in several threads.
 */

#include "mk-probe-group.h"

#include "mk-error.h"
#include "mk-poller.h"
#include "mk-probe-private.h"

/* For the parts that have one themselves, such as commands that are to be killed. */
#define GRACE_MS  50
#define GROUP_KEY "mk-probe-group"

struct _MkProbeGroup
{
  MkProbe *owner; /* (unowned) */
  gboolean any;   /* one part is enough */
  GWeakRef *weak; /* (owned) an atomic rc box: the owner, for those who wake it */

  GMutex lock;
  GPtrArray *probes;    /* (owned) (element-type MkProbe) (locked-by lock) none is ever removed */
  GPtrArray *there;     /* (owned) (nullable) (element-type MkProbe) (locked-by lock) in the last round */
  GHashTable *reasons;  /* (owned) (element-type MkProbe utf8) (locked-by lock) why parts were not there */
  GHashTable *attached; /* (owned) (element-type MkSimpleExecutor GPtrArray) (locked-by lock) */
};

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
  MkProbeGroup *group;       /* (unowned) the source object of the task owns it */
  GPtrArray *parts;          /* (owned) (element-type Part) */
  GCancellable *cancellable; /* (owned) of the pollers */
  gulong cancel_handler;
  guint n_asking;     /* parts whose pollers are under way */
  guint n_unanswered; /* parts that have not answered even once */
} Round;

/* ---- the parts ---- */

static void
release_weak (GWeakRef *weak)
{
  g_atomic_rc_box_release_full (weak, (GDestroyNotify) g_weak_ref_clear);
}

MkProbeGroup *
mk_probe_group_new (MkProbe *owner, gboolean any)
{
  MkProbeGroup *self = g_new0 (MkProbeGroup, 1);

  self->owner = owner;
  self->any = any;
  self->weak = g_atomic_rc_box_new0 (GWeakRef);
  g_weak_ref_init (self->weak, owner);
  g_mutex_init (&self->lock);
  self->probes = g_ptr_array_new_with_free_func (g_object_unref);
  self->reasons = g_hash_table_new_full (NULL, NULL, NULL, g_free);
  self->attached = g_hash_table_new_full (NULL, NULL, NULL, (GDestroyNotify) g_ptr_array_unref);

  g_object_set_data (G_OBJECT (owner), GROUP_KEY, self);
  mk_probe_set_grace (owner, GRACE_MS);
  return self;
}

void
mk_probe_group_free (MkProbeGroup *self)
{
  for (guint i = 0; i < self->probes->len; i++)
    g_signal_handlers_disconnect_by_data (g_ptr_array_index (self->probes, i), self->weak);

  g_clear_pointer (&self->there, g_ptr_array_unref);
  g_hash_table_unref (self->reasons);
  g_hash_table_unref (self->attached);
  g_ptr_array_unref (self->probes);
  g_mutex_clear (&self->lock);
  release_weak (self->weak);
  g_free (self);
}

/* Returns: (transfer full) (element-type MkProbe): the parts at this moment */
static GPtrArray *
dup_parts (MkProbeGroup *self)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->lock);

  return g_ptr_array_copy (self->probes, (GCopyFunc) (void *) g_object_ref, NULL);
}

/* (nullable): of a probe that is made of others */
static MkProbeGroup *
get_group (MkProbe *probe)
{
  return g_object_get_data (G_OBJECT (probe), GROUP_KEY);
}

/* Returns: FALSE if @self is a part of @probe */
gboolean
mk_probe_group_may_add (MkProbeGroup *self, MkProbe *probe)
{
  MkProbeGroup *other = get_group (probe);
  g_autoptr (GPtrArray) parts = NULL;

  if (other == self)
    return FALSE;
  if (other == NULL)
    return TRUE;

  parts = dup_parts (other);
  for (guint i = 0; i < parts->len; i++)
    {
      if (!mk_probe_group_may_add (self, g_ptr_array_index (parts, i)))
        return FALSE;
    }
  return TRUE;
}

/* In any thread. */
static void
on_part_wakes (MkProbe *part, gpointer weak)
{
  g_autoptr (MkProbe) owner = g_weak_ref_get (weak);

  if (owner != NULL)
    g_signal_emit_by_name (owner, "wake");
}

/* Does nothing if @probe is a part already. */
void
mk_probe_group_add (MkProbeGroup *self, MkProbe *probe)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->lock);

  if (g_ptr_array_find (self->probes, probe, NULL))
    return;

  g_ptr_array_add (self->probes, g_object_ref (probe));
  g_signal_connect_data (probe,
                         "wake",
                         G_CALLBACK (on_part_wakes),
                         g_atomic_rc_box_acquire (self->weak),
                         (GClosureNotify) (void *) release_weak,
                         0);
}

/* Returns: (transfer container) (array length=n_probes) */
MkProbe **
mk_probe_group_dup_probes (MkProbeGroup *self, gsize *n_probes)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->lock);

  *n_probes = self->probes->len;
  return g_memdup2 (self->probes->pdata, self->probes->len * sizeof (MkProbe *));
}

/* The limit of all is that of its most expensive part, the limit of any that of its quickest. */
static guint
choose_interval (MkProbeGroup *self, GPtrArray *probes)
{
  guint interval = mk_probe_get_max_interval (g_ptr_array_index (probes, 0));

  for (guint i = 1; i < probes->len; i++)
    {
      guint other = mk_probe_get_max_interval (g_ptr_array_index (probes, i));

      interval = self->any ? MIN (interval, other) : MAX (interval, other);
    }

  return interval;
}

/* ---- one attempt ---- */

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
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&group->lock);

  if (part->error != NULL)
    reason = part->error->message;
  else if (part->seen != NULL)
    reason = part->seen;

  if (reason == NULL)
    return g_strdup (g_hash_table_lookup (group->reasons, part->probe));
  g_hash_table_replace (group->reasons, part->probe, g_strdup (reason));
  return g_strdup (reason);
}

/* "127.0.0.1:6379 accepted connections (Connection refused)" */
static char *
describe_missing (MkProbeGroup *group, Part *part)
{
  g_autofree char *clause = mk_probe_describe (part->probe);
  g_autofree char *reason = dup_reason (group, part);

  return reason ? g_strdup_printf ("%s (%s)", clause, reason) : g_steal_pointer (&clause);
}

static void
note_missing (Round *round)
{
  g_autoptr (GString) detail = g_string_new (NULL);

  for (guint i = 0; i < round->parts->len; i++)
    {
      Part *part = g_ptr_array_index (round->parts, i);
      g_autofree char *missing = NULL;

      if (part->there)
        continue;
      missing = describe_missing (round->group, part);
      g_string_append_printf (detail,
                              "%s until %s",
                              detail->len == 0 ? "still waiting" : (round->group->any ? " or" : " and"),
                              missing);
    }

  mk_probe_set_detail (round->group->owner, detail->str);
}

static void
remember_there (Round *round)
{
  MkProbeGroup *group = round->group;
  GPtrArray *there = g_ptr_array_new_with_free_func (g_object_unref);

  for (guint i = 0; i < round->parts->len; i++)
    {
      Part *part = g_ptr_array_index (round->parts, i);

      if (part->there)
        g_ptr_array_add (there, g_object_ref (part->probe));
    }

  g_mutex_lock (&group->lock);
  g_clear_pointer (&group->there, g_ptr_array_unref);
  group->there = there;
  g_mutex_unlock (&group->lock);
}

/* No part says for certain that this is not there, but one of those that could say so gave no answer. */
static void
return_unknown (GTask *task, const GError *unknown)
{
  Round *round = g_task_get_task_data (task);
  g_autofree char *detail = mk_probe_dup_detail (round->group->owner);

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

  there = round->group->any ? n_there > 0 : n_there == round->parts->len;
  remember_there (round);
  if (there)
    mk_probe_set_detail (round->group->owner, NULL);
  else
    note_missing (round);

  if (n_errors > 0 && (!round->group->any || n_errors == round->parts->len))
    g_task_return_error (task, g_error_copy (error));
  else if (!there && unknown != NULL && (round->group->any || n_there + n_unknown == round->parts->len))
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
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CANCELLED, "The round is over");
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

  decided = round->group->any ? part->there : part->error != NULL;
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
round_new (MkProbeGroup *self, GPtrArray *probes)
{
  Round *round = g_new0 (Round, 1);

  round->group = self;
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

void
mk_probe_group_check (MkProbeGroup *self, GTask *task)
{
  g_autoptr (GPtrArray) probes = dup_parts (self);
  Round *round;

  if (probes->len == 0)
    {
      g_task_return_new_error (task,
                               MK_ERROR,
                               MK_ERROR_INVALID_ARGUMENT,
                               "%s has no probes to ask: add at least one",
                               G_OBJECT_TYPE_NAME (self->owner));
      return;
    }

  mk_probe_set_limits (self->owner, choose_interval (self, probes), 0);
  round = round_new (self, probes);
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

/* ---- words ---- */

/* "(a or b)" among clauses that are joined with "and" */
static gboolean
needs_parentheses (MkProbeGroup *self, MkProbe *probe)
{
  MkProbeGroup *inner = get_group (probe);
  g_autoptr (GPtrArray) parts = inner && inner->any != self->any ? dup_parts (inner) : NULL;

  return parts != NULL && parts->len > 1;
}

char *
mk_probe_group_describe (MkProbeGroup *self)
{
  g_autoptr (GPtrArray) probes = dup_parts (self);
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < probes->len; i++)
    {
      MkProbe *probe = g_ptr_array_index (probes, i);
      g_autofree char *clause = mk_probe_describe (probe);

      if (i > 0)
        g_string_append (text, self->any ? " or " : " and ");
      g_string_append_printf (text, needs_parentheses (self, probe) ? "(%s)" : "%s", clause);
    }

  if (text->len == 0)
    g_string_append_printf (text, "%s had a probe to ask", G_OBJECT_TYPE_NAME (self->owner));
  return g_string_free (text, FALSE);
}

/* Returns: (transfer full): what each part that was there last time says */
char *
mk_probe_group_describe_holder (MkProbeGroup *self)
{
  g_autoptr (GPtrArray) there = NULL;
  GString *text = g_string_new (NULL);

  g_mutex_lock (&self->lock);
  there = self->there ? g_ptr_array_ref (self->there) : g_ptr_array_new ();
  g_mutex_unlock (&self->lock);

  for (guint i = 0; i < there->len; i++)
    {
      g_autofree char *holder = mk_probe_describe_holder (g_ptr_array_index (there, i));

      g_string_append_printf (text, "%s%s", i > 0 ? ". " : "", holder);
    }

  return g_string_free (text, FALSE);
}

/* ---- executors ---- */

/* Returns: (transfer full) (nullable): a probe like the owner, of what its parts ask before a start */
MkProbe *
mk_probe_group_dup_before_start (MkProbeGroup *self, GError **error)
{
  g_autoptr (GPtrArray) probes = dup_parts (self);
  g_autoptr (MkProbe) before = g_object_new (G_OBJECT_TYPE (self->owner), NULL);

  for (guint i = 0; i < probes->len; i++)
    {
      g_autoptr (MkProbe) part = mk_probe_dup_before_start (g_ptr_array_index (probes, i), error);

      if (part == NULL)
        return NULL;
      mk_probe_group_add (get_group (before), part);
    }

  return g_steal_pointer (&before);
}

/* Returns: (transfer full) (nullable): what the first part says that has something to say */
GError *
mk_probe_group_explain_exit (MkProbeGroup *self)
{
  g_autoptr (GPtrArray) probes = dup_parts (self);
  GError *error = NULL;

  for (guint i = 0; i < probes->len && error == NULL; i++)
    error = mk_probe_explain_exit (g_ptr_array_index (probes, i));

  return error;
}

void
mk_probe_group_attach (MkProbeGroup *self, MkSimpleExecutor *executor)
{
  GPtrArray *probes = dup_parts (self);

  g_mutex_lock (&self->lock);
  g_hash_table_replace (self->attached, executor, g_ptr_array_ref (probes));
  g_mutex_unlock (&self->lock);

  for (guint i = 0; i < probes->len; i++)
    mk_probe_attach (g_ptr_array_index (probes, i), executor);
  g_ptr_array_unref (probes);
}

/* Those that were attached: others may have been added since. */
void
mk_probe_group_detach (MkProbeGroup *self, MkSimpleExecutor *executor)
{
  gpointer probes = NULL;

  g_mutex_lock (&self->lock);
  g_hash_table_steal_extended (self->attached, executor, NULL, &probes);
  g_mutex_unlock (&self->lock);
  if (probes == NULL)
    return;

  for (guint i = 0; i < ((GPtrArray *) probes)->len; i++)
    mk_probe_detach (g_ptr_array_index ((GPtrArray *) probes, i), executor);
  g_ptr_array_unref (probes);
}
