/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "mk-executor-private.h"

#include "mk-all-probe.h"
#include "mk-error.h"
#include "base/mk-i18n-private.h"
#include "probe/mk-probe-private.h"
#include "mk-start-private.h"

/**
 * MkExecutor:
 *
 * An executor that waits until a probe says that the service is ready.
 *
 * [method@Mk.SimpleExecutor.start] first makes sure that what would be waited for is not there already, which
 * would be another service; then it runs the command, and asks the probe until it is satisfied. While it
 * waits it watches the process, and fails at once if that ends with an error.
 *
 * A subclass may override `pre_start_check` and `after_start_check` instead of having a probe.
 *
 * Since: 1.0
 */

typedef struct
{
  MkProbe *probe;      /* (owned) (nullable) the property */
  MkProbe *kind_probe; /* (owned) (nullable) what this kind of executor waits for in any case */
  MkProbe *goal;       /* (owned) (nullable) all of what it waits for */
} MkExecutorPrivate;

enum
{
  PROP_PROBE = 1,
  N_EXECUTOR_PROPS
};

static GParamSpec *props[N_EXECUTOR_PROPS];

G_DEFINE_TYPE_WITH_PRIVATE (MkExecutor, mk_executor, MK_TYPE_SIMPLE_EXECUTOR)

/* ---- an overridden check, as a probe ---- */

#define MK_TYPE_CHECK_PROBE (mk_check_probe_get_type ())
G_DECLARE_FINAL_TYPE (MkCheckProbe, mk_check_probe, MK, CHECK_PROBE, MkProbe)

struct _MkCheckProbe
{
  MkProbe parent_instance;

  MkExecutor *executor; /* (unowned) the operation that asks holds it */
  gboolean before_start;
  MkProbe *probe; /* (owned) (nullable) that of the executor, which the check may ask */
};

G_DEFINE_FINAL_TYPE (MkCheckProbe, mk_check_probe, MK_TYPE_PROBE)

static gboolean
mk_check_probe_check (MkProbe *probe, GError **error)
{
  MkCheckProbe *self = MK_CHECK_PROBE (probe);
  MkExecutorClass *klass = MK_EXECUTOR_GET_CLASS (self->executor);
  g_autofree char *detail = NULL;
  gboolean there;

  if (self->probe != NULL)
    mk_probe_set_detail (self->probe, NULL);
  there = self->before_start ? klass->pre_start_check (self->executor, error)
                             : klass->after_start_check (self->executor, error);

  if (self->probe != NULL)
    detail = mk_probe_dup_detail (self->probe);
  mk_probe_set_detail (probe, detail);
  return there;
}

static char *
mk_check_probe_describe (MkProbe *probe)
{
  MkCheckProbe *self = MK_CHECK_PROBE (probe);

  /* Translators: a clause that stands after “waiting for” */
  return self->probe ? mk_probe_describe (self->probe)
                     : g_strdup (_ ("the check of the executor to be satisfied"));
}

static GError *
mk_check_probe_explain_exit (MkProbe *probe)
{
  MkCheckProbe *self = MK_CHECK_PROBE (probe);

  return self->probe ? mk_probe_explain_exit (self->probe) : NULL;
}

static void
mk_check_probe_attach (MkProbe *probe, MkSimpleExecutor *executor)
{
  MkCheckProbe *self = MK_CHECK_PROBE (probe);

  if (self->probe != NULL)
    mk_probe_attach (self->probe, executor);
}

static void
mk_check_probe_detach (MkProbe *probe, MkSimpleExecutor *executor)
{
  MkCheckProbe *self = MK_CHECK_PROBE (probe);

  if (self->probe != NULL)
    mk_probe_detach (self->probe, executor);
}

/* Whoever waits for this is woken by the probe. */
static gpointer
mk_check_probe_begin (MkProbe *probe)
{
  MkCheckProbe *self = MK_CHECK_PROBE (probe);

  return self->probe ? mk_probe_link_new (self->probe, probe) : NULL;
}

static void
mk_check_probe_end (MkProbe *probe, gpointer link)
{
  g_clear_pointer ((MkProbeLink **) &link, mk_probe_link_free);
}

