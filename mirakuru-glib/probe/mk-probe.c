/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The class of all probes, and a single attempt. Asking again and again is in mk-probe-wait.c.
 *
 * An attempt first calls `check`, which does not block. Only if that says G_IO_ERROR_WOULD_BLOCK it goes on
 * with `check_task`, which gets a task, a time limit and a cancellable (see mk-step.c).
 *
 * A probe may be asked by several operations at once, in several threads. What the library keeps in it is
 * guarded by a lock. Whoever waits for a probe registers a source with it, and mk_probe_wake() wakes these.
 */

#include "mk-probe-private.h"

#include "mk-error.h"
#include "base/mk-i18n-private.h"
#include "base/mk-deadline-private.h"
#include "base/mk-lock-private.h"
#include "base/mk-message-private.h"
#include "base/mk-step-private.h"
#include "base/mk-sync-private.h"

/**
 * MkProbe:
 *
 * A probe checks whether a service is ready.
 *
 * There is a subclass for each kind of check, such as [class@Mk.TcpProbe]. A probe whose condition is
 * fulfilled is called satisfied. See [Choosing an executor](choosing.html) and [Probes of your
 * own](probes.html).
 *
 * [method@Mk.Probe.check] checks once. [method@Mk.Probe.wait] and [method@Mk.Probe.wait_gone] check
 * repeatedly. Executors use probes to find out when their services are ready. You can also use a probe
 * without an executor, to wait for a service that something else has started.
 *
 * A subclass implements `check`, which must not block, or `check_task` for a check that takes time, or both.
 * `check` is always called first. It fails with %G_IO_ERROR_WOULD_BLOCK if `check_task` is needed. A
 * subclass may call [method@Mk.Probe.wake] when the result may have changed.
 *
 * Several operations, in several threads, may use a probe at the same time. Do not change its properties
 * meanwhile. An asynchronous operation calls the virtual functions in the thread-default main context of its
 * caller, and a synchronous one in a private context. See [Threads and contexts](threads.html).
 *
 * Since: 1.0
 */

typedef struct
{
  guint grace_ms; /* does not change */

  GMutex lock;
  char *detail;             /* (owned) (nullable) (locked-by lock) what the last attempt saw */
  guint n_attempts;         /* (locked-by lock) since it was first asked in the last wait */
  char *last_failure;       /* (owned) (nullable) (locked-by lock) of these */
  GPtrArray *wakers;        /* (owned) (element-type MkWaker) (locked-by lock) of those who wait */
  MkProbePace pace;         /* (locked-by lock) */
  guint attempt_limit_ms;   /* (locked-by lock) 0 for none */
  guint retry_after_ms;     /* (locked-by lock) asked for by the last attempt, 0 for nothing */
  guint interval_ms;        /* (locked-by lock) property, 0 for automatic */
  guint attempt_timeout_ms; /* (locked-by lock) property, 0 for automatic */
  guint stable_for_ms;      /* (locked-by lock) property */
} MkProbePrivate;

enum
{
  PROP_INTERVAL = 1,
  PROP_ATTEMPT_TIMEOUT,
  PROP_STABLE_FOR,
  N_PROPS
};

static GParamSpec *props[N_PROPS];

enum
{
  SIGNAL_WAKE,
  N_SIGNALS
};

static guint signals[N_SIGNALS];

G_DEFINE_ABSTRACT_TYPE_WITH_CODE (MkProbe,
                                  mk_probe,
                                  G_TYPE_OBJECT,
                                  G_ADD_PRIVATE (MkProbe)
                                      g_type_add_class_private (g_define_type_id,
                                                                sizeof (MkProbeClassPrivate)))

/* @klass: of a probe, to be filled in by its class_init. Returns: (transfer none): the private virtuals */
MkProbeClassPrivate *
mk_probe_class_get_private (gpointer klass)
{
  return G_TYPE_CLASS_GET_PRIVATE (klass, MK_TYPE_PROBE, MkProbeClassPrivate);
}

static MkProbeClassPrivate *
probe_get_class_private (MkProbe *self)
{
  return mk_probe_class_get_private (MK_PROBE_GET_CLASS (self));
}

/* ---- defaults ---- */

/* For a `check` that cannot answer at once. Returns: FALSE */
gboolean
mk_probe_would_block (GError **error)
{
  g_set_error_literal (
      error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK, _ ("The check takes time: call check_task()"));
  return FALSE;
}

static gboolean
mk_probe_real_check (MkProbe *self, GError **error)
{
  return mk_probe_would_block (error);
}

static void
mk_probe_real_check_task (MkProbe *self, GTask *task)
{
  g_task_return_new_error (task,
                           MK_ERROR,
                           MK_ERROR_FAILED,
                           _ ("%s implements neither check() nor check_task()"),
                           G_OBJECT_TYPE_NAME (self));
}

