/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "mk-executor-private.h"

#include "base/mk-i18n-private.h"
#include "mk-all-probe.h"
#include "mk-error.h"
#include "mk-simple-executor-private.h"
#include "probe/mk-probe-private.h"
#include "probe/mk-probe-wait-private.h"

/* How long an attempt that is cancelled is waited for */
#define ATTEMPT_GRACE_MS 100
/* How often a check that a subclass may have overridden is made where the probe would only be woken */
#define WOKEN_INTERVAL_US (1 * G_TIME_SPAN_SECOND)

/**
 * MkExecutor:
 *
 * An executor that waits until a probe finds that the service is ready.
 *
 * A [class@Mk.Probe] checks one condition, for example that a port accepts connections. See [Choosing an
 * executor](choosing.html) and [Which readiness can be trusted](readiness.html).
 *
 * [method@Mk.SimpleExecutor.start] first checks that the probe is not satisfied yet. If it is, another
 * service is running, and the start fails with %MK_ERROR_ALREADY_RUNNING. Then it runs the command, and
 * polls the probe until it is satisfied. Meanwhile it watches the first process, and fails at once if that
 * ends with an error.
 *
 * A subclass may override `pre_start_check` and `after_start_check` to replace the probe, or to add a
 * condition to it.
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

/* ---- the checks, as probes ---- */

#define MK_TYPE_CHECK_PROBE (mk_check_probe_get_type ())
G_DECLARE_FINAL_TYPE (MkCheckProbe, mk_check_probe, MK, CHECK_PROBE, MkProbe)

/*
 * Has a start ask pre_start_check or after_start_check. Their defaults ask the probe of the executor, in
 * turn, without blocking. Where the probe takes a proper attempt for its answer, the default passes
 * G_IO_ERROR_WOULD_BLOCK up and notes it here; so the attempt is made, and the check is called once more:
 * then the default gives the answer that came. Whether a subclass has overridden the check, and whether it
 * chains up, makes no difference.
 *
 * One start makes and asks it, in its context.
 */
struct _MkCheckProbe
{
  MkProbe parent_instance;

  MkExecutor *executor; /* (unowned) the start that asks holds it */
  MkCheckProbe *before; /* (owned) (nullable) the one asked before the start; %NULL where this is it */
  MkProbe *probe;       /* (owned) (nullable) what the default asks */
  GError *invalid;      /* (owned) (nullable) what is wrong with the settings of the probe */

  /* While it is asked */
  gpointer state;    /* (owned) (nullable) of the probe */
  MkProbeLink *link; /* (owned) (nullable) has this woken by the probe */
  gboolean begun;
  gboolean attempting; /* the callback of a proper attempt is still to come */

  /* The answer of the probe to the last check */
  gboolean reached;       /* the default was */
  gboolean wants_attempt; /* … and gave no answer */
  gboolean by_attempt;    /* it is that of a proper attempt */
  gboolean there;
  GError *error; /* (owned) (nullable) */
};

G_DEFINE_FINAL_TYPE (MkCheckProbe, mk_check_probe, MK_TYPE_PROBE)

/* (unowned) (nullable) which one calls a check in this thread */
static GPrivate current_check = G_PRIVATE_INIT (NULL);

static gpointer
mk_check_probe_begin (MkProbe *probe)
{
  MkCheckProbe *self = MK_CHECK_PROBE (probe);

  self->begun = TRUE;
  if (self->probe != NULL && self->invalid == NULL)
    {
      self->state = mk_probe_begin (self->probe);
      self->link = mk_probe_link_new (self->probe, probe);
    }
  return NULL;
}

static void
check_probe_end_if_idle (MkCheckProbe *self)
{
  if (self->begun || self->attempting || self->link == NULL)
    return;

  g_clear_pointer (&self->link, mk_probe_link_free);
  mk_probe_end (self->probe, g_steal_pointer (&self->state));
}

static void
mk_check_probe_end (MkProbe *probe, gpointer state)
{
  MkCheckProbe *self = MK_CHECK_PROBE (probe);

  self->begun = FALSE;
  check_probe_end_if_idle (self);
}

