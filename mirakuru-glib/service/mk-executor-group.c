/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Several services, by name, in order.
 *
 *   STOPPED ──start──> STARTING ──all are ready──> READY ──stop, or the first failure──> STOPPING ──> STOPPED
 *                          └────a failure, a cancellation or a stop────────────────────────^
 *
 * A member is started when all that it requires is ready, and stopped when nothing that requires it is left.
 * Everything happens in the thread that uses the group: the callbacks of the executors drive it, in the
 * context of the operation.
 */

#include "mk-executor-group.h"

#include <string.h>

#include "base/mk-i18n-private.h"
#include "base/mk-message-private.h"
#include "base/mk-sync-private.h"
#include "base/mk-values-private.h"
#include "base/mk-waker-private.h"
#include "executor/mk-output-executor-private.h"
#include "executor/mk-simple-executor-private.h"
#include "mk-enum-types.h"
#include "mk-error.h"
#include "mk-service-executor-private.h"
#include "mk-service-setting-private.h"
#include "mk-service-template-private.h"
#include "process/mk-process-message-private.h"

#define REQUIRES_KEY "Requires"

/**
 * MkExecutorGroup:
 *
 * A group of services that have names and are started and stopped together.
 *
 * A service can require other services of the group. See [Services by name](services.html).
 *
 * A service is started as soon as all services that it requires are ready. Services that do not require each
 * other are started in parallel. The first failure ends the start: all services are stopped, and the error
 * begins with the name of the service. Cancelling also ends the start. A stop uses the reverse order, so an
 * application can still reach its database while it ends.
 *
 * The settings of the executors (the command, the environment, paths, URLs, probes) may contain
 * placeholders:
 *
 * - `{port}` stands for a port that is leased for the service
 * - `{port:admin}` stands for another port
 * - `{dir}` stands for a private directory
 * - `{redis.port}` stands for a value of the service "redis", which is then started first
 *
 * See [method@Mk.SimpleExecutor.dup_value].
 *
 * A group is a [iface@Gio.ListModel] of its executors, in the order in which they were added. Their
 * [property@Mk.SimpleExecutor:state] can be watched while the group is started.
 *
 * Use a group only in one thread: the one whose thread-default main context was current when the group was
 * created. Do not start or stop its executors directly. During a synchronous call, signals are emitted in
 * the private context of that call. A handler must not begin an asynchronous call there, because it would
 * never end.
 *
 * The group owns its executors. **Dropping the last reference to the group kills its services**, see
 * [class@Mk.SimpleExecutor].
 *
 * Since: 1.0
 */

typedef enum
{
  MEMBER_DOWN,
  MEMBER_STARTING,
  MEMBER_UP,
  MEMBER_STOPPING,
} MemberPhase;

typedef struct _Call Call;

typedef struct
{
  MkExecutorGroup *group;     /* (unowned) */
  MkSimpleExecutor *executor; /* (owned) */
  char *name;                 /* (owned) */
  GPtrArray *requires;        /* (owned) (element-type Member): as was said */
  GPtrArray *needs; /* (owned) (element-type Member): and what its settings mention, at the last start */
  gulong exited_handler;
  MemberPhase phase;
  Call *call; /* (unowned) (nullable): the newest one, which alone changes the phase when it ends */
} Member;

/* One operation at a time: a start, or a stop. */
typedef struct
{
  gboolean is_start;
  guint n_pending;           /* callbacks of members */
  gboolean is_ending;        /* of a start: it has failed, and stops what it has started */
  GCancellable *cancellable; /* (owned) of the members' starts */
  MkWaker *cancel_source;    /* (owned) (nullable) */
  GError *error;             /* (owned) (nullable) the first one */
} Operation;

struct _MkExecutorGroup
{
  GObject parent_instance;

  GPtrArray *members;    /* (owned) (element-type Member) */
  GPtrArray *defaults;   /* (owned) (element-type MkServiceSetting) */
  GHashTable *overrides; /* (owned) (element-type utf8 GPtrArray): settings by the name of a service */
  MkExecutorState state;
  GTask *task; /* (unowned) (nullable): the operation under way, with an Operation */
};

enum
{
  PROP_STATE = 1,
  PROP_PROGRESS,
  N_PROPS
};

static GParamSpec *props[N_PROPS];

enum
{
  SIGNAL_FAILED,
  N_SIGNALS
};

static guint signals[N_SIGNALS];

