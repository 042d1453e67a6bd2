/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What MkAllProbe and MkAnyProbe have in common, which is nearly everything: a probe made of other probes.
 * How the parts are asked is in mk-probe-round.c.
 *
 * The lock guards what is shared by attempts in several threads.
 */

#include "mk-probe-group-private.h"

#include "mk-error.h"
#include "base/mk-i18n-private.h"
#include "mk-probe-private.h"

/* For the parts that have one themselves, such as commands that are to be killed. */
#define GRACE_MS 50

/* One executor may be attached several times at once. */
typedef struct
{
  MkSimpleExecutor *executor; /* (unowned) to be compared only */
  GPtrArray *parts;           /* (owned) others may be added */
} Attachment;

typedef struct
{
  gboolean any; /* one part is enough */

  GMutex lock;
  GPtrArray *probes;   /* (owned) (element-type MkProbe) (locked-by lock) none is ever removed */
  GPtrArray *there;    /* (owned) (element-type MkProbe) (locked-by lock) in the last round */
  GHashTable *reasons; /* (owned) (element-type MkProbe utf8) (locked-by lock) why parts were not there */
  GSList *attached;    /* (owned) (element-type Attachment) (locked-by lock) */
} MkProbeGroupPrivate;

G_DEFINE_ABSTRACT_TYPE_WITH_PRIVATE (MkProbeGroup, mk_probe_group, MK_TYPE_PROBE)

/* ---- the parts ---- */

/* Returns: (transfer full) (element-type MkProbe): the parts at this moment */
static GPtrArray *
dup_parts (MkProbeGroup *self)
{
  MkProbeGroupPrivate *priv = mk_probe_group_get_instance_private (self);
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&priv->lock);

  return g_ptr_array_copy (priv->probes, (GCopyFunc) (void *) g_object_ref, NULL);
}

static gboolean
may_add (MkProbeGroup *self, MkProbe *probe)
{
  g_autoptr (GPtrArray) parts = NULL;

  if (probe == MK_PROBE (self))
    return FALSE;
  if (!MK_IS_PROBE_GROUP (probe))
    return TRUE;

  parts = dup_parts (MK_PROBE_GROUP (probe));
  for (guint i = 0; i < parts->len; i++)
    {
      if (!may_add (self, g_ptr_array_index (parts, i)))
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
  g_return_if_fail (may_add (self, probe));

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
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&priv->lock);

  *n_probes = priv->probes->len;
  return g_memdup2 (priv->probes->pdata, priv->probes->len * sizeof (MkProbe *));
}

/* ---- one attempt ---- */

gboolean
mk_probe_group_is_any (MkProbeGroup *self)
{
  MkProbeGroupPrivate *priv = mk_probe_group_get_instance_private (self);

  return priv->any;
}

/* Between rounds a part that wakes wakes the group. */
static gpointer
mk_probe_group_begin (MkProbe *probe)
{
  g_autoptr (GPtrArray) probes = dup_parts (MK_PROBE_GROUP (probe));
  GPtrArray *links = g_ptr_array_new_with_free_func ((GDestroyNotify) mk_probe_link_free);

  for (guint i = 0; i < probes->len; i++)
    g_ptr_array_add (links, mk_probe_link_new (g_ptr_array_index (probes, i), probe));
  return links;
}

static void
mk_probe_group_end (MkProbe *probe, gpointer links)
{
  g_ptr_array_unref (links);
}

static void
mk_probe_group_check_task (MkProbe *probe, GTask *task)
{
  MkProbeGroup *self = MK_PROBE_GROUP (probe);
  g_autoptr (GPtrArray) probes = dup_parts (self);

  if (probes->len == 0)
    {
      g_task_return_new_error (task,
                               MK_ERROR,
                               MK_ERROR_INVALID_ARGUMENT,
                               _ ("%s has no probes to ask: add at least one"),
                               G_OBJECT_TYPE_NAME (self));
      return;
    }

  mk_probe_round_run (self, probes, task);
}

/* @there: (element-type MkProbe): the parts that were there */
void
mk_probe_group_remember_there (MkProbeGroup *self, GPtrArray *there)
{
  MkProbeGroupPrivate *priv = mk_probe_group_get_instance_private (self);
  g_autoptr (GPtrArray) last = NULL;

  g_mutex_lock (&priv->lock);
  last = g_steal_pointer (&priv->there);
  priv->there = g_ptr_array_ref (there);
  g_mutex_unlock (&priv->lock);
}