static void
mk_check_probe_finalize (GObject *object)
{
  g_clear_object (&MK_CHECK_PROBE (object)->probe);

  G_OBJECT_CLASS (mk_check_probe_parent_class)->finalize (object);
}

static void
mk_check_probe_class_init (MkCheckProbeClass *klass)
{
  MkProbeClass *probe_class = MK_PROBE_CLASS (klass);
  MkProbeClassPrivate *class_private = mk_probe_class_get_private (klass);

  G_OBJECT_CLASS (klass)->finalize = mk_check_probe_finalize;

  probe_class->check = mk_check_probe_check;
  probe_class->describe = mk_check_probe_describe;
  probe_class->attach = mk_check_probe_attach;
  probe_class->detach = mk_check_probe_detach;

  class_private->begin = mk_check_probe_begin;
  class_private->end = mk_check_probe_end;
  class_private->explain_exit = mk_check_probe_explain_exit;
}

static void
mk_check_probe_init (MkCheckProbe *self)
{
}

static MkProbe *
mk_check_probe_new (MkExecutor *executor, gboolean before_start)
{
  MkCheckProbe *self = g_object_new (MK_TYPE_CHECK_PROBE, NULL);
  MkExecutorPrivate *priv = mk_executor_get_instance_private (executor);

  self->executor = executor;
  g_set_object (&self->probe, priv->goal);
  self->before_start = before_start;
  return MK_PROBE (self);
}

/* ---- the executor ---- */

/* Only subclasses that chain up get to these two; otherwise the probe itself is asked, which does not block.
 */

/* Of the start that is under way. */
static gint64
get_deadline (MkExecutor *self)
{
  MkSimpleExecutor *executor = MK_SIMPLE_EXECUTOR (self);
  MkSimpleExecutorPrivate *priv = mk_simple_executor_get_private (executor);
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = mk_simple_executor_lock (executor);

  return priv->start ? ((MkStart *) g_task_get_task_data (priv->start))->deadline : G_MAXINT64;
}

static gboolean
ask_before_start (MkExecutor *self, GError **error)
{
  MkExecutorPrivate *priv = mk_executor_get_instance_private (self);
  g_autoptr (MkProbe) before = priv->goal ? mk_probe_dup_before_start (priv->goal, error) : NULL;

  return before != NULL && mk_probe_check_until (before, get_deadline (self), error);
}

static gboolean
ask_probe (MkExecutor *self, GError **error)
{
  MkExecutorPrivate *priv = mk_executor_get_instance_private (self);

  return priv->goal != NULL && mk_probe_check_until (priv->goal, get_deadline (self), error);
}

static MkProbe *
mk_executor_dup_probe (MkSimpleExecutor *executor, gboolean before_start, GError **error)
{
  MkExecutor *self = MK_EXECUTOR (executor);
  MkExecutorPrivate *priv = mk_executor_get_instance_private (self);
  MkExecutorClass *klass = MK_EXECUTOR_GET_CLASS (self);
  gboolean overridden =
      before_start ? klass->pre_start_check != ask_before_start : klass->after_start_check != ask_probe;
  g_autoptr (MkProbe) before = NULL;

  /* If its settings make no sense, that is to be known before anything is started, whatever is asked then. */
  if (before_start && priv->goal != NULL && (!overridden || klass->after_start_check == ask_probe) &&
      (before = mk_probe_dup_before_start (priv->goal, error)) == NULL)
    return NULL;
  if (overridden)
    return mk_check_probe_new (self, before_start);
  if (before != NULL)
    return g_steal_pointer (&before);
  if (priv->goal != NULL)
    return g_object_ref (priv->goal);
  if (before_start && klass->after_start_check != ask_probe)
    return NULL;

  g_set_error (error,
               MK_ERROR,
               MK_ERROR_INVALID_ARGUMENT,
               _ ("%s has no probe: set one, or use MkSimpleExecutor, which does not wait"),
               G_OBJECT_TYPE_NAME (self));
  return NULL;
}

static void
mk_executor_dispose (GObject *object)
{
  MkExecutorPrivate *priv = mk_executor_get_instance_private (MK_EXECUTOR (object));

  /* Ends the service, and with it what the probe is attached to. */
  G_OBJECT_CLASS (mk_executor_parent_class)->dispose (object);

  g_clear_object (&priv->probe);
  g_clear_object (&priv->kind_probe);
  g_clear_object (&priv->goal);
}