static void mk_executor_group_list_model_init (GListModelInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (MkExecutorGroup,
                               mk_executor_group,
                               G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (G_TYPE_LIST_MODEL, mk_executor_group_list_model_init))

static void group_go_on (GTask *task);

/* ---- members ---- */

static Member *
group_find (MkExecutorGroup *self, const char *name)
{
  for (guint i = 0; i < self->members->len; i++)
    {
      Member *member = g_ptr_array_index (self->members, i);

      if (g_str_equal (member->name, name))
        return member;
    }

  return NULL;
}

static void
member_free (gpointer data)
{
  Member *self = data;

  g_signal_handler_disconnect (self->executor, self->exited_handler);
  g_object_unref (self->executor);
  g_ptr_array_unref (self->requires);
  g_ptr_array_unref (self->needs);
  g_free (self->name);
  g_free (self);
}

/* Returns: (transfer full) (nullable): “redis, web”, what there is to choose from */
static char *
group_list_names (MkExecutorGroup *self)
{
  GString *names = g_string_new (NULL);

  for (guint i = 0; i < self->members->len; i++)
    g_string_append_printf (
        names, "%s%s", i ? ", " : "", ((Member *) g_ptr_array_index (self->members, i))->name);

  return g_string_free (names, names->len == 0);
}

static Member *
group_find_or_fail (MkExecutorGroup *self, const char *name, GError **error)
{
  Member *member = group_find (self, name);
  g_autofree char *shown = NULL;
  g_autofree char *names = NULL;

  if (member != NULL)
    return member;

  shown = mk_message_shown (name);
  names = group_list_names (self);
  if (names != NULL)
    g_set_error (error,
                 MK_ERROR,
                 MK_ERROR_INVALID_ARGUMENT,
                 /* Translators: a name; the names that there are */
                 _ ("There is no service “%s” in the group, only: %s"),
                 shown,
                 names);
  else
    g_set_error (error,
                 MK_ERROR,
                 MK_ERROR_INVALID_ARGUMENT,
                 _ ("There is no service “%s”: the group is empty"),
                 shown);
  return NULL;
}

/* ---- values ---- */

/* Knows the group as long as there is one: the executors may live longer. */
static gboolean
group_find_value (gpointer scope, const char *service, const char *key, char **value, GError **error)
{
  g_autoptr (MkExecutorGroup) self = g_weak_ref_get (scope);
  Member *member = self ? group_find (self, service) : NULL;

  if (member == NULL)
    return FALSE;

  *value = mk_simple_executor_dup_value (member->executor, key);
  if (*value == NULL)
    g_set_error (error,
                 MK_ERROR,
                 MK_ERROR_INVALID_ARGUMENT,
                 /* Translators: the name of a service, of a value */
                 member->phase == MEMBER_DOWN ? _ ("“%s” is not running, so it has no value “%s”")
                                              /* Translators: the name of a service, of a value */
                                              : _ ("“%s” has no value “%s”"),
                 service,
                 key);
  return TRUE;
}

static gpointer
group_new_scope (MkExecutorGroup *self)
{
  GWeakRef *scope = g_new0 (GWeakRef, 1);

  g_weak_ref_init (scope, self);
  return scope;
}

static void
group_free_scope (gpointer data)
{
  g_weak_ref_clear (data);
  g_free (data);
}

/* ---- the order ---- */

static void
member_need (Member *self, Member *other)
{
  if (other != NULL && other != self && !g_ptr_array_find (self->needs, other, NULL))
    g_ptr_array_add (self->needs, other);
}

/* A value of another service is there when that runs. */
static void
member_need_mentioned (Member *self, const char *text)
{
  for (const char *p = text ? strchr (text, '{') : NULL; p != NULL; p = strchr (p + 1, '{'))
    {
      gsize length = strspn (p + 1, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "_-");
      g_autofree char *name = g_strndup (p + 1, length);

      if (p[length + 1] == '.')
        member_need (self, group_find (self->group, name));
    }
}

static void
member_find_needs (Member *self)
{
  const char *const *lists[] = { mk_simple_executor_get_command (self->executor),
                                 mk_simple_executor_get_environment (self->executor),
                                 mk_simple_executor_get_launcher (self->executor),
                                 mk_simple_executor_get_forwards (self->executor) };
  const char *texts[] = { mk_simple_executor_get_cwd (self->executor),
                          mk_simple_executor_get_stdin_path (self->executor),
                          mk_simple_executor_get_stdout_path (self->executor),
                          mk_simple_executor_get_stderr_path (self->executor) };

  g_autoptr (GPtrArray) others = NULL;

  g_ptr_array_set_size (self->needs, 0);
  for (guint i = 0; i < self->requires->len; i++)
    member_need (self, g_ptr_array_index (self->requires, i));
  if (MK_IS_SERVICE_EXECUTOR (self->executor))
    others = mk_service_executor_list_texts (MK_SERVICE_EXECUTOR (self->executor));
  for (guint i = 0; others != NULL && i < others->len; i++)
    member_need_mentioned (self, g_ptr_array_index (others, i));
  for (guint i = 0; i < G_N_ELEMENTS (lists); i++)
    for (const char *const *text = lists[i]; text != NULL && *text != NULL; text++)
      member_need_mentioned (self, *text);
  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    member_need_mentioned (self, texts[i]);
}

/* @path: (element-type Member): the way to @member. Returns: whether it leads back to a part of itself */
static gboolean
member_is_in_cycle (Member *self, GPtrArray *path)
{
  guint first;

  if (g_ptr_array_find (path, self, &first))
    {
      if (first > 0)
        g_ptr_array_remove_range (path, 0, first);
      g_ptr_array_add (path, self);
      return TRUE;
    }

  g_ptr_array_add (path, self);
  for (guint i = 0; i < self->needs->len; i++)
    if (member_is_in_cycle (g_ptr_array_index (self->needs, i), path))
      return TRUE;

  g_ptr_array_set_size (path, (int) path->len - 1);
  return FALSE;
}

static gboolean
group_find_order (MkExecutorGroup *self, GError **error)
{
  g_autoptr (GPtrArray) path = g_ptr_array_new ();
  g_autoptr (GString) names = NULL;

  for (guint i = 0; i < self->members->len; i++)
    member_find_needs (g_ptr_array_index (self->members, i));
  for (guint i = 0; i < self->members->len && path->len == 0; i++)
    member_is_in_cycle (g_ptr_array_index (self->members, i), path);
  if (path->len == 0)
    return TRUE;

  names = g_string_new (NULL);
  for (guint i = 0; i < path->len; i++)
    g_string_append_printf (names, "%s%s", i ? " → " : "", ((Member *) g_ptr_array_index (path, i))->name);
  g_set_error (error,
               MK_ERROR,
               MK_ERROR_INVALID_ARGUMENT,
               /* Translators: “app → database → app” */
               _ ("The services require each other: %s"),
               names->str);
  return FALSE;
}

static gboolean
member_has_its_needs (Member *self)
{
  for (guint i = 0; i < self->needs->len; i++)
    if (((Member *) g_ptr_array_index (self->needs, i))->phase != MEMBER_UP)
      return FALSE;

  return TRUE;
}

static gboolean
member_is_needed (Member *self)
{
  for (guint i = 0; i < self->group->members->len; i++)
    {
      Member *other = g_ptr_array_index (self->group->members, i);

      if (other->phase != MEMBER_DOWN && g_ptr_array_find (other->needs, self, NULL))
        return TRUE;
    }

  return FALSE;
}

/* ---- an operation ---- */

static void
operation_free (Operation *self)
{
  g_clear_object (&self->cancellable);
  g_clear_error (&self->error);
  g_free (self);
}

static void
member_set_phase (Member *self, MemberPhase phase)
{
  gboolean was_up = self->phase == MEMBER_UP;

  self->phase = phase;
  if (was_up != (phase == MEMBER_UP))
    g_object_notify_by_pspec (G_OBJECT (self->group), props[PROP_PROGRESS]);
}

static void
group_set_state (MkExecutorGroup *self, MkExecutorState state)
{
  if (self->state == state)
    return;

  self->state = state;
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_STATE]);
}

/* @error: (transfer full) (nullable) */
static void
group_return (GTask *task, GError *error)
{
  MkExecutorGroup *self = g_task_get_source_object (task);
  Operation *operation = g_task_get_task_data (task);

  if (self->task == task)
    self->task = NULL;
  mk_waker_clear (&operation->cancel_source);
  if (error != NULL)
    g_task_return_error (task, error);
  else
    g_task_return_boolean (task, TRUE);
  g_object_unref (task);
}

/* The first error counts. @error: (transfer full) */
static void
operation_take_error (Operation *self, GError *error)
{
  if (self->error == NULL)
    self->error = error;
  else
    g_error_free (error);
}

/* @error: (transfer full): of @member, or of the whole start if that is NULL */
static void
group_fail (GTask *task, Member *member, GError *error)
{
  MkExecutorGroup *self = g_task_get_source_object (task);
  Operation *operation = g_task_get_task_data (task);

  /* The others are cancelled because of the first one. */
  if (member != NULL && !(operation->is_ending && g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED)))
    g_signal_emit (self, signals[SIGNAL_FAILED], 0, member->name, error);
  if (member != NULL)
    g_prefix_error (&error, "%s: ", member->name);
  operation_take_error (operation, error);
  operation->is_ending = TRUE;
  g_cancellable_cancel (operation->cancellable);
}

static GError *
member_exited_error (Member *self)
{
  g_autofree char *name = mk_simple_executor_describe (self->executor);
  g_autofree char *words = mk_message_status (mk_simple_executor_get_exit_status (self->executor));

  /* Translators: a service, “exited with status 1” */
  return g_error_new (MK_ERROR, MK_ERROR_EXITED, _ ("%s has ended by itself: it %s"), name, words);
}

struct _Call
{
  GTask *task;    /* (owned) */
  Member *member; /* (unowned): as long as the group, which the task holds */
};

static Call *
call_new (GTask *task, Member *member)
{
  Operation *operation = g_task_get_task_data (task);
  Call *self = g_new0 (Call, 1);

  operation->n_pending++;
  self->task = g_object_ref (task);
  self->member = member;
  member->call = self;
  return self;
}

static void
call_end (Call *self)
{
  g_autoptr (GTask) task = self->task;
  Operation *operation = g_task_get_task_data (task);

  if (self->member->call == self)
    self->member->call = NULL;
  g_free (self);
  operation->n_pending--;
  group_go_on (task);
}

static void
group_on_member_started (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Call *call = user_data;
  Member *member = call->member;
  GError *error = NULL;

  if (mk_simple_executor_start_finish (member->executor, result, &error))
    {
      if (member->call == call)
        member_set_phase (member, MEMBER_UP);
    }
  else
    {
      if (member->call == call)
        member_set_phase (member, MEMBER_DOWN);
      group_fail (call->task, member, error);
    }
  call_end (call);
}