/* @reason: (nullable): why @probe is not there. Returns: (transfer full) (nullable): the last one that is
 * known
 */
char *
mk_probe_group_remember_reason (MkProbeGroup *self, MkProbe *probe, const char *reason)
{
  MkProbeGroupPrivate *priv = mk_probe_group_get_instance_private (self);
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&priv->lock);

  if (reason != NULL)
    g_hash_table_replace (priv->reasons, probe, g_strdup (reason));
  return g_strdup (g_hash_table_lookup (priv->reasons, probe));
}

/* ---- words ---- */

/* "(a or b)" among clauses that are joined with "and" */
static gboolean
needs_parentheses (MkProbeGroup *self, MkProbe *part)
{
  g_autoptr (GPtrArray) parts = NULL;

  if (!MK_IS_PROBE_GROUP (part) ||
      mk_probe_group_is_any (MK_PROBE_GROUP (part)) == mk_probe_group_is_any (self))
    return FALSE;

  parts = dup_parts (MK_PROBE_GROUP (part));
  return parts->len > 1;
}

/* @clause: (transfer full). Returns: (transfer full) */
static char *
put_in_parentheses (char *clause)
{
  g_autofree char *bare = clause;

  return g_strdup_printf ("(%s)", bare);
}

/* @text: (transfer full). Returns: (transfer full) */
static char *
join_clauses (MkProbeGroup *self, char *text, const char *clause)
{
  g_autofree char *before = text;

  if (mk_probe_group_is_any (self))
    /* Translators: joins two clauses as “127.0.0.1:6379 to accept connections” */
    return g_strdup_printf (_ ("%s or %s"), before, clause);

  /* Translators: joins two clauses as “127.0.0.1:6379 to accept connections” */
  return g_strdup_printf (_ ("%s and %s"), before, clause);
}