static void
mk_executor_get_property (GObject *object, guint prop_id, GValue *value, GParamSpec *pspec)
{
  switch (prop_id)
    {
    case PROP_PROBE:
      g_value_set_object (value, mk_executor_get_probe (MK_EXECUTOR (object)));
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
mk_executor_set_property (GObject *object, guint prop_id, const GValue *value, GParamSpec *pspec)
{
  switch (prop_id)
    {
    case PROP_PROBE:
      mk_executor_set_probe (MK_EXECUTOR (object), g_value_get_object (value));
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
mk_executor_class_init (MkExecutorClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->dispose = mk_executor_dispose;
  object_class->get_property = mk_executor_get_property;
  object_class->set_property = mk_executor_set_property;

  MK_SIMPLE_EXECUTOR_CLASS (klass)->dup_probe = mk_executor_dup_probe;
  klass->pre_start_check = ask_before_start;
  klass->after_start_check = ask_probe;

  /**
   * MkExecutor:probe:
   *
   * What tells that the service is ready.
   *
   * Since: 1.0
   */
  props[PROP_PROBE] =
      g_param_spec_object ("probe",
                           NULL,
                           NULL,
                           MK_TYPE_PROBE,
                           G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);

  g_object_class_install_properties (object_class, N_EXECUTOR_PROPS, props);
}

static void
mk_executor_init (MkExecutor *self)
{
}

/**
 * mk_executor_new:
 * @argv: (array zero-terminated=1): the command: the program and its arguments
 * @probe: (nullable): what tells that the service is ready
 *
 * Creates an executor for a command, and the probe to wait for.
 *
 * Returns: (transfer full): the executor
 *
 * Since: 1.0
 */
MkExecutor *
mk_executor_new (const char *const *argv, MkProbe *probe)
{
  return g_object_new (MK_TYPE_EXECUTOR, "command", argv, "probe", probe, NULL);
}

/**
 * mk_executor_get_probe: (get-property probe)
 * @self: the executor
 *
 * Gets what tells that the service is ready.
 *
 * Returns: (transfer none) (nullable): the probe
 *
 * Since: 1.0
 */
MkProbe *
mk_executor_get_probe (MkExecutor *self)
{
  MkExecutorPrivate *priv;

  g_return_val_if_fail (MK_IS_EXECUTOR (self), NULL);

  priv = mk_executor_get_instance_private (self);
  return priv->probe;
}

static void
executor_update_goal (MkExecutor *self)
{
  MkExecutorPrivate *priv = mk_executor_get_instance_private (self);
  MkProbe *parts[] = { priv->kind_probe, priv->probe };
  MkProbe *single = priv->probe != NULL ? priv->probe : priv->kind_probe;

  g_clear_object (&priv->goal);
  if (priv->kind_probe == NULL || priv->probe == NULL)
    g_set_object (&priv->goal, single);
  else
    priv->goal = MK_PROBE (mk_all_probe_new (parts, G_N_ELEMENTS (parts)));
}

/**
 * mk_executor_set_probe: (set-property probe)
 * @self: the executor
 * @probe: (nullable): what tells that the service is ready
 *
 * Sets what tells that the service is ready. It takes effect at the next start.
 *
 * Since: 1.0
 */
void
mk_executor_set_probe (MkExecutor *self, MkProbe *probe)
{
  MkExecutorPrivate *priv;

  g_return_if_fail (MK_IS_EXECUTOR (self));
  g_return_if_fail (probe == NULL || MK_IS_PROBE (probe));

  priv = mk_executor_get_instance_private (self);
  if (!g_set_object (&priv->probe, probe))
    return;

  executor_update_goal (self);
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_PROBE]);
}

/* For kinds of executors whose probe makes no sense without them: it is not the property. One that is set
 * there is waited for, too. */
void
mk_executor_set_kind_probe (MkExecutor *self, MkProbe *probe)
{
  MkExecutorPrivate *priv = mk_executor_get_instance_private (self);

  g_set_object (&priv->kind_probe, probe);
  executor_update_goal (self);
}