static void
group_on_member_stopped (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Call *call = user_data;
  Member *member = call->member;
  Operation *operation = g_task_get_task_data (call->task);
  GError *error = NULL;

  mk_simple_executor_stop_finish (member->executor, result, &error);
  if (member->call == call)
    member_set_phase (member, MEMBER_DOWN);
  else
    g_clear_error (&error); /* a stop that has taken the member over reports it */
  if (error != NULL)
    {
      g_signal_emit (member->group, signals[SIGNAL_FAILED], 0, member->name, error);
      g_prefix_error (&error, "%s: ", member->name);
      operation_take_error (operation, error);
    }
  call_end (call);
}

/* It is a client of what it requires. What was added last counts, as in mk_executor_group_dup_environment().
 */
static void
member_take_exports (Member *self)
{
  GPtrArray *members = self->group->members;
  char **environment = g_new0 (char *, 1);

  for (guint i = 0; i < members->len; i++)
    {
      Member *other = g_ptr_array_index (members, i);

      if (MK_IS_SERVICE_EXECUTOR (other->executor) && g_ptr_array_find (self->needs, other, NULL))
        mk_service_executor_export (MK_SERVICE_EXECUTOR (other->executor), &environment);
    }
  mk_simple_executor_take_exported (self->executor, environment);
}

static void
group_start_members (GTask *task)
{
  MkExecutorGroup *self = g_task_get_source_object (task);
  Operation *operation = g_task_get_task_data (task);

  for (guint i = 0; i < self->members->len && !operation->is_ending; i++)
    {
      Member *member = g_ptr_array_index (self->members, i);

      if (member->phase != MEMBER_DOWN || !member_has_its_needs (member))
        continue;
      member_set_phase (member, MEMBER_STARTING);
      member_take_exports (member);
      mk_simple_executor_start_async (
          member->executor, operation->cancellable, group_on_member_started, call_new (task, member));
    }
}

/* A stop does not wait for what a start is stopping: the context of that may not be run. */
static gboolean
member_must_be_stopped (Member *self, GTask *task)
{
  return self->phase == MEMBER_UP || self->phase == MEMBER_STARTING ||
         (self->phase == MEMBER_STOPPING && self->call->task != task);
}

static void
group_stop_members (GTask *task)
{
  MkExecutorGroup *self = g_task_get_source_object (task);

  for (guint i = 0; i < self->members->len; i++)
    {
      Member *member = g_ptr_array_index (self->members, i);

      if (!member_must_be_stopped (member, task) || member_is_needed (member))
        continue;
      member_set_phase (member, MEMBER_STOPPING);
      mk_simple_executor_stop_async (
          member->executor, NULL, group_on_member_stopped, call_new (task, member));
    }
}

/* A service may have ended without the context being run that its executor tells so. */
static void
group_find_exited (GTask *task)
{
  MkExecutorGroup *self = g_task_get_source_object (task);

  for (guint i = 0; i < self->members->len; i++)
    {
      Member *member = g_ptr_array_index (self->members, i);

      if (member->phase == MEMBER_UP && !mk_simple_executor_get_completes (member->executor) &&
          mk_simple_executor_get_state (member->executor) == MK_EXECUTOR_STATE_EXITED)
        group_fail (task, member, member_exited_error (member));
    }
}

/* Does what can be done now, and returns the task when nothing is left to be done. */
static void
group_go_on (GTask *task)
{
  MkExecutorGroup *self = g_task_get_source_object (task);
  Operation *operation = g_task_get_task_data (task);
  /* A stop takes the group away from a start. */
  gboolean owns_group = self->task == task;

  if (owns_group && operation->is_start && !operation->is_ending)
    {
      group_start_members (task);
      if (operation->n_pending == 0)
        group_find_exited (task);
    }
  /* What is being started comes to its end first. */
  if (owns_group && (!operation->is_start || (operation->is_ending && operation->n_pending == 0)))
    {
      group_set_state (self, MK_EXECUTOR_STATE_STOPPING);
      group_stop_members (task);
    }

  if (operation->n_pending > 0)
    return;

  if (owns_group)
    group_set_state (self,
                     operation->is_start && !operation->is_ending ? MK_EXECUTOR_STATE_READY
                                                                  : MK_EXECUTOR_STATE_STOPPED);
  group_return (task, g_steal_pointer (&operation->error));
}

static gboolean
group_on_cancelled (GCancellable *cancellable, gpointer user_data)
{
  GTask *task = user_data;
  MkExecutorGroup *self = g_task_get_source_object (task);
  Operation *operation = g_task_get_task_data (task);
  GError *error = g_error_new_literal (G_IO_ERROR,
                                       G_IO_ERROR_CANCELLED,
                                       operation->is_start ? _ ("The start was cancelled")
                                                           : _ ("Waiting for the end was cancelled"));

  if (operation->is_start)
    {
      group_fail (task, NULL, error);
      return G_SOURCE_REMOVE;
    }

  /* Nobody waits any more, so all that is left is told to end now, whatever the order. */
  for (guint i = 0; i < self->members->len; i++)
    {
      Member *member = g_ptr_array_index (self->members, i);

      if (member_must_be_stopped (member, task))
        {
          member_set_phase (member, MEMBER_STOPPING);
          mk_simple_executor_stop_async (
              member->executor, NULL, group_on_member_stopped, call_new (task, member));
        }
    }
  operation_take_error (operation, error);
  mk_waker_clear (&operation->cancel_source);
  return G_SOURCE_REMOVE;
}

/* ---- the end of a service by itself ---- */

static void
group_on_member_exited (MkSimpleExecutor *executor, int status, gpointer user_data)
{
  Member *member = user_data;
  MkExecutorGroup *self = member->group;
  Operation *operation = self->task ? g_task_get_task_data (self->task) : NULL;
  g_autoptr (GError) error = NULL;

  if (member->phase != MEMBER_UP || mk_simple_executor_get_completes (executor))
    return;

  error = member_exited_error (member);
  if (operation == NULL)
    {
      group_set_state (self, MK_EXECUTOR_STATE_EXITED);
      g_signal_emit (self, signals[SIGNAL_FAILED], 0, member->name, error);
    }
  else if (operation->is_start && !operation->is_ending)
    {
      g_autoptr (GTask) task = g_object_ref (self->task);

      operation->n_pending++;
      group_fail (task, member, g_steal_pointer (&error));
      operation->n_pending--;
      group_go_on (task);
    }
}

/* ---- the object ---- */