static char *
mk_probe_group_describe (MkProbe *probe)
{
  MkProbeGroup *self = MK_PROBE_GROUP (probe);
  g_autoptr (GPtrArray) parts = dup_parts (self);
  char *text = NULL;

  for (guint i = 0; i < parts->len; i++)
    {
      MkProbe *part = g_ptr_array_index (parts, i);
      g_autofree char *clause = mk_probe_describe (part);

      if (needs_parentheses (self, part))
        clause = put_in_parentheses (clause);
      text = text != NULL ? join_clauses (self, text, clause) : g_steal_pointer (&clause);
    }

  /* Translators: a clause that stands after “waiting for”; the name of a type */
  return text != NULL ? text : g_strdup_printf (_ ("%s to have a probe to ask"), G_OBJECT_TYPE_NAME (self));
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

/* A part may be meant for another service, on which this one depends: it takes all of them. */
static char *
mk_probe_group_find_rival (MkProbe *probe, GPid service, GPid supervisor)
{
  g_autoptr (GPtrArray) parts = dup_parts (MK_PROBE_GROUP (probe));
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

/* ---- executors ---- */

/* A group of the same kind, of what the parts ask before a start. */
static MkProbe *
mk_probe_group_dup_before_start (MkProbe *probe, GError **error)
{
  g_autoptr (GPtrArray) parts = dup_parts (MK_PROBE_GROUP (probe));
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
  g_autoptr (GPtrArray) parts = dup_parts (MK_PROBE_GROUP (probe));
  GError *error = NULL;

  for (guint i = 0; i < parts->len && error == NULL; i++)
    error = mk_probe_explain_exit (g_ptr_array_index (parts, i));

  return error;
}

static void
mk_probe_group_attach (MkProbe *probe, MkSimpleExecutor *executor)
{
  MkProbeGroupPrivate *priv = mk_probe_group_get_instance_private (MK_PROBE_GROUP (probe));
  g_autoptr (GPtrArray) parts = dup_parts (MK_PROBE_GROUP (probe));
  Attachment *attachment = g_new (Attachment, 1);

  *attachment = (Attachment){ executor, g_ptr_array_ref (parts) };
  g_mutex_lock (&priv->lock);
  priv->attached = g_slist_prepend (priv->attached, attachment);
  g_mutex_unlock (&priv->lock);

  for (guint i = 0; i < parts->len; i++)
    mk_probe_attach (g_ptr_array_index (parts, i), executor);
}

/* Returns: (transfer full) (nullable): the parts that were attached */
static GPtrArray *
steal_attached (MkProbeGroup *self, MkSimpleExecutor *executor)
{
  MkProbeGroupPrivate *priv = mk_probe_group_get_instance_private (self);
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&priv->lock);

  for (GSList *link = priv->attached; link != NULL; link = link->next)
    {
      g_autofree Attachment *attachment = link->data;

      if (attachment->executor == executor)
        {
          priv->attached = g_slist_delete_link (priv->attached, link);
          return attachment->parts;
        }
      g_steal_pointer (&attachment);
    }

  return NULL;
}

static void
mk_probe_group_detach (MkProbe *probe, MkSimpleExecutor *executor)
{
  g_autoptr (GPtrArray) parts = steal_attached (MK_PROBE_GROUP (probe), executor);

  for (guint i = 0; parts != NULL && i < parts->len; i++)
    mk_probe_detach (g_ptr_array_index (parts, i), executor);
}

/* Of all, each part has to be; of any, one. */
static gboolean
mk_probe_group_is_met (MkProbe *probe)
{
  MkProbeGroup *self = MK_PROBE_GROUP (probe);
  g_autoptr (GPtrArray) parts = dup_parts (self);
  gboolean any = mk_probe_group_is_any (self);

  for (guint i = 0; i < parts->len; i++)
    {
      if (mk_probe_is_met (g_ptr_array_index (parts, i)) == any)
        return any;
    }

  return !any && parts->len > 0;
}

/* ---- the object ---- */

static void
attachment_free (gpointer data)
{
  Attachment *attachment = data;

  g_ptr_array_unref (attachment->parts);
  g_free (attachment);
}

static void
mk_probe_group_finalize (GObject *object)
{
  MkProbeGroupPrivate *priv = mk_probe_group_get_instance_private (MK_PROBE_GROUP (object));

  g_ptr_array_unref (priv->there);
  g_hash_table_unref (priv->reasons);
  g_slist_free_full (priv->attached, attachment_free);
  g_ptr_array_unref (priv->probes);
  g_mutex_clear (&priv->lock);

  G_OBJECT_CLASS (mk_probe_group_parent_class)->finalize (object);
}

static void
mk_probe_group_class_init (MkProbeGroupClass *klass)
{
  MkProbeClass *probe_class = MK_PROBE_CLASS (klass);
  MkProbeClassPrivate *class_private = mk_probe_class_get_private (klass);

  G_OBJECT_CLASS (klass)->finalize = mk_probe_group_finalize;

  probe_class->check_task = mk_probe_group_check_task;
  probe_class->describe = mk_probe_group_describe;
  class_private->begin = mk_probe_group_begin;
  class_private->end = mk_probe_group_end;
  class_private->describe_holder = mk_probe_group_describe_holder;
  class_private->find_rival = mk_probe_group_find_rival;
  class_private->dup_before_start = mk_probe_group_dup_before_start;
  class_private->is_met = mk_probe_group_is_met;
  class_private->explain_exit = mk_probe_group_explain_exit;
  probe_class->attach = mk_probe_group_attach;
  probe_class->detach = mk_probe_group_detach;
}

static void
mk_probe_group_init (MkProbeGroup *self)
{
  MkProbeGroupPrivate *priv = mk_probe_group_get_instance_private (self);

  g_mutex_init (&priv->lock);
  priv->probes = g_ptr_array_new_with_free_func (g_object_unref);
  priv->there = g_ptr_array_new_with_free_func (g_object_unref);
  priv->reasons = g_hash_table_new_full (NULL, NULL, NULL, g_free);

  mk_probe_set_grace (MK_PROBE (self), GRACE_MS);
}

/* To be called when the probe is made: one part is enough for it. */
void
mk_probe_group_set_any (MkProbeGroup *self)
{
  MkProbeGroupPrivate *priv = mk_probe_group_get_instance_private (self);

  priv->any = TRUE;
}