static char *
mk_probe_real_describe (MkProbe *self)
{
  /* Translators: a clause that stands after “waiting for”; the name of a type */
  return g_strdup_printf (_ ("%s to be satisfied"), G_OBJECT_TYPE_NAME (self));
}

static void
mk_probe_real_attach (MkProbe *self, MkSimpleExecutor *executor)
{
}

static void
mk_probe_real_detach (MkProbe *self, MkSimpleExecutor *executor)
{
}

/* ---- the object ---- */

static void
mk_probe_finalize (GObject *object)
{
  MkProbePrivate *priv = mk_probe_get_instance_private (MK_PROBE (object));

  g_free (priv->detail);
  g_free (priv->last_failure);
  g_ptr_array_unref (priv->wakers);
  g_mutex_clear (&priv->lock);

  G_OBJECT_CLASS (mk_probe_parent_class)->finalize (object);
}

static void
mk_probe_get_property (GObject *object, guint prop_id, GValue *value, GParamSpec *pspec)
{
  MkProbe *self = MK_PROBE (object);

  switch (prop_id)
    {
    case PROP_INTERVAL:
      g_value_set_uint (value, mk_probe_get_interval (self));
      break;

    case PROP_ATTEMPT_TIMEOUT:
      g_value_set_uint (value, mk_probe_get_attempt_timeout (self));
      break;

    case PROP_STABLE_FOR:
      g_value_set_uint (value, mk_probe_get_stable_for (self));
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
mk_probe_set_property (GObject *object, guint prop_id, const GValue *value, GParamSpec *pspec)
{
  MkProbe *self = MK_PROBE (object);

  switch (prop_id)
    {
    case PROP_INTERVAL:
      mk_probe_set_interval (self, g_value_get_uint (value));
      break;

    case PROP_ATTEMPT_TIMEOUT:
      mk_probe_set_attempt_timeout (self, g_value_get_uint (value));
      break;

    case PROP_STABLE_FOR:
      mk_probe_set_stable_for (self, g_value_get_uint (value));
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
mk_probe_class_init (MkProbeClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS;

  object_class->finalize = mk_probe_finalize;
  object_class->get_property = mk_probe_get_property;
  object_class->set_property = mk_probe_set_property;

  klass->check = mk_probe_real_check;
  klass->check_task = mk_probe_real_check_task;
  klass->describe = mk_probe_real_describe;
  klass->attach = mk_probe_real_attach;
  klass->detach = mk_probe_real_detach;

  /**
   * MkProbe:interval:
   *
   * How long a wait pauses between two attempts, in milliseconds. With 0, the library chooses the pause: one
   * millisecond at first for cheap probes on this machine, and longer pauses the longer the wait takes. A
   * change takes effect after the next attempt. See [Polling and limits](polling.html).
   *
   * Default: 0 milliseconds. Range: 0 to %G_MAXUINT.
   *
   * Since: 1.0
   */
  props[PROP_INTERVAL] = g_param_spec_uint ("interval", NULL, NULL, 0, G_MAXUINT, 0, flags);

  /**
   * MkProbe:attempt-timeout:
   *
   * How long one attempt may take, in milliseconds, before it is cancelled. With 0, it depends on the kind
   * of probe. A wait then makes another attempt. A change takes effect with the next attempt. The limit does
   * not apply to `check`, which does not block.
   *
   * Default: 0 milliseconds. Range: 0 to %G_MAXUINT.
   *
   * Since: 1.0
   */
  props[PROP_ATTEMPT_TIMEOUT] = g_param_spec_uint ("attempt-timeout", NULL, NULL, 0, G_MAXUINT, 0, flags);

  /**
   * MkProbe:stable-for:
   *
   * How long the probe must stay satisfied before a wait ends, in milliseconds. With 0, the wait ends at the
   * first success. Use this for services that listen, and then end or listen elsewhere. Also use it for
   * files that are still being written: [class@Mk.FileProbe] is then not satisfied if the file has changed
   * since the previous check.
   *
   * A wait takes at least this long. For a [class@Mk.AllProbe] or a [class@Mk.AnyProbe], the longest time of
   * the probe itself and its parts applies. [method@Mk.Probe.check] and [method@Mk.Probe.wait_gone] ignore
   * this property.
   *
   * Default: 0 milliseconds. Range: 0 to %G_MAXUINT.
   *
   * Since: 1.0
   */
  props[PROP_STABLE_FOR] = g_param_spec_uint ("stable-for", NULL, NULL, 0, G_MAXUINT, 0, flags);

  g_object_class_install_properties (object_class, N_PROPS, props);

  /**
   * MkProbe::wake:
   * @self: the probe
   *
   * Emitted after [method@Mk.Probe.wake] was called, once for each wait that is under way. It is emitted in
   * the main context of that wait, just before the wait checks again.
   *
   * Since: 1.0
   */
  signals[SIGNAL_WAKE] = g_signal_new (
      "wake", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void
mk_probe_init (MkProbe *self)
{
  MkProbePrivate *priv = mk_probe_get_instance_private (self);

  g_mutex_init (&priv->lock);
  priv->wakers = g_ptr_array_new_with_free_func ((GDestroyNotify) mk_waker_unref);
}

/**
 * mk_probe_get_interval: (get-property interval)
 * @self: the probe
 *
 * Gets how long a wait pauses between two attempts.
 *
 * Returns: the pause in milliseconds, 0 if the library chooses it
 *
 * Since: 1.0
 */
guint
mk_probe_get_interval (MkProbe *self)
{
  MkProbePrivate *priv = mk_probe_get_instance_private (self);

  g_return_val_if_fail (MK_IS_PROBE (self), 0);

  MK_AUTO_LOCK (&priv->lock);
  return priv->interval_ms;
}

/**
 * mk_probe_set_interval: (set-property interval)
 * @self: the probe
 * @interval_ms: the pause in milliseconds, 0 to let the library choose it
 *
 * Sets how long a wait pauses between two attempts. See [property@Mk.Probe:interval].
 *
 * Since: 1.0
 */
void
mk_probe_set_interval (MkProbe *self, guint interval_ms)
{
  MkProbePrivate *priv = mk_probe_get_instance_private (self);
  guint before;

  g_return_if_fail (MK_IS_PROBE (self));

  g_mutex_lock (&priv->lock);
  before = priv->interval_ms;
  priv->interval_ms = interval_ms;
  g_mutex_unlock (&priv->lock);

  if (before != interval_ms)
    g_object_notify_by_pspec (G_OBJECT (self), props[PROP_INTERVAL]);
}

/**
 * mk_probe_get_attempt_timeout: (get-property attempt-timeout)
 * @self: the probe
 *
 * Gets how long one attempt may take.
 *
 * Returns: the time in milliseconds, 0 if it depends on the kind of probe
 *
 * Since: 1.0
 */
guint
mk_probe_get_attempt_timeout (MkProbe *self)
{
  MkProbePrivate *priv = mk_probe_get_instance_private (self);

  g_return_val_if_fail (MK_IS_PROBE (self), 0);

  MK_AUTO_LOCK (&priv->lock);
  return priv->attempt_timeout_ms;
}

/**
 * mk_probe_set_attempt_timeout: (set-property attempt-timeout)
 * @self: the probe
 * @attempt_timeout_ms: the time in milliseconds, 0 to let it depend on the kind of probe
 *
 * Sets how long one attempt may take. See [property@Mk.Probe:attempt-timeout].
 *
 * Since: 1.0
 */
void
mk_probe_set_attempt_timeout (MkProbe *self, guint attempt_timeout_ms)
{
  MkProbePrivate *priv = mk_probe_get_instance_private (self);
  guint before;

  g_return_if_fail (MK_IS_PROBE (self));

  g_mutex_lock (&priv->lock);
  before = priv->attempt_timeout_ms;
  priv->attempt_timeout_ms = attempt_timeout_ms;
  g_mutex_unlock (&priv->lock);

  if (before != attempt_timeout_ms)
    g_object_notify_by_pspec (G_OBJECT (self), props[PROP_ATTEMPT_TIMEOUT]);
}

/**
 * mk_probe_get_stable_for: (get-property stable-for)
 * @self: the probe
 *
 * Gets how long the probe must stay satisfied before a wait ends.
 *
 * Returns: the time in milliseconds
 *
 * Since: 1.0
 */
guint
mk_probe_get_stable_for (MkProbe *self)
{
  MkProbePrivate *priv = mk_probe_get_instance_private (self);

  g_return_val_if_fail (MK_IS_PROBE (self), 0);

  MK_AUTO_LOCK (&priv->lock);
  return priv->stable_for_ms;
}

/**
 * mk_probe_set_stable_for: (set-property stable-for)
 * @self: the probe
 * @stable_for_ms: the time in milliseconds, 0 to end a wait at the first success
 *
 * Sets how long the probe must stay satisfied before a wait ends. See [property@Mk.Probe:stable-for].
 *
 * Since: 1.0
 */
void
mk_probe_set_stable_for (MkProbe *self, guint stable_for_ms)
{
  MkProbePrivate *priv = mk_probe_get_instance_private (self);
  guint before;

  g_return_if_fail (MK_IS_PROBE (self));

  g_mutex_lock (&priv->lock);
  before = priv->stable_for_ms;
  priv->stable_for_ms = stable_for_ms;
  g_mutex_unlock (&priv->lock);

  if (before != stable_for_ms)
    g_object_notify_by_pspec (G_OBJECT (self), props[PROP_STABLE_FOR]);
}

/* ---- for implementations ---- */

void
mk_probe_set_pace (MkProbe *self, MkProbePace pace)
{
  MkProbePrivate *priv = mk_probe_get_instance_private (self);
  MK_AUTO_LOCK (&priv->lock);

  priv->pace = pace;
}

MkProbePace
mk_probe_get_pace (MkProbe *self)
{
  MkProbePrivate *priv = mk_probe_get_instance_private (self);
  MK_AUTO_LOCK (&priv->lock);

  return priv->pace;
}

/* @limit_ms: how long one attempt may take where the user has not said so, 0 for no limit of its own */
void
mk_probe_set_attempt_limit (MkProbe *self, guint limit_ms)
{
  MkProbePrivate *priv = mk_probe_get_instance_private (self);
  MK_AUTO_LOCK (&priv->lock);

  priv->attempt_limit_ms = limit_ms;
}

/*
 * Lets an attempt of `check_task` that is cancelled go on for so long, to clear away and to say why. It is to
 * be set when the probe is made. When the time of an attempt is over it gets at most 50 ms.
 */
void
mk_probe_set_grace (MkProbe *self, guint grace_ms)
{
  MkProbePrivate *priv = mk_probe_get_instance_private (self);

  priv->grace_ms = grace_ms;
}

/* Said during an attempt: the next one should not be made before @retry_after_ms have passed. */
void
mk_probe_set_retry_after (MkProbe *self, guint retry_after_ms)
{
  MkProbePrivate *priv = mk_probe_get_instance_private (self);
  MK_AUTO_LOCK (&priv->lock);

  priv->retry_after_ms = retry_after_ms;
}

/* Returns: what the last attempt asked for, if nobody has taken it yet */
guint
mk_probe_take_retry_after (MkProbe *self)
{
  MkProbePrivate *priv = mk_probe_get_instance_private (self);
  MK_AUTO_LOCK (&priv->lock);
  guint retry_after_ms = priv->retry_after_ms;

  priv->retry_after_ms = 0;
  return retry_after_ms;
}

/* @detail: (nullable): why the attempt said "not yet" */
void
mk_probe_set_detail (MkProbe *self, const char *detail)
{
  MkProbePrivate *priv = mk_probe_get_instance_private (self);
  MK_AUTO_LOCK (&priv->lock);

  g_free (priv->detail);
  priv->detail = detail != NULL ? mk_message_clean (detail) : NULL;
}

char *
mk_probe_dup_detail (MkProbe *self)
{
  MkProbePrivate *priv = mk_probe_get_instance_private (self);
  MK_AUTO_LOCK (&priv->lock);

  return g_strdup (priv->detail);
}

/* ---- waking ---- */

/* @waker: to be woken by mk_probe_wake(), until it is removed; that of a wait calls mk_probe_emit_wake() */
void
mk_probe_add_waker (MkProbe *self, MkWaker *waker)
{
  MkProbePrivate *priv = mk_probe_get_instance_private (self);
  MK_AUTO_LOCK (&priv->lock);

  g_ptr_array_add (priv->wakers, mk_waker_ref (waker));
}

void
mk_probe_remove_waker (MkProbe *self, MkWaker *waker)
{
  MkProbePrivate *priv = mk_probe_get_instance_private (self);
  MK_AUTO_LOCK (&priv->lock);

  g_ptr_array_remove_fast (priv->wakers, waker);
}

/* Returns: whether there is anybody to wake */
gboolean
mk_probe_has_wakers (MkProbe *self)
{
  MkProbePrivate *priv = mk_probe_get_instance_private (self);
  MK_AUTO_LOCK (&priv->lock);

  return priv->wakers->len > 0;
}

void
mk_probe_emit_wake (MkProbe *self)
{
  g_signal_emit (self, signals[SIGNAL_WAKE], 0);
}

/**
 * mk_probe_wake:
 * @self: the probe
 *
 * Makes each wait for this probe check at once. An implementation calls it when the result may have changed,
 * for example because a file appeared or a line was printed. Without this call, waits check later, at their
 * usual interval.
 *
 * It may be called in any thread, and does not block. Each wait emits [signal@Mk.Probe::wake] and checks in
 * its own main context. Without a wait, nothing happens.
 *
 * Since: 1.0
 */
void
mk_probe_wake (MkProbe *self)
{
  MkProbePrivate *priv = mk_probe_get_instance_private (self);

  g_return_if_fail (MK_IS_PROBE (self));

  MK_AUTO_LOCK (&priv->lock);
  for (guint i = 0; i < priv->wakers->len; i++)
    mk_waker_wake (g_ptr_array_index (priv->wakers, i));
}

struct _MkProbeLink
{
  MkProbe *part;  /* (owned) */
  MkProbe *whole; /* (unowned) whoever asks it keeps it */
  MkWaker *waker; /* (owned) */
  gboolean woken;
};

static gboolean
probe_link_on_wake (gpointer user_data)
{
  MkProbeLink *self = user_data;

  /* The handlers, which come last, may have this freed. */
  self->woken = TRUE;
  mk_probe_wake (self->whole);
  mk_probe_emit_wake (self->part);
  return G_SOURCE_CONTINUE;
}

/*
 * Has @whole woken whenever @part is. To be made by the `begin` of @whole, and freed by its `end`.
 *
 * Returns: (transfer full)
 */
MkProbeLink *
mk_probe_link_new (MkProbe *part, MkProbe *whole)
{
  g_autoptr (GMainContext) context = g_main_context_ref_thread_default ();
  MkProbeLink *self = g_new0 (MkProbeLink, 1);

  self->part = g_object_ref (part);
  self->whole = whole;
  self->waker = mk_waker_attach (context, "MkProbe link", probe_link_on_wake, self, NULL);
  mk_probe_add_waker (part, self->waker);
  return self;
}

/* Returns: whether the part was woken since this was asked last */
gboolean
mk_probe_link_take_woken (MkProbeLink *self)
{
  gboolean woken = self->woken;

  self->woken = FALSE;
  return woken;
}

void
mk_probe_link_free (MkProbeLink *self)
{
  mk_probe_remove_waker (self->part, self->waker);
  mk_waker_clear (&self->waker);
  g_object_unref (self->part);
  g_free (self);
}

/* ---- for executors ---- */

/* Returns: (transfer full): what is there already, a sentence */
char *
mk_probe_describe_holder (MkProbe *self)
{
  MkProbeClassPrivate *class_private = probe_get_class_private (self);
  g_autofree char *description = NULL;

  if (class_private->describe_holder != NULL)
    return class_private->describe_holder (self);

  description = mk_probe_describe (self);
  /* Translators: a clause as “127.0.0.1:6379 to accept connections” */
  return g_strdup_printf (
      _ ("Waiting for %s succeeded before the service was started. Stop what is already running, or use "
         "another probe"),
      description);
}

/* Blocks for as long as it takes to look at every process. Returns: that of the first part that knows it, or
 * 0 */
int
mk_probe_find_holder (MkProbe *self)
{
  MkProbeClassPrivate *class_private = probe_get_class_private (self);
  g_autoptr (GPtrArray) parts = class_private->dup_parts != NULL ? class_private->dup_parts (self) : NULL;
  int holder = class_private->find_holder != NULL ? class_private->find_holder (self) : 0;

  for (guint i = 0; parts != NULL && i < parts->len && holder == 0; i++)
    holder = mk_probe_find_holder (g_ptr_array_index (parts, i));

  return holder;
}

/*
 * Asked when @self says that the service is ready.
 *
 * Returns: (transfer full) (nullable): a sentence, if it is certain that somebody else has answered
 */
char *
mk_probe_find_rival (MkProbe *self, int service, int supervisor)
{
  MkProbeClassPrivate *class_private = probe_get_class_private (self);

  return class_private->find_rival ? class_private->find_rival (self, service, supervisor) : NULL;
}

/*
 * Returns: (transfer full): the probe that is asked before a start whether something is in the way; %NULL
 * with an error if the settings make no sense
 */
MkProbe *
mk_probe_dup_before_start (MkProbe *self, GError **error)
{
  MkProbeClassPrivate *class_private = probe_get_class_private (self);

  return class_private->dup_before_start ? class_private->dup_before_start (self, error)
                                         : g_object_ref (self);
}

/* Returns: the longest of it and its parts, in milliseconds */
guint
mk_probe_find_stable_for (MkProbe *self)
{
  MkProbeClassPrivate *class_private = probe_get_class_private (self);
  guint of_parts = class_private->find_stable_for ? class_private->find_stable_for (self) : 0;

  return MAX (mk_probe_get_stable_for (self), of_parts);
}

gboolean
mk_probe_is_shallow (MkProbe *self)
{
  MkProbeClassPrivate *class_private = probe_get_class_private (self);

  return class_private->is_shallow != NULL && class_private->is_shallow (self);
}

gboolean
mk_probe_look_again (MkProbe *self)
{
  MkProbeClassPrivate *class_private = probe_get_class_private (self);

  return class_private->look_again == NULL || class_private->look_again (self);
}

gboolean
mk_probe_prepare (MkProbe *self, MkProcess *process, GError **error)
{
  MkProbeClassPrivate *class_private = probe_get_class_private (self);

  return class_private->prepare == NULL || class_private->prepare (self, process, error);
}

/* ---- placeholders ---- */

gboolean
mk_probe_wants_values (MkProbe *self)
{
  MkProbeClassPrivate *class_private = probe_get_class_private (self);

  return class_private->wants_values != NULL && class_private->wants_values (self);
}

/* @self: (inout) (transfer full): replaced if it has placeholders */
gboolean
mk_probe_expand (MkProbe **self, MkValues *values, GError **error)
{
  MkProbeClassPrivate *class_private = probe_get_class_private (*self);
  MkProbe *expanded;

  if (class_private->dup_expanded == NULL)
    return TRUE;
  expanded = class_private->dup_expanded (*self, values, error);
  if (expanded == NULL)
    return FALSE;

  g_object_unref (*self);
  *self = expanded;
  return TRUE;
}

static gboolean
probe_has_placeholders (GParamSpec *pspec, const GValue *value)
{
  if (G_VALUE_HOLDS_STRING (value))
    return mk_values_has_placeholders (g_value_get_string (value));
  if (G_VALUE_HOLDS (value, G_TYPE_STRV))
    for (char **text = g_value_get_boxed (value); text != NULL && *text != NULL; text++)
      if (mk_values_has_placeholders (*text))
        return TRUE;

  return G_VALUE_HOLDS_UINT (value) && g_str_equal (pspec->name, "port") && g_value_get_uint (value) == 0;
}

static gboolean
probe_expand_value (GParamSpec *pspec, GValue *value, MkValues *values, GError **error)
{
  if (!probe_has_placeholders (pspec, value))
    return TRUE;

  if (G_VALUE_HOLDS_STRING (value))
    {
      char *text = g_value_dup_string (value);
      gboolean done = mk_values_expand (values, &text, error);

      g_value_take_string (value, text);
      return done;
    }
  if (G_VALUE_HOLDS (value, G_TYPE_STRV))
    {
      char **strings = g_value_dup_boxed (value);
      gboolean done = mk_values_expand_strv (values, strings, error);

      g_value_take_boxed (value, strings);
      return done;
    }

  {
    guint port = 0;
    gboolean done = mk_values_lease_port (values, &port, error);

    g_value_set_uint (value, port);
    return done;
  }
}

/*
 * For `dup_expanded` of the kinds that are their properties and nothing else. A port of 0 is a placeholder,
 * too.
 *
 * Returns: (transfer full): %NULL with an error
 */
MkProbe *
mk_probe_dup_with_expanded_properties (MkProbe *self, MkValues *values, GError **error)
{
  guint n_pspecs;
  g_autofree GParamSpec **pspecs = g_object_class_list_properties (G_OBJECT_GET_CLASS (self), &n_pspecs);
  g_autoptr (MkProbe) expanded = g_object_new (G_OBJECT_TYPE (self), NULL);
  gboolean changed = FALSE;

  for (guint i = 0; i < n_pspecs; i++)
    {
      g_auto (GValue) value = G_VALUE_INIT;

      if ((pspecs[i]->flags & G_PARAM_READWRITE) != G_PARAM_READWRITE)
        continue;
      g_object_get_property (G_OBJECT (self), pspecs[i]->name, &value);
      changed = changed || probe_has_placeholders (pspecs[i], &value);
      if (!probe_expand_value (pspecs[i], &value, values, error))
        return NULL;
      g_object_set_property (G_OBJECT (expanded), pspecs[i]->name, &value);
    }

  /* Somebody may hold it, to wake it. */
  return changed ? g_steal_pointer (&expanded) : g_object_ref (self);
}

/*
 * Asked in a start whose service has ended with status 0.
 *
 * Returns: whether the service itself has shown in this start that it was ready: then its end is no failure
 */
gboolean
mk_probe_is_met (MkProbe *self)
{
  MkProbeClassPrivate *class_private = probe_get_class_private (self);

  return class_private->is_met != NULL && class_private->is_met (self);
}

/*
 * Asked when the service has exited before it was ready, and all it printed is known.
 *
 * Returns: (transfer full) (nullable): a better reason than its status
 */
GError *
mk_probe_explain_exit (MkProbe *self)
{
  MkProbeClassPrivate *class_private = probe_get_class_private (self);

  return class_private->explain_exit ? class_private->explain_exit (self) : NULL;
}

void
mk_probe_attach (MkProbe *self, MkSimpleExecutor *executor)
{
  MK_PROBE_GET_CLASS (self)->attach (self, executor);
}

void
mk_probe_detach (MkProbe *self, MkSimpleExecutor *executor)
{
  MK_PROBE_GET_CLASS (self)->detach (self, executor);
}

/* ---- one attempt ---- */

/* Returns: (transfer full) (nullable): what the probe keeps for one operation in this context */
gpointer
mk_probe_begin (MkProbe *self)
{
  MkProbePrivate *priv = mk_probe_get_instance_private (self);
  MkProbeClassPrivate *class_private = probe_get_class_private (self);

  g_mutex_lock (&priv->lock);
  priv->n_attempts = 0;
  g_clear_pointer (&priv->last_failure, g_free);
  g_mutex_unlock (&priv->lock);
  return class_private->begin ? class_private->begin (self) : NULL;
}

/* @state: (transfer full) (nullable) */
void
mk_probe_end (MkProbe *self, gpointer state)
{
  MkProbeClassPrivate *class_private = probe_get_class_private (self);

  if (class_private->end != NULL)
    class_private->end (self, state);
}

/* Two errors are answers: nobody listens there, and there is no such file. @error: (inout) (transfer full) */
static gboolean
probe_settle_answer (MkProbe *self, gboolean there, GError **error)
{
  if (*error == NULL)
    return there;

  if (g_error_matches (*error, G_IO_ERROR, G_IO_ERROR_CONNECTION_REFUSED) ||
      g_error_matches (*error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND))
    {
      mk_probe_set_detail (self, (*error)->message);
      g_clear_error (error);
    }

  return FALSE;
}

static void
probe_count_attempt (MkProbe *self)
{
  MkProbePrivate *priv = mk_probe_get_instance_private (self);
  MK_AUTO_LOCK (&priv->lock);

  priv->n_attempts++;
}

/* An attempt has failed. What it has said on its way to success is no failure. */
static void
probe_note_failure (MkProbe *self)
{
  MkProbePrivate *priv = mk_probe_get_instance_private (self);
  MK_AUTO_LOCK (&priv->lock);

  if (priv->detail == NULL)
    return;

  g_free (priv->last_failure);
  priv->last_failure = g_strdup (priv->detail);
}

/* Returns: how often it was asked in the last wait. @last_failure: (out) (transfer full) (nullable) */
guint
mk_probe_get_attempts (MkProbe *self, char **last_failure)
{
  MkProbePrivate *priv = mk_probe_get_instance_private (self);
  MK_AUTO_LOCK (&priv->lock);

  *last_failure = g_strdup (priv->last_failure);
  return priv->n_attempts;
}

/*
 * Asks without blocking. An error means that it is not known; G_IO_ERROR_WOULD_BLOCK that it takes time to
 * find out: mk_probe_ask_async() does that.
 */
gboolean
mk_probe_ask (MkProbe *self, gpointer state, GError **error)
{
  MkProbeClassPrivate *class_private = probe_get_class_private (self);
  g_autoptr (GError) local_error = NULL;
  gboolean blocks;
  gboolean there;

  mk_probe_set_detail (self, NULL);
  if (class_private->check_with != NULL)
    there = class_private->check_with (self, state, &local_error);
  else
    there = MK_PROBE_GET_CLASS (self)->check (self, &local_error);

  blocks = g_error_matches (local_error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
  if (!blocks)
    probe_count_attempt (self);
  there = probe_settle_answer (self, there, &local_error);
  if (!there && !blocks)
    probe_note_failure (self);
  if (local_error != NULL)
    g_propagate_error (error, g_steal_pointer (&local_error));
  return there;
}

static gint64
probe_attempt_deadline (MkProbe *self)
{
  MkProbePrivate *priv = mk_probe_get_instance_private (self);
  MK_AUTO_LOCK (&priv->lock);

  return mk_deadline_after (priv->attempt_timeout_ms ? priv->attempt_timeout_ms : priv->attempt_limit_ms);
}

/*
 * Asks in the way that takes time. An attempt that takes too long ends with G_IO_ERROR_TIMED_OUT.
 *
 * @state: (nullable): from mk_probe_begin(); not to be ended before @callback is called
 * @deadline: monotonic time in microseconds, G_MAXINT64 for none
 */
void
mk_probe_ask_async (MkProbe *self,
                    gpointer state,
                    gint64 deadline,
                    GCancellable *cancellable,
                    GAsyncReadyCallback callback,
                    gpointer user_data)
{
  MkProbePrivate *priv = mk_probe_get_instance_private (self);
  MkProbeClassPrivate *class_private = probe_get_class_private (self);
  g_autoptr (GTask) step = NULL;

  probe_count_attempt (self);
  step = mk_step_begin_async (self,
                              N_ ("The check"),
                              MIN (deadline, probe_attempt_deadline (self)),
                              priv->grace_ms,
                              cancellable,
                              callback,
                              user_data);
  if (class_private->check_task_with != NULL)
    class_private->check_task_with (self, state, step);
  else
    MK_PROBE_GET_CLASS (self)->check_task (self, step);
}

gboolean
mk_probe_ask_finish (MkProbe *self, GAsyncResult *result, GError **error)
{
  g_autoptr (GError) local_error = NULL;
  gboolean timed_out;
  gboolean there = mk_step_run_finish (result, &timed_out, &local_error);

  if (local_error != NULL && timed_out)
    {
      g_autofree char *detail = mk_probe_dup_detail (self);

      probe_note_failure (self);
      g_set_error_literal (
          error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT, detail ? detail : _ ("no answer in time"));
      return FALSE;
    }

  there = probe_settle_answer (self, there, &local_error);
  if (!there)
    probe_note_failure (self);
  if (local_error != NULL)
    g_propagate_error (error, g_steal_pointer (&local_error));
  return there;
}

/* @error: (transfer full) (nullable) */
static void
probe_return_attempt (GTask *task, gpointer state, gboolean there, GError *error)
{
  mk_probe_end (g_task_get_source_object (task), state);

  /* For who asks only once, what does not answer is not there. */
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT))
    g_clear_error (&error);

  if (error != NULL)
    g_task_return_error (task, error);
  else
    g_task_return_boolean (task, there);
}

static void
probe_on_asked (GObject *object, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;
  gboolean there = mk_probe_ask_finish (MK_PROBE (object), result, &error);

  probe_return_attempt (task, g_task_get_task_data (task), there, error);
}

/*
 * Checks once whether the condition of the probe is fulfilled.
 *
 * @deadline: monotonic time in microseconds, G_MAXINT64 for none
 */
void
mk_probe_attempt_async (MkProbe *self,
                        gint64 deadline,
                        GCancellable *cancellable,
                        GAsyncReadyCallback callback,
                        gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, user_data);
  gpointer state;
  GError *error = NULL;
  gboolean there;

  g_task_set_source_tag (task, mk_probe_attempt_async);
  g_task_set_check_cancellable (task, FALSE);
  if (g_task_return_error_if_cancelled (task))
    return;

  state = mk_probe_begin (self);
  there = mk_probe_ask (self, state, &error);
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
    {
      g_error_free (error);
      g_task_set_task_data (task, state, NULL);
      mk_probe_ask_async (self, state, deadline, cancellable, probe_on_asked, g_object_ref (task));
    }
  else
    probe_return_attempt (task, state, there, error);
}

gboolean
mk_probe_attempt_finish (MkProbe *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

/**
 * mk_probe_check:
 * @self: the probe
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Checks once whether the condition of the probe is fulfilled.
 *
 * %FALSE without an error means that the condition is not fulfilled. An error means that the check itself
 * failed. This function blocks until the attempt is complete.
 *
 * Returns: %TRUE if the probe is satisfied
 *
 * Since: 1.0
 */
gboolean
mk_probe_check (MkProbe *self, GCancellable *cancellable, GError **error)
{
  g_return_val_if_fail (MK_IS_PROBE (self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  MK_SYNC (mk_probe_check, self, error, cancellable);
}

/**
 * mk_probe_check_async:
 * @self: the probe
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async) (nullable): called when the check is complete
 * @user_data: data for @callback
 *
 * Checks once whether the condition of the probe is fulfilled. See [method@Mk.Probe.check].
 *
 * Since: 1.0
 */
void
mk_probe_check_async (MkProbe *self,
                      GCancellable *cancellable,
                      GAsyncReadyCallback callback,
                      gpointer user_data)
{
  g_return_if_fail (MK_IS_PROBE (self));

  mk_probe_attempt_async (self, G_MAXINT64, cancellable, callback, user_data);
}

/**
 * mk_probe_check_finish:
 * @self: the probe
 * @result: the result given to the callback
 * @error: return location for an error
 *
 * Finishes [method@Mk.Probe.check_async].
 *
 * Returns: %TRUE if the probe is satisfied
 *
 * Since: 1.0
 */
gboolean
mk_probe_check_finish (MkProbe *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (MK_IS_PROBE (self), FALSE);
  g_return_val_if_fail (g_async_result_is_tagged (result, mk_probe_attempt_async), FALSE);

  return mk_probe_attempt_finish (self, result, error);
}

/**
 * mk_probe_describe:
 * @self: the probe
 *
 * Describes the condition of the probe, as a clause that follows "waiting for": "127.0.0.1:6379 to accept
 * connections".
 *
 * Returns: (transfer full): the clause
 *
 * Since: 1.0
 */
char *
mk_probe_describe (MkProbe *self)
{
  char *description;

  g_return_val_if_fail (MK_IS_PROBE (self), NULL);

  description = MK_PROBE_GET_CLASS (self)->describe (self);
  return description ? description : mk_probe_real_describe (self);
}