static void
mk_executor_group_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  switch (id)
    {
    case PROP_STATE:
      g_value_set_enum (value, MK_EXECUTOR_GROUP (object)->state);
      break;

    case PROP_PROGRESS:
      g_value_set_double (value, mk_executor_group_get_progress (MK_EXECUTOR_GROUP (object)));
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

/* What was added last may need what was added first. */
static void
mk_executor_group_dispose (GObject *object)
{
  MkExecutorGroup *self = MK_EXECUTOR_GROUP (object);

  while (self->members->len > 0)
    g_ptr_array_set_size (self->members, (int) self->members->len - 1);

  G_OBJECT_CLASS (mk_executor_group_parent_class)->dispose (object);
}

static void
mk_executor_group_finalize (GObject *object)
{
  g_ptr_array_unref (MK_EXECUTOR_GROUP (object)->members);
  g_ptr_array_unref (MK_EXECUTOR_GROUP (object)->defaults);
  g_hash_table_unref (MK_EXECUTOR_GROUP (object)->overrides);

  G_OBJECT_CLASS (mk_executor_group_parent_class)->finalize (object);
}

static void
mk_executor_group_class_init (MkExecutorGroupClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->get_property = mk_executor_group_get_property;
  object_class->dispose = mk_executor_group_dispose;
  object_class->finalize = mk_executor_group_finalize;

  /**
   * MkExecutorGroup:state:
   *
   * The state of the group. If a service ends by itself, it is %MK_EXECUTOR_STATE_EXITED until the group is
   * stopped.
   *
   * Default: %MK_EXECUTOR_STATE_STOPPED.
   *
   * Since: 1.0
   */
  props[PROP_STATE] = g_param_spec_enum ("state",
                                         NULL,
                                         NULL,
                                         MK_TYPE_EXECUTOR_STATE,
                                         MK_EXECUTOR_STATE_STOPPED,
                                         G_PARAM_READABLE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY);

  /**
   * MkExecutorGroup:progress:
   *
   * The fraction of the services that are ready or completed, from 0 to 1.
   *
   * Default: 0. Range: 0 to 1.
   *
   * Since: 1.0
   */
  props[PROP_PROGRESS] = g_param_spec_double (
      "progress", NULL, NULL, 0, 1, 0, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY);

  g_object_class_install_properties (object_class, N_PROPS, props);

  /**
   * MkExecutorGroup::failed:
   * @self: the group
   * @name: the service
   * @error: the error of the service
   *
   * Emitted when a service has failed, in one of these ways:
   *
   * - The service could not be started. This ends the start of the group.
   * - The service has ended by itself. The other services continue to run.
   * - The stop of the service has failed.
   *
   * It is not emitted for services that are cancelled because another service has failed.
   *
   * Since: 1.0
   */
  signals[SIGNAL_FAILED] = g_signal_new ("failed",
                                         G_TYPE_FROM_CLASS (klass),
                                         G_SIGNAL_RUN_LAST,
                                         0,
                                         NULL,
                                         NULL,
                                         NULL,
                                         G_TYPE_NONE,
                                         2,
                                         G_TYPE_STRING,
                                         G_TYPE_ERROR);
}

static void
mk_executor_group_init (MkExecutorGroup *self)
{
  self->members = g_ptr_array_new_with_free_func (member_free);
  self->defaults = mk_service_settings_new ();
  self->overrides =
      g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_ptr_array_unref);
}

static GType
group_get_item_type (GListModel *model)
{
  return MK_TYPE_SIMPLE_EXECUTOR;
}

static guint
group_get_n_items (GListModel *model)
{
  return MK_EXECUTOR_GROUP (model)->members->len;
}

static gpointer
group_get_item (GListModel *model, guint position)
{
  GPtrArray *members = MK_EXECUTOR_GROUP (model)->members;

  return position < members->len ? g_object_ref (((Member *) g_ptr_array_index (members, position))->executor)
                                 : NULL;
}

static void
mk_executor_group_list_model_init (GListModelInterface *iface)
{
  iface->get_item_type = group_get_item_type;
  iface->get_n_items = group_get_n_items;
  iface->get_item = group_get_item;
}

/* ---- the public functions ---- */

/**
 * mk_executor_group_new:
 *
 * Creates a group without services.
 *
 * Returns: (transfer full): the group
 *
 * Since: 1.0
 */
MkExecutorGroup *
mk_executor_group_new (void)
{
  return g_object_new (MK_TYPE_EXECUTOR_GROUP, NULL);
}

/**
 * mk_executor_group_new_from_file:
 * @file: a services file
 * @error: return location for an error
 *
 * Creates a group with the services of a file. See [method@Mk.ExecutorGroup.add_from_file], which has the
 * same errors.
 *
 * Returns: (transfer full): the group; %NULL with an error
 *
 * Since: 1.0
 */