/* What the default of the check answers. */
static gboolean
check_probe_answer (MkCheckProbe *self, GError **error)
{
  self->reached = TRUE;
  if (self->invalid != NULL)
    {
      g_propagate_error (error, g_error_copy (self->invalid));
      return FALSE;
    }

  if (!self->by_attempt)
    {
      g_clear_error (&self->error);
      self->there = mk_probe_ask (self->probe, self->state, &self->error);
      self->wants_attempt = g_error_matches (self->error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
    }
  if (self->error != NULL)
    g_propagate_error (error, g_error_copy (self->error));
  return self->there && self->error == NULL;
}

static gboolean
check_probe_call (MkCheckProbe *self, GError **error)
{
  MkExecutorClass *klass = MK_EXECUTOR_GET_CLASS (self->executor);
  gpointer outer = g_private_get (&current_check);
  g_autofree char *detail = NULL;
  gboolean there;

  self->reached = FALSE;
  self->wants_attempt = FALSE;
  g_private_set (&current_check, self);
  there = self->before != NULL ? klass->after_start_check (self->executor, error)
                               : klass->pre_start_check (self->executor, error);
  g_private_set (&current_check, outer);

  if (self->reached && self->probe != NULL)
    detail = mk_probe_dup_detail (self->probe);
  mk_probe_set_detail (MK_PROBE (self), detail);
  return there;
}

static gboolean
mk_check_probe_check (MkProbe *probe, GError **error)
{
  MkCheckProbe *self = MK_CHECK_PROBE (probe);
  g_autoptr (GError) local_error = NULL;
  gboolean there;

  self->by_attempt = FALSE;
  there = check_probe_call (self, &local_error);

  /* Even where a subclass has made something else of that error. */
  if (self->wants_attempt && !(local_error != NULL && local_error->domain == MK_ERROR))
    {
      g_propagate_error (error, g_error_copy (self->error));
      return FALSE;
    }
  /* A check of a subclass cannot be asked in another way: what is not ready to answer is not ready. */
  if (g_error_matches (local_error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
    mk_probe_set_detail (probe, local_error->message);
  else if (local_error != NULL)
    g_propagate_error (error, g_steal_pointer (&local_error));
  return there && local_error == NULL;
}

static void
check_probe_on_attempted (GObject *object, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  MkCheckProbe *self = g_task_get_source_object (task);
  GError *error = NULL;
  gboolean there;

  self->attempting = FALSE;
  self->by_attempt = TRUE;
  g_clear_error (&self->error);
  self->there = mk_probe_ask_finish (self->probe, result, &self->error);

  /* Nobody may want to know any more. */
  if (g_cancellable_is_cancelled (g_task_get_cancellable (task)) || !self->begun)
    {
      g_autofree char *detail = mk_probe_dup_detail (self->probe);

      mk_probe_set_detail (MK_PROBE (self), detail);
      g_task_return_boolean (task, FALSE);
    }
  else
    {
      there = check_probe_call (self, &error);
      if (error != NULL)
        g_task_return_error (task, error);
      else
        g_task_return_boolean (task, there);
    }

  check_probe_end_if_idle (self);
}

static void
mk_check_probe_check_task (MkProbe *probe, GTask *task)
{
  MkCheckProbe *self = MK_CHECK_PROBE (probe);

  self->attempting = TRUE;
  mk_probe_ask_async (self->probe,
                      self->state,
                      G_MAXINT64,
                      g_task_get_cancellable (task),
                      check_probe_on_attempted,
                      g_object_ref (task));
}

/*
 * As often as the probe wants to be asked. But where a subclass decides otherwise than the probe, it is the
 * subclass that is waited for; and the other condition of one that accepts either must be found out even if
 * the probe would only be woken.
 */
static gint64
mk_check_probe_choose_interval (MkProbe *probe, gpointer state, gint64 elapsed_us, gint64 cost_us)
{
  MkCheckProbe *self = MK_CHECK_PROBE (probe);
  MkProbeClassPrivate *class_private;
  gint64 interval;

  if (!self->reached || self->there)
    return mk_probe_wait_choose_interval (probe, elapsed_us, cost_us);

  class_private = mk_probe_class_get_private (MK_PROBE_GET_CLASS (self->probe));
  if (class_private->choose_interval != NULL)
    interval = class_private->choose_interval (self->probe, self->state, elapsed_us, cost_us);
  else
    interval = mk_probe_wait_choose_interval (self->probe, elapsed_us, self->by_attempt ? -1 : cost_us);
  return interval == G_MAXINT64 ? WOKEN_INTERVAL_US : interval;
}

static char *
mk_check_probe_describe (MkProbe *probe)
{
  MkCheckProbe *self = MK_CHECK_PROBE (probe);

  /* Translators: a clause that stands after “waiting for” */
  return self->probe ? mk_probe_describe (self->probe)
                     : g_strdup (_ ("the check of the executor to be satisfied"));
}

static char *
mk_check_probe_describe_holder (MkProbe *probe)
{
  MkCheckProbe *self = MK_CHECK_PROBE (probe);
  g_autofree char *clause = NULL;

  if (self->reached && self->there)
    return mk_probe_describe_holder (self->probe);

  clause = mk_check_probe_describe (probe);
  /* Translators: a clause that stands after “waiting for” */
  return g_strdup_printf (_ ("Waiting for %s succeeded before the service was started"), clause);
}

/* Only where it is known that nobody answered before the start. */
static char *
mk_check_probe_find_rival (MkProbe *probe, int service, int supervisor)
{
  MkCheckProbe *self = MK_CHECK_PROBE (probe);

  if (!self->reached || !self->before->reached || self->before->there)
    return NULL;

  return mk_probe_find_rival (self->probe, service, supervisor);
}

static gboolean
mk_check_probe_is_met (MkProbe *probe)
{
  MkCheckProbe *self = MK_CHECK_PROBE (probe);

  return self->reached && self->probe != NULL && mk_probe_is_met (self->probe);
}

static GPtrArray *
mk_check_probe_dup_parts (MkProbe *probe)
{
  MkCheckProbe *self = MK_CHECK_PROBE (probe);
  GPtrArray *parts = g_ptr_array_new_with_free_func (g_object_unref);

  if (self->probe != NULL)
    g_ptr_array_add (parts, g_object_ref (self->probe));
  return parts;
}

static GError *
mk_check_probe_explain_exit (MkProbe *probe)
{
  MkCheckProbe *self = MK_CHECK_PROBE (probe);

  return self->probe ? mk_probe_explain_exit (self->probe) : NULL;
}

static guint
mk_check_probe_find_stable_for (MkProbe *probe)
{
  MkCheckProbe *self = MK_CHECK_PROBE (probe);

  return self->probe ? mk_probe_find_stable_for (self->probe) : 0;
}

static gboolean
mk_check_probe_is_shallow (MkProbe *probe)
{
  MkCheckProbe *self = MK_CHECK_PROBE (probe);

  return self->reached && self->probe != NULL && mk_probe_is_shallow (self->probe);
}

static gboolean
mk_check_probe_look_again (MkProbe *probe)
{
  MkCheckProbe *self = MK_CHECK_PROBE (probe);

  return !self->reached || self->probe == NULL || mk_probe_look_again (self->probe);
}

static gboolean
mk_check_probe_prepare (MkProbe *probe, MkProcess *process, GError **error)
{
  MkCheckProbe *self = MK_CHECK_PROBE (probe);

  return self->probe == NULL || mk_probe_prepare (self->probe, process, error);
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

static void
mk_check_probe_finalize (GObject *object)
{
  MkCheckProbe *self = MK_CHECK_PROBE (object);

  g_clear_object (&self->before);
  g_clear_object (&self->probe);
  g_clear_error (&self->invalid);
  g_clear_error (&self->error);

  G_OBJECT_CLASS (mk_check_probe_parent_class)->finalize (object);
}

static void
mk_check_probe_class_init (MkCheckProbeClass *klass)
{
  MkProbeClass *probe_class = MK_PROBE_CLASS (klass);
  MkProbeClassPrivate *class_private = mk_probe_class_get_private (klass);

  G_OBJECT_CLASS (klass)->finalize = mk_check_probe_finalize;

  probe_class->check = mk_check_probe_check;
  probe_class->check_task = mk_check_probe_check_task;
  probe_class->describe = mk_check_probe_describe;
  probe_class->attach = mk_check_probe_attach;
  probe_class->detach = mk_check_probe_detach;

  class_private->begin = mk_check_probe_begin;
  class_private->end = mk_check_probe_end;
  class_private->choose_interval = mk_check_probe_choose_interval;
  class_private->describe_holder = mk_check_probe_describe_holder;
  class_private->find_rival = mk_check_probe_find_rival;
  class_private->find_stable_for = mk_check_probe_find_stable_for;
  class_private->is_shallow = mk_check_probe_is_shallow;
  class_private->look_again = mk_check_probe_look_again;
  class_private->prepare = mk_check_probe_prepare;
  class_private->is_met = mk_check_probe_is_met;
  class_private->dup_parts = mk_check_probe_dup_parts;
  class_private->explain_exit = mk_check_probe_explain_exit;
}

static void
mk_check_probe_init (MkCheckProbe *self)
{
  /* For the attempt that it makes to say what it has seen */
  mk_probe_set_grace (MK_PROBE (self), ATTEMPT_GRACE_MS);
}

/* ---- the executor ---- */

static GError *
executor_no_probe_error (MkExecutor *self)
{
  return g_error_new (MK_ERROR,
                      MK_ERROR_INVALID_ARGUMENT,
                      _ ("%s has no probe: set one, or use MkSimpleExecutor, which does not wait"),
                      G_OBJECT_TYPE_NAME (self));
}

/* The default of both checks. */
static gboolean
executor_ask_probe (MkExecutor *self, gboolean before_start, GError **error)
{
  MkExecutorPrivate *priv = mk_executor_get_instance_private (self);
  MkCheckProbe *check = g_private_get (&current_check);
  g_autoptr (MkProbe) probe = NULL;
  gpointer state;
  gboolean there;

  if (check != NULL && check->executor == self && (check->before == NULL) == before_start)
    {
      if (check->probe != NULL || check->invalid != NULL)
        return check_probe_answer (check, error);
    }
  else if (priv->goal != NULL)
    {
      /* Nobody starts it, but whoever calls this wants to know. */
      probe = before_start ? mk_probe_dup_before_start (priv->goal, error) : g_object_ref (priv->goal);
      if (probe == NULL)
        return FALSE;
      state = mk_probe_begin (probe);
      there = mk_probe_ask (probe, state, error);
      mk_probe_end (probe, state);
      return there;
    }

  if (before_start)
    return FALSE;
  g_propagate_error (error, executor_no_probe_error (self));
  return FALSE;
}

static gboolean
executor_pre_start_check (MkExecutor *self, GError **error)
{
  return executor_ask_probe (self, TRUE, error);
}

static gboolean
executor_after_start_check (MkExecutor *self, GError **error)
{
  return executor_ask_probe (self, FALSE, error);
}

static gboolean
executor_begin_values (MkSimpleExecutor *executor, MkValues *values)
{
  MkExecutorPrivate *priv = mk_executor_get_instance_private (MK_EXECUTOR (executor));

  return priv->goal != NULL && mk_probe_wants_values (priv->goal);
}

static gboolean
executor_dup_probes (MkSimpleExecutor *executor,
                     MkValues *values,
                     MkProbe **before_probe,
                     MkProbe **probe,
                     GError **error)
{
  MkExecutor *self = MK_EXECUTOR (executor);
  MkExecutorPrivate *priv = mk_executor_get_instance_private (self);
  g_autoptr (MkProbe) goal = NULL;
  MkCheckProbe *before = NULL;
  MkCheckProbe *after = NULL;

  /* A subclass may do without. */
  if (priv->goal == NULL && G_OBJECT_TYPE (self) == MK_TYPE_EXECUTOR)
    {
      g_propagate_error (error, executor_no_probe_error (self));
      return FALSE;
    }

  g_set_object (&goal, priv->goal);
  if (goal != NULL && values != NULL && !mk_probe_expand (&goal, values, error))
    return FALSE;

  before = g_object_new (MK_TYPE_CHECK_PROBE, NULL);
  before->executor = self;
  if (goal != NULL)
    before->probe = mk_probe_dup_before_start (goal, &before->invalid);
  after = g_object_new (MK_TYPE_CHECK_PROBE, NULL);
  after->executor = self;
  after->before = g_object_ref (before);
  g_set_object (&after->probe, goal);

  *before_probe = MK_PROBE (before);
  *probe = MK_PROBE (after);
  return TRUE;
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

  mk_simple_executor_class_get_private (klass)->begin_values = executor_begin_values;
  mk_simple_executor_class_get_private (klass)->dup_probes = executor_dup_probes;
  klass->pre_start_check = executor_pre_start_check;
  klass->after_start_check = executor_after_start_check;

  /**
   * MkExecutor:probe:
   *
   * The probe that finds that the service is ready.
   *
   * Default: %NULL.
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
 * @argv: (array zero-terminated=1) (element-type filename): the command: the program and its arguments
 * @probe: (nullable): the probe that finds that the service is ready
 *
 * Creates an executor for a command and a probe. The executor takes its own reference to the probe. The
 * caller keeps its reference.
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
 * Gets the probe that finds that the service is ready.
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
 * @probe: (nullable): the probe that finds that the service is ready
 *
 * Sets the probe that finds that the service is ready. It takes effect at the next start.
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