MkExecutorGroup *
mk_executor_group_new_from_file (GFile *file, GError **error)
{
  g_autoptr (MkExecutorGroup) self = mk_executor_group_new ();

  g_return_val_if_fail (G_IS_FILE (file), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  return mk_executor_group_add_from_file (self, file, error) ? g_steal_pointer (&self) : NULL;
}

/**
 * mk_executor_group_add:
 * @self: the group
 * @name: the name of the service: a letter, then letters, digits, `-` and `_`
 * @executor: the executor; it must be stopped, and must not belong to another group
 * @error: return location for an error
 *
 * Adds a service.
 *
 * Fails with %MK_ERROR_INVALID_ARGUMENT if the name is invalid or already used, and with %G_IO_ERROR_PENDING
 * while the group is not stopped.
 *
 * Returns: whether it was added
 *
 * Since: 1.0
 */
gboolean
mk_executor_group_add (MkExecutorGroup *self, const char *name, MkSimpleExecutor *executor, GError **error)
{
  g_autofree char *shown = NULL;
  Member *member;

  g_return_val_if_fail (MK_IS_EXECUTOR_GROUP (self), FALSE);
  g_return_val_if_fail (name != NULL, FALSE);
  g_return_val_if_fail (MK_IS_SIMPLE_EXECUTOR (executor), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  shown = mk_message_shown (name);
  if (self->state != MK_EXECUTOR_STATE_STOPPED)
    g_set_error (
        error, G_IO_ERROR, G_IO_ERROR_PENDING, _ ("“%s” cannot be added: the group has been started"), shown);
  else if (!mk_values_is_name (name))
    g_set_error (error,
                 MK_ERROR,
                 MK_ERROR_INVALID_ARGUMENT,
                 _ ("“%s” cannot be the name of a service: it needs a letter, then letters, digits, - and _"),
                 shown);
  else if (group_find (self, name) != NULL)
    g_set_error (
        error, MK_ERROR, MK_ERROR_INVALID_ARGUMENT, _ ("There are two services “%s” in the group"), shown);
  else if (mk_executor_group_get_name (self, executor) != NULL || mk_simple_executor_has_scope (executor))
    g_set_error (
        error, MK_ERROR, MK_ERROR_INVALID_ARGUMENT, _ ("The executor of “%s” is already in a group"), shown);
  else
    {
      member = g_new0 (Member, 1);
      member->group = self;
      member->name = g_strdup (name);
      member->executor = g_object_ref (executor);
      member->requires = g_ptr_array_new ();
      member->needs = g_ptr_array_new ();
      member->exited_handler =
          g_signal_connect (executor, "exited", G_CALLBACK (group_on_member_exited), member);
      mk_simple_executor_set_scope (
          executor, name, group_find_value, group_new_scope (self), group_free_scope);
      g_ptr_array_add (self->members, member);
      g_list_model_items_changed (G_LIST_MODEL (self), self->members->len - 1, 0, 1);
      return TRUE;
    }

  return FALSE;
}

/**
 * mk_executor_group_set_defaults:
 * @self: the group
 * @settings: (array zero-terminated=1) (nullable): texts "Key=value", with the keys of services files
 * @error: return location for an error
 *
 * Sets defaults for services that are described by settings and added later, for example `Timeout=10s` or
 * `Environment=LANG=C`. The settings of a service override them.
 *
 * Fails with %MK_ERROR_INVALID_ARGUMENT if a setting is not a text "Key=value". Invalid values are reported
 * when a service is added.
 *
 * Returns: whether they were set
 *
 * Since: 1.0
 */
gboolean
mk_executor_group_set_defaults (MkExecutorGroup *self, const char *const *settings, GError **error)
{
  GPtrArray *defaults;

  g_return_val_if_fail (MK_IS_EXECUTOR_GROUP (self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  defaults = mk_service_settings_new_from_strv (settings, error);
  if (defaults == NULL)
    return FALSE;

  g_ptr_array_unref (self->defaults);
  self->defaults = defaults;
  return TRUE;
}

/**
 * mk_executor_group_add_override:
 * @self: the group
 * @name: the name of a service that will be added
 * @setting: a text "Key=value" with a key of services files, or "value=text" for a value of the service,
 *   whose name begins with a small letter: "database=test"
 * @error: return location for an error
 *
 * Overrides a setting of a service that will be added from a file or a template.
 *
 * Fails with %MK_ERROR_INVALID_ARGUMENT if @setting has no "=". An invalid value is reported when the
 * service is added.
 *
 * Returns: whether it was set
 *
 * Since: 1.0
 */
gboolean
mk_executor_group_add_override (MkExecutorGroup *self, const char *name, const char *setting, GError **error)
{
  g_autofree char *value = NULL;
  const char *strv[2] = { setting, NULL };
  g_autoptr (GPtrArray) list = NULL;
  GPtrArray *overrides;

  g_return_val_if_fail (MK_IS_EXECUTOR_GROUP (self), FALSE);
  g_return_val_if_fail (name != NULL && setting != NULL, FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  if (g_ascii_islower (*setting) && strchr (setting, '=') != NULL)
    strv[0] = value = g_strconcat ("Values=", setting, NULL);
  list = mk_service_settings_new_from_strv (strv, error);
  if (list == NULL)
    return FALSE;

  overrides = g_hash_table_lookup (self->overrides, name);
  if (overrides == NULL)
    {
      overrides = mk_service_settings_new ();
      g_hash_table_insert (self->overrides, g_strdup (name), overrides);
    }
  g_ptr_array_add (overrides, mk_service_setting_copy (g_ptr_array_index (list, 0)));
  return TRUE;
}

/* @settings: (element-type MkServiceSetting). Returns: (transfer none) (nullable): %NULL with an error */
static MkSimpleExecutor *
group_add_service (MkExecutorGroup *self, const char *name, GPtrArray *settings, GError **error)
{
  g_autoptr (GPtrArray) all = mk_service_template_unfold (settings, error);
  GPtrArray *overrides = g_hash_table_lookup (self->overrides, name);
  g_autoptr (MkServiceExecutor) executor = NULL;

  if (all == NULL)
    return NULL;

  for (guint i = 0; i < self->defaults->len; i++)
    g_ptr_array_insert (all, (int) i, mk_service_setting_copy (g_ptr_array_index (self->defaults, i)));
  for (guint i = 0; overrides != NULL && i < overrides->len; i++)
    g_ptr_array_add (all, mk_service_setting_copy (g_ptr_array_index (overrides, i)));
  executor = mk_service_executor_new (all, error);
  if (executor == NULL || !mk_executor_group_add (self, name, MK_SIMPLE_EXECUTOR (executor), error))
    return NULL;

  return MK_SIMPLE_EXECUTOR (executor);
}

/* Those that the settings name, which may have been added later. */
static gboolean
group_add_required (MkExecutorGroup *self, const char *name, GError **error)
{
  MkServiceExecutor *executor = MK_SERVICE_EXECUTOR (mk_executor_group_lookup (self, name));

  for (const char *const *on = mk_service_executor_get_requires (executor); *on != NULL; on++)
    if (!mk_executor_group_add_dependency (self, name, *on, error))
      {
        g_prefix_error (error, "%s: ", REQUIRES_KEY);
        return FALSE;
      }

  return TRUE;
}

/* Takes the last ones away again. */
static void
group_truncate (MkExecutorGroup *self, guint n_members)
{
  guint n_removed = self->members->len - n_members;

  if (n_removed == 0)
    return;
  g_ptr_array_set_size (self->members, (int) n_members);
  g_list_model_items_changed (G_LIST_MODEL (self), n_members, n_removed, 0);
}

/**
 * mk_executor_group_add_service:
 * @self: the group
 * @name: the name of the service, see [method@Mk.ExecutorGroup.add]
 * @settings: (array zero-terminated=1): texts "Key=value", with the keys of services files:
 *   "Command=redis-server --port {port}", "Tcp={port}"
 * @error: return location for an error
 *
 * Adds a service that is described by settings, such as `Command` and `Tcp`, or `Template` and `Values`. See
 * [Services by name](services.html) for the keys. Keys that take several values may be repeated. A key that
 * describes a condition, such as `Status`, must follow the key of the condition. Services that this service
 * requires must be added before it.
 *
 * Fails with %MK_ERROR_INVALID_ARGUMENT if a setting is invalid; the message begins with its key. Fails with
 * %MK_ERROR_SPAWN_FAILED if a program that the settings require is missing, and with the errors of
 * [method@Mk.ExecutorGroup.add]. If it fails, nothing is added.
 *
 * Returns: (transfer none): the executor of the service, whose properties you can still set; %NULL with an
 *   error
 *
 * Since: 1.0
 */
MkSimpleExecutor *
mk_executor_group_add_service (MkExecutorGroup *self,
                               const char *name,
                               const char *const *settings,
                               GError **error)
{
  g_autoptr (GPtrArray) list = NULL;
  MkSimpleExecutor *executor;
  guint n_before;

  g_return_val_if_fail (MK_IS_EXECUTOR_GROUP (self), NULL);
  g_return_val_if_fail (name != NULL, NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  n_before = self->members->len;
  list = mk_service_settings_new_from_strv (settings, error);
  executor = list != NULL ? group_add_service (self, name, list, error) : NULL;
  if (executor != NULL && !group_add_required (self, name, error))
    {
      group_truncate (self, n_before);
      return NULL;
    }

  return executor;
}

/**
 * mk_executor_group_add_template:
 * @self: the group
 * @name: the name of the service, see [method@Mk.ExecutorGroup.add]
 * @template_name: the name of a template, such as "redis", or the path of a services file, with a slash
 * @error: return location for an error
 *
 * Adds a service that a template describes. See [Services by name](services.html) for the templates, and
 * [method@Mk.ExecutorGroup.add_service] for how to set its values.
 *
 * Fails in the same ways as [method@Mk.ExecutorGroup.add_service]. If the program of the service is missing,
 * the error is %MK_ERROR_SPAWN_FAILED.
 *
 * Returns: (transfer none): the executor of the service; %NULL with an error
 *
 * Since: 1.0
 */
MkSimpleExecutor *
mk_executor_group_add_template (MkExecutorGroup *self,
                                const char *name,
                                const char *template_name,
                                GError **error)
{
  g_autofree char *setting = NULL;
  const char *settings[2] = { NULL, NULL };

  g_return_val_if_fail (MK_IS_EXECUTOR_GROUP (self), NULL);
  g_return_val_if_fail (name != NULL, NULL);
  g_return_val_if_fail (template_name != NULL, NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  setting = g_strconcat ("Template=", template_name, NULL);
  settings[0] = setting;
  return mk_executor_group_add_service (self, name, settings, error);
}

/**
 * mk_executor_group_add_from_file:
 * @self: the group
 * @file: a services file
 * @error: return location for an error
 *
 * Adds all services of a file. This function blocks while it reads the file.
 *
 * Fails with %MK_ERROR_INVALID_ARGUMENT if the file is invalid; the message names the file, the line and the
 * key. Fails with %MK_ERROR_SPAWN_FAILED if a program that the file requires is missing, and with the errors
 * of reading a file. If it fails, nothing is added.
 *
 * Returns: whether they were added
 *
 * Since: 1.0
 */
gboolean
mk_executor_group_add_from_file (MkExecutorGroup *self, GFile *file, GError **error)
{
  g_autoptr (GPtrArray) sections = NULL;
  guint n_before;

  g_return_val_if_fail (MK_IS_EXECUTOR_GROUP (self), FALSE);
  g_return_val_if_fail (G_IS_FILE (file), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  sections = mk_service_settings_load (file, error);
  if (sections == NULL)
    return FALSE;

  n_before = self->members->len;
  for (guint i = 0; i < 2 * sections->len; i++)
    {
      /* NOLINTNEXTLINE(clang-analyzer-core.DivideZero): the loop does not begin without sections */
      MkServiceSection *section = g_ptr_array_index (sections, i % sections->len);
      g_autoptr (GError) local_error = NULL;

      if (i < sections->len ? group_add_service (self, section->name, section->settings, &local_error) != NULL
                            : group_add_required (self, section->name, &local_error))
        continue;

      /* The error of a setting says where it stands. */
      group_truncate (self, n_before);
      g_propagate_error (error, g_steal_pointer (&local_error));
      mk_service_section_locate (section, error);
      return FALSE;
    }

  return TRUE;
}

/**
 * mk_executor_group_list_templates:
 *
 * Lists the names of the templates: those of the user, in `~/.local/share/mirakuru-glib-1/templates`, and
 * those of the library.
 *
 * Returns: (transfer full) (array zero-terminated=1): the names, sorted
 *
 * Since: 1.0
 */
char **
mk_executor_group_list_templates (void)
{
  return mk_service_template_list ();
}

/**
 * mk_executor_group_find_template:
 * @template_name: the name of a template
 * @error: return location for an error
 *
 * Finds the services file of a template.
 *
 * Fails with %MK_ERROR_INVALID_ARGUMENT if there is no template of this name.
 *
 * Returns: (transfer full): the file; %NULL with an error
 *
 * Since: 1.0
 */
GFile *
mk_executor_group_find_template (const char *template_name, GError **error)
{
  g_return_val_if_fail (template_name != NULL, NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  return mk_service_template_find (template_name, error);
}

/**
 * mk_executor_group_add_dependency:
 * @self: the group
 * @name: the service that requires the other one
 * @on: the service that is required
 * @error: return location for an error
 *
 * Makes a service require another one. It is then started when the other one is ready, and stopped before
 * it. A placeholder for a value of another service, such as `{redis.port}`, does the same.
 *
 * Fails with %MK_ERROR_INVALID_ARGUMENT if there is no such service. A cycle of services that require each
 * other is reported by the start.
 *
 * Returns: whether both services exist
 *
 * Since: 1.0
 */
gboolean
mk_executor_group_add_dependency (MkExecutorGroup *self, const char *name, const char *on, GError **error)
{
  Member *member;
  Member *other;

  g_return_val_if_fail (MK_IS_EXECUTOR_GROUP (self), FALSE);
  g_return_val_if_fail (name != NULL && on != NULL, FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  member = group_find_or_fail (self, name, error);
  other = member != NULL ? group_find_or_fail (self, on, error) : NULL;
  if (other == NULL)
    return FALSE;
  if (member == other)
    {
      g_set_error (error, MK_ERROR, MK_ERROR_INVALID_ARGUMENT, _ ("“%s” cannot require itself"), name);
      return FALSE;
    }

  if (!g_ptr_array_find (member->requires, other, NULL))
    g_ptr_array_add (member->requires, other);
  return TRUE;
}

/**
 * mk_executor_group_lookup:
 * @self: the group
 * @name: the name of a service
 *
 * Looks up a service.
 *
 * Returns: (transfer none) (nullable): its executor; %NULL if the group has no service of this name
 *
 * Since: 1.0
 */
MkSimpleExecutor *
mk_executor_group_lookup (MkExecutorGroup *self, const char *name)
{
  Member *member;

  g_return_val_if_fail (MK_IS_EXECUTOR_GROUP (self), NULL);
  g_return_val_if_fail (name != NULL, NULL);

  member = group_find (self, name);
  return member != NULL ? member->executor : NULL;
}

/**
 * mk_executor_group_get_name:
 * @self: the group
 * @executor: an executor, such as an item of the group
 *
 * Gets the name under which an executor was added.
 *
 * Returns: (transfer none) (nullable): the name; %NULL if the executor is not in the group
 *
 * Since: 1.0
 */
const char *
mk_executor_group_get_name (MkExecutorGroup *self, MkSimpleExecutor *executor)
{
  g_return_val_if_fail (MK_IS_EXECUTOR_GROUP (self), NULL);
  g_return_val_if_fail (MK_IS_SIMPLE_EXECUTOR (executor), NULL);

  for (guint i = 0; i < self->members->len; i++)
    {
      Member *member = g_ptr_array_index (self->members, i);

      if (member->executor == executor)
        return member->name;
    }

  return NULL;
}

/**
 * mk_executor_group_get_state: (get-property state)
 * @self: the group
 *
 * Gets [property@Mk.ExecutorGroup:state].
 *
 * Returns: the state
 *
 * Since: 1.0
 */
MkExecutorState
mk_executor_group_get_state (MkExecutorGroup *self)
{
  g_return_val_if_fail (MK_IS_EXECUTOR_GROUP (self), MK_EXECUTOR_STATE_STOPPED);

  return self->state;
}

/* Returns: (transfer full) (nullable): %NULL if it was answered already */
static GTask *
group_new_task (MkExecutorGroup *self,
                gboolean is_start,
                gpointer source_tag,
                GCancellable *cancellable,
                GAsyncReadyCallback callback,
                gpointer user_data)
{
  GTask *task = g_task_new (self, cancellable, callback, user_data);
  Operation *operation = g_new0 (Operation, 1);

  operation->is_start = is_start;
  operation->cancellable = g_cancellable_new ();
  g_task_set_source_tag (task, source_tag);
  g_task_set_check_cancellable (task, FALSE);
  g_task_set_task_data (task, operation, (GDestroyNotify) operation_free);
  if (!g_task_return_error_if_cancelled (task))
    return task;

  g_object_unref (task);
  return NULL;
}

static void
group_run (GTask *task, MkExecutorState state)
{
  MkExecutorGroup *self = g_task_get_source_object (task);
  Operation *operation = g_task_get_task_data (task);
  g_autoptr (GTask) held G_GNUC_UNUSED = g_object_ref (task);

  self->task = task;
  operation->cancel_source = mk_cancel_waker_attach (
      g_task_get_cancellable (task), g_task_get_context (task), group_on_cancelled, task);
  group_set_state (self, state);
  group_go_on (task);
}

/**
 * mk_executor_group_get_progress: (get-property progress)
 * @self: the group
 *
 * Gets [property@Mk.ExecutorGroup:progress].
 *
 * Returns: the fraction of the services that are ready, from 0 to 1; 0 if there are none
 *
 * Since: 1.0
 */
double
mk_executor_group_get_progress (MkExecutorGroup *self)
{
  guint n_up = 0;

  g_return_val_if_fail (MK_IS_EXECUTOR_GROUP (self), 0);

  for (guint i = 0; i < self->members->len; i++)
    n_up += ((Member *) g_ptr_array_index (self->members, i))->phase == MEMBER_UP;

  return n_up == 0 ? 0 : (double) n_up / self->members->len;
}

/**
 * mk_executor_group_start:
 * @self: the group
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Starts all services, each after those that it requires, and waits until all are ready.
 *
 * If this fails, nothing of the services is left. Errors are:
 *
 * - the error of the first service that fails, with the name of the service before the message
 * - %MK_ERROR_INVALID_ARGUMENT if services require each other
 * - %MK_ERROR_ALREADY_RUNNING if the group was started and not stopped
 * - %G_IO_ERROR_PENDING if a start or a stop is under way
 * - %G_IO_ERROR_CANCELLED if @cancellable was cancelled, or if the group was stopped meanwhile
 *
 * This function blocks, and needs no main loop. It does not run the main context of the caller.
 *
 * Returns: %TRUE once all services are ready
 *
 * Since: 1.0
 */
gboolean
mk_executor_group_start (MkExecutorGroup *self, GCancellable *cancellable, GError **error)
{
  g_return_val_if_fail (MK_IS_EXECUTOR_GROUP (self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  MK_SYNC (mk_executor_group_start, self, error, cancellable);
}

/**
 * mk_executor_group_start_async:
 * @self: the group
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async) (nullable): called when all services are ready, or the start has failed
 * @user_data: data for @callback
 *
 * Starts all services. See [method@Mk.ExecutorGroup.start].
 *
 * Since: 1.0
 */
void
mk_executor_group_start_async (MkExecutorGroup *self,
                               GCancellable *cancellable,
                               GAsyncReadyCallback callback,
                               gpointer user_data)
{
  GTask *task;
  GError *error = NULL;

  g_return_if_fail (MK_IS_EXECUTOR_GROUP (self));

  task = group_new_task (self, TRUE, mk_executor_group_start_async, cancellable, callback, user_data);
  if (task == NULL)
    return;

  if (self->task != NULL)
    error = g_error_new_literal (G_IO_ERROR,
                                 G_IO_ERROR_PENDING,
                                 _ ("This group is being started or stopped; wait until that has finished"));
  else if (self->state != MK_EXECUTOR_STATE_STOPPED)
    error = g_error_new_literal (
        MK_ERROR, MK_ERROR_ALREADY_RUNNING, _ ("This group is already started; stop it first"));
  else
    group_find_order (self, &error);

  if (error == NULL)
    group_run (task, MK_EXECUTOR_STATE_STARTING);
  else
    group_return (task, error);
}

/**
 * mk_executor_group_start_finish:
 * @self: the group
 * @result: the result given to the callback
 * @error: return location for an error
 *
 * Finishes [method@Mk.ExecutorGroup.start_async].
 *
 * Returns: whether all services are ready
 *
 * Since: 1.0
 */
gboolean
mk_executor_group_start_finish (MkExecutorGroup *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);
  g_return_val_if_fail (g_async_result_is_tagged (result, mk_executor_group_start_async), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}

/**
 * mk_executor_group_stop:
 * @self: the group
 * @cancellable: (nullable): a cancellable
 * @error: return location for an error
 *
 * Stops all services, each before those that it requires, and waits until nothing of them is left. If
 * nothing was started, this does nothing.
 *
 * A start that is under way is ended, and fails with %G_IO_ERROR_CANCELLED. Even if the stop of one service
 * fails, all others are stopped. Errors are:
 *
 * - the error of the first service whose stop fails, with the name of the service before the message
 * - %G_IO_ERROR_PENDING if another stop is under way
 * - %G_IO_ERROR_CANCELLED if @cancellable was cancelled: all services are then stopped at the same time, and
 *   this fails when nothing of them is left
 *
 * This function blocks, and needs no main loop. It does not run the main context of the caller.
 *
 * Returns: %TRUE if all services ended without an error
 *
 * Since: 1.0
 */
gboolean
mk_executor_group_stop (MkExecutorGroup *self, GCancellable *cancellable, GError **error)
{
  g_return_val_if_fail (MK_IS_EXECUTOR_GROUP (self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  MK_SYNC (mk_executor_group_stop, self, error, cancellable);
}

/**
 * mk_executor_group_stop_async:
 * @self: the group
 * @cancellable: (nullable): a cancellable
 * @callback: (scope async) (nullable): called when nothing of the services is left
 * @user_data: data for @callback
 *
 * Stops all services. See [method@Mk.ExecutorGroup.stop].
 *
 * Since: 1.0
 */
void
mk_executor_group_stop_async (MkExecutorGroup *self,
                              GCancellable *cancellable,
                              GAsyncReadyCallback callback,
                              gpointer user_data)
{
  GTask *task;
  Operation *start;

  g_return_if_fail (MK_IS_EXECUTOR_GROUP (self));

  task = group_new_task (self, FALSE, mk_executor_group_stop_async, cancellable, callback, user_data);
  if (task == NULL)
    return;

  start = self->task != NULL ? g_task_get_task_data (self->task) : NULL;
  if (start != NULL && !start->is_start)
    {
      group_return (task,
                    g_error_new_literal (G_IO_ERROR,
                                         G_IO_ERROR_PENDING,
                                         _ ("This group is being stopped; wait until that has finished")));
      return;
    }

  if (start != NULL)
    {
      operation_take_error (start,
                            g_error_new_literal (G_IO_ERROR,
                                                 G_IO_ERROR_CANCELLED,
                                                 _ ("The group was stopped before it was ready")));
      start->is_ending = TRUE;
    }
  group_run (task, MK_EXECUTOR_STATE_STOPPING);
}

/**
 * mk_executor_group_stop_finish:
 * @self: the group
 * @result: the result given to the callback
 * @error: return location for an error
 *
 * Finishes [method@Mk.ExecutorGroup.stop_async].
 *
 * Returns: whether all services ended without an error
 *
 * Since: 1.0
 */
gboolean
mk_executor_group_stop_finish (MkExecutorGroup *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);
  g_return_val_if_fail (g_async_result_is_tagged (result, mk_executor_group_stop_async), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}

/**
 * mk_executor_group_dup_value:
 * @self: the group
 * @key: the name of a service, a dot, and the name of a value: "redis.port"
 *
 * Gets a value of a service. See [method@Mk.SimpleExecutor.dup_value].
 *
 * Returns: (transfer full) (nullable): the value; %NULL if it is not known
 *
 * Since: 1.0
 */
char *
mk_executor_group_dup_value (MkExecutorGroup *self, const char *key)
{
  const char *dot;
  g_autofree char *name = NULL;
  Member *member;

  g_return_val_if_fail (MK_IS_EXECUTOR_GROUP (self), NULL);
  g_return_val_if_fail (key != NULL, NULL);

  dot = strchr (key, '.');
  name = dot != NULL ? g_strndup (key, (gsize) (dot - key)) : NULL;
  member = name != NULL ? group_find (self, name) : NULL;
  return member != NULL ? mk_simple_executor_dup_value (member->executor, dot + 1) : NULL;
}

/**
 * mk_executor_group_expand:
 * @self: the group
 * @text: a text with placeholders such as `{redis.port}`
 * @error: return location for an error
 *
 * Replaces the placeholders in a text for clients by values of the services. Other braces do not change, and
 * `{{redis.port}}` becomes `{redis.port}`.
 *
 * Fails with %MK_ERROR_INVALID_ARGUMENT if a service has no such value.
 *
 * Returns: (transfer full): the text; %NULL with an error
 *
 * Since: 1.0
 */
char *
mk_executor_group_expand (MkExecutorGroup *self, const char *text, GError **error)
{
  g_autoptr (MkValues) values = NULL;
  gpointer scope;
  char *expanded;

  g_return_val_if_fail (MK_IS_EXECUTOR_GROUP (self), NULL);
  g_return_val_if_fail (text != NULL, NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  scope = group_new_scope (self);
  values = mk_values_new_for_client (group_find_value, scope);
  expanded = g_strdup (text);
  if (!mk_values_expand (values, &expanded, error))
    g_clear_pointer (&expanded, g_free);
  group_free_scope (scope);
  return expanded;
}

/* "db-main", "port" → "DB_MAIN_PORT" */
static char *
group_make_variable (const char *name, const char *key)
{
  char *variable = g_strconcat (name, "_", key, NULL);

  for (char *c = variable; *c != '\0'; c++)
    *c = *c == '-' ? '_' : g_ascii_toupper (*c);
  return variable;
}

static char **
group_export_captured (Member *member, char **environment)
{
  g_auto (GStrv) names = NULL;

  if (!MK_IS_OUTPUT_EXECUTOR (member->executor))
    return environment;

  names = mk_output_executor_list_groups (MK_OUTPUT_EXECUTOR (member->executor));
  for (char **name = names; *name != NULL; name++)
    {
      g_autofree char *said = mk_output_executor_dup_match (MK_OUTPUT_EXECUTOR (member->executor), *name);

      if (said != NULL)
        environment = g_environ_setenv (environment, *name, said, TRUE);
    }
  return environment;
}

/**
 * mk_executor_group_dup_environment:
 * @self: the group
 * @base: (nullable) (array zero-terminated=1) (element-type filename): entries "NAME=value", %NULL for the
 *   environment of this program
 *
 * Creates an environment for clients of the services. It contains @base, and these variables:
 *
 * - `REDIS_PORT`, `REDIS_HOST` and `REDIS_DIR` for a service "redis" that has these values
 * - the text that the named groups of a banner have captured, under the names of the groups
 * - the variables that the settings of a service define with `Export`
 *
 * Returns: (transfer full) (array zero-terminated=1) (element-type filename): @base with these added
 *
 * Since: 1.0
 */
char **
mk_executor_group_dup_environment (MkExecutorGroup *self, const char *const *base)
{
  static const char *const keys[] = { "port", "host", "dir" };
  char **environment;

  g_return_val_if_fail (MK_IS_EXECUTOR_GROUP (self), NULL);

  environment = base != NULL ? g_strdupv ((char **) base) : g_get_environ ();
  for (guint i = 0; i < self->members->len; i++)
    {
      Member *member = g_ptr_array_index (self->members, i);

      for (guint j = 0; j < G_N_ELEMENTS (keys); j++)
        {
          g_autofree char *value = mk_simple_executor_dup_value (member->executor, keys[j]);
          g_autofree char *variable = group_make_variable (member->name, keys[j]);

          if (value != NULL)
            environment = g_environ_setenv (environment, variable, value, TRUE);
        }
      environment = group_export_captured (member, environment);
      if (MK_IS_SERVICE_EXECUTOR (member->executor))
        mk_service_executor_export (MK_SERVICE_EXECUTOR (member->executor), &environment);
    }

  return environment;
}

/**
 * mk_executor_group_dup_report_dict:
 * @self: the group
 *
 * Reports the current state of the services for programs, as a dictionary of type `a{sv}`. Its keys are
 * "state" (`s`), "progress" (`d`) and "services" (`aa{sv}`). Each service is a dictionary as
 * [method@Mk.SimpleExecutor.dup_report_dict] returns it, with the additional key "requires" (`as`): the
 * services that it requires.
 *
 * Returns: (transfer full): the dictionary
 *
 * Since: 1.0
 */
GVariant *
mk_executor_group_dup_report_dict (MkExecutorGroup *self)
{
  g_auto (GVariantDict) dict = G_VARIANT_DICT_INIT (NULL);
  g_autoptr (GEnumClass) states = g_type_class_ref (MK_TYPE_EXECUTOR_STATE);
  GVariantBuilder services;

  g_return_val_if_fail (MK_IS_EXECUTOR_GROUP (self), NULL);

  g_variant_builder_init (&services, G_VARIANT_TYPE ("aa{sv}"));
  for (guint i = 0; i < self->members->len; i++)
    {
      Member *member = g_ptr_array_index (self->members, i);
      g_autoptr (GVariant) report = mk_simple_executor_dup_report_dict (member->executor);
      g_auto (GVariantDict) service = G_VARIANT_DICT_INIT (report);
      GVariantBuilder requires;

      g_variant_builder_init (&requires, G_VARIANT_TYPE_STRING_ARRAY);
      if (self->state == MK_EXECUTOR_STATE_STOPPED)
        member_find_needs (member);
      for (guint j = 0; j < member->needs->len; j++)
        g_variant_builder_add (&requires, "s", ((Member *) g_ptr_array_index (member->needs, j))->name);
      g_variant_dict_insert_value (&service, "requires", g_variant_builder_end (&requires));
      g_variant_builder_add_value (&services, g_variant_dict_end (&service));
    }

  g_variant_dict_insert (&dict, "state", "s", g_enum_get_value (states, (int) self->state)->value_nick);
  g_variant_dict_insert (&dict, "progress", "d", mk_executor_group_get_progress (self));
  g_variant_dict_insert_value (&dict, "services", g_variant_builder_end (&services));
  return g_variant_ref_sink (g_variant_dict_end (&dict));
}

/* Returns: (transfer full) (nullable): “redis, web”, what it waits for to be ready */
static char *
member_list_missing (Member *self)
{
  GString *names = g_string_new (NULL);

  for (guint i = 0; i < self->needs->len; i++)
    {
      Member *other = g_ptr_array_index (self->needs, i);

      if (other->phase != MEMBER_UP)
        g_string_append_printf (names, "%s%s", names->len > 0 ? ", " : "", other->name);
    }
  return g_string_free (names, names->len == 0);
}

/**
 * mk_executor_group_dup_report:
 * @self: the group
 *
 * Reports the current state of the services as a text for people. The text contains the state of the group.
 * For each service, it contains the name and the text of [method@Mk.SimpleExecutor.dup_report]. For a
 * service that was not started yet, it lists the services that it waits for.
 *
 * The times of each service count from its own start.
 *
 * Returns: (transfer full): a text of several lines
 *
 * Since: 1.0
 */
char *
mk_executor_group_dup_report (MkExecutorGroup *self)
{
  GString *text;

  g_return_val_if_fail (MK_IS_EXECUTOR_GROUP (self), NULL);

  text = g_string_new (mk_simple_executor_name_state (self->state));
  for (guint i = 0; i < self->members->len; i++)
    {
      Member *member = g_ptr_array_index (self->members, i);
      g_auto (GStrv) lines = NULL;
      g_autofree char *report = mk_simple_executor_dup_report (member->executor);
      g_autofree char *missing = self->state == MK_EXECUTOR_STATE_STARTING && member->phase == MEMBER_DOWN
                                     ? member_list_missing (member)
                                     : NULL;

      lines = g_strsplit (report, "\n", -1);
      g_string_append_printf (text, "\n  %s: %s", member->name, lines[0]);
      for (char **line = lines + 1; *line != NULL; line++)
        g_string_append_printf (text, "\n  %s", *line);
      if (missing != NULL)
        {
          g_string_append (text, "\n  ");
          /* Translators: names of services */
          g_string_append_printf (text, _ ("  waits for the services: %s"), missing);
        }
    }
  return g_string_free (text, FALSE);
}

/**
 * mk_executor_group_to_dot:
 * @self: the group
 *
 * Describes the dependencies between the services, for the program `dot` of Graphviz.
 *
 * Returns: (transfer full): a directed graph
 *
 * Since: 1.0
 */
char *
mk_executor_group_to_dot (MkExecutorGroup *self)
{
  GString *dot;

  g_return_val_if_fail (MK_IS_EXECUTOR_GROUP (self), NULL);

  dot = g_string_new ("digraph {\n");
  for (guint i = 0; i < self->members->len; i++)
    {
      Member *member = g_ptr_array_index (self->members, i);

      member_find_needs (member);
      g_string_append_printf (dot, "  \"%s\";\n", member->name);
      for (guint j = 0; j < member->needs->len; j++)
        g_string_append_printf (dot,
                                "  \"%s\" -> \"%s\";\n",
                                member->name,
                                ((Member *) g_ptr_array_index (member->needs, j))->name);
    }
  g_string_append (dot, "}\n");
  return g_string_free (dot, FALSE);
}
