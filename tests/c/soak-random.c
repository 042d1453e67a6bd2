/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Random operations on random executors and groups, from several threads.
 *
 * Each thread has a few slots, each with an item: an executor or a group of some kind. A step draws a slot
 * and what to do with its item. All that a step draws comes from the seed, the thread and the number of the
 * step, so a seed gives the same steps again; what they meet depends on the machine. The steps of a round are
 * followed by a quiet point: all threads have dropped all items and wait, and nothing may be left.
 *
 * Every other thread has a main context of its own, for asynchronous calls and the signals of its items. The
 * others only make synchronous calls; the signals of their items are emitted in the main thread, which also
 * stops, kills and drops items while those threads use them. A group stays in its thread.
 *
 * Each operation may only end in a way that its kind and what it met allow, and within a limit.
 */

#include "soak-random.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "soak-kind.h"
#include "soak-usage.h"

#define N_THREADS 6
#define N_SLOTS   4

#define DEFAULT_SECONDS  30
#define N_WARM_UP_ROUNDS 2
#define STEPS_A_ROUND    30
#define FEWEST_SAMPLES   5

#define OPERATION_LIMIT_S 120

/* How long it takes at most until an operation is cancelled, something else is done with its item, or the
 * next step follows. An expensive template gets longer. */
#define MAX_PATIENCE_MS       80
#define EXPENSIVE_PATIENCE_MS (10 * 1000)
#define MAX_LATER_MS          40
#define MAX_PAUSE_MS          20
#define MAX_REACTIONS         2

/* The growth that a line through all samples may show. Some cache that grows late is 10 KB of the heap; what
 * is lost in each operation counts for each of them. */
#define MAX_GROWTH              (24 * 1024)
#define MAX_GROWTH_PER_STEP     2
#define MAX_ANONYMOUS_GROWTH_KB 2048

typedef enum
{
  START,
  STOP,
  KILL,
  STOP_FULL,
  WAIT,
  WAIT_CHECK,
  WAIT_FOR,
  /* These have no asynchronous form. */
  RESTART,
  SIGNAL,
  READ,
  CANCEL,
  DROP,
  REPLACE,
  N_ACTIONS
} Action;

static const struct
{
  const char *name;
  guint weight;
} actions[N_ACTIONS] = {
  [START] = { "start", 34 },        [STOP] = { "stop", 12 },      [KILL] = { "kill", 6 },
  [STOP_FULL] = { "stop_full", 3 }, [WAIT] = { "wait", 3 },       [WAIT_CHECK] = { "wait_check", 2 },
  [WAIT_FOR] = { "wait_for", 3 },   [RESTART] = { "restart", 5 }, [SIGNAL] = { "send_signal", 3 },
  [READ] = { "read", 12 },          [CANCEL] = { "cancel", 5 },   [DROP] = { "drop", 5 },
  [REPLACE] = { "replace", 10 },
};

/* In a signal handler of an item */
typedef enum
{
  IGNORES,
  STOPS,
  KILLS,
  DROPS,
  STARTS,
  N_REACTIONS
} Reaction;

/* Where callbacks run: a context, and what is on its way there. */
typedef struct
{
  GMainContext *context; /* (owned) (nullable) the default one */
  guint n_pending;       /* (atomic) */
} Place;

typedef struct
{
  int ref_count; /* (atomic) */
  const SoakKind *kind;
  Place *place; /* of its signals */
  char *file;   /* (owned) what the service may leave behind */
  gboolean is_group;
  Reaction reaction;

  GMutex lock;
  GObject *object;           /* (owned) (nullable) (locked-by lock) */
  GCancellable *cancellable; /* (owned) (locked-by lock) of what is under way */
  guint n_reactions;         /* (locked-by lock) */
  guint n_begun;             /* (locked-by lock) operations that change something */
  guint n_changing;          /* (locked-by lock) those under way */
  gboolean is_up;            /* (locked-by lock) something was started, and not surely stopped since */
  gboolean lingers;          /* (locked-by lock) may still be stopped by an operation that was cancelled */
  gboolean is_signalled;     /* (locked-by lock) */
} Item;

typedef struct
{
  guint number;
  Place place;
  Place *later; /* where its cancellables are cancelled, and so on */
  guint step;
  Item *slots[N_SLOTS];
} Worker;

/* One call that is under way */
typedef struct
{
  Action action;
  Item *item;                /* (owned) */
  Place *place;              /* (nullable) where its callback runs */
  GCancellable *cancellable; /* (owned) */
  char *where;               /* (owned) the thread and the step */
  gint64 begun_us;
  guint n_begun;
  gboolean meets;
  gboolean was_up;
  gboolean lingered;
} Operation;

/* What a step draws: numbers of which all bits are random. */
typedef struct
{
  guint32 slot, action, kind, manner, patience, later, later_action, pause, reaction;
} Draw;

static struct
{
  guint32 seed;
  const char *folder;
  GArray *kinds; /* (element-type SoakKind) */
  guint total_weight;
  Place main_place;

  guint n_steps[N_ACTIONS]; /* (atomic) */
  guint n_started;          /* (atomic) starts that succeeded */
  guint n_failed;           /* (atomic) operations that did not succeed, as is allowed */
  guint n_made;             /* (atomic) */
  guint n_alive;            /* (atomic) objects */

  GMutex lock;
  GCond cond;
  GHashTable *operations; /* (locked-by lock) (element-type Operation) under way */
  guint round;            /* (locked-by lock) that may be run */
  guint n_parked;         /* (locked-by lock) threads that have run it */
  gboolean is_over;       /* (locked-by lock) */
} soak;

static void
item_begin_async (Item *item, Action action, Place *place, GCancellable *cancellable, const char *where);
static void item_run_sync (Item *item, Action action, GCancellable *cancellable, const char *where);
static void item_drop (Item *item);
static void item_unref (gpointer data);

/* ---- places ---- */

static gboolean
place_is_empty (gpointer data)
{
  return g_atomic_int_get (&((Place *) data)->n_pending) == 0;
}

typedef struct
{
  Place *place;
  Item *item; /* (owned) */
  Action action;
  GCancellable *cancellable; /* (owned) (nullable) */
} Later;

static gboolean
later_do (gpointer data)
{
  Later *self = data;

  if (self->action == CANCEL)
    g_cancellable_cancel (self->cancellable);
  else if (self->action == DROP)
    item_drop (self->item);
  else
    item_begin_async (self->item, self->action, self->place, self->cancellable, "later");
  return G_SOURCE_REMOVE;
}

static void
later_free (gpointer data)
{
  Later *self = data;

  item_unref (self->item);
  g_object_unref (self->cancellable);
  g_atomic_int_add (&self->place->n_pending, -1);
  g_free (self);
}

/* Does @action in @ms milliseconds. */
static void
place_add_later (Place *self, Item *item, Action action, GCancellable *cancellable, guint ms)
{
  g_autoptr (GSource) source = g_timeout_source_new (ms);
  Later *later = g_new (Later, 1);

  g_atomic_int_inc (&item->ref_count);
  g_atomic_int_inc (&self->n_pending);
  *later = (Later){ self, item, action, g_object_ref (cancellable) };
  g_source_set_callback (source, later_do, later, later_free);
  g_source_attach (source, self->context);
}

static gboolean
place_set_flag (gpointer flag)
{
  *(gboolean *) flag = TRUE;
  return G_SOURCE_REMOVE;
}

static void
place_run (Place *self, guint ms)
{
  g_autoptr (GSource) source = g_timeout_source_new (ms);
  gboolean is_over = FALSE;

  g_source_set_callback (source, place_set_flag, &is_over, NULL);
  g_source_attach (source, self->context);
  while (!is_over)
    g_main_context_iteration (self->context, TRUE);
}

/* ---- items ---- */

static void
item_on_object_gone (gpointer data, GObject *object)
{
  g_atomic_int_add (&soak.n_alive, -1);
}

static void
item_unref (gpointer data)
{
  Item *self = data;

  if (!g_atomic_int_dec_and_test (&self->ref_count))
    return;
  g_assert_null (self->object);
  unlink (self->file);
  g_mutex_clear (&self->lock);
  g_object_unref (self->cancellable);
  g_free (self->file);
  g_free (self);
}

static void
item_unref_closure (gpointer data, GClosure *closure)
{
  item_unref (data);
}

/* Drops the reference, and so often the executor, in the middle of whatever goes on. */
static void
item_drop (Item *self)
{
  GObject *object;

  g_mutex_lock (&self->lock);
  object = g_steal_pointer (&self->object);
  g_mutex_unlock (&self->lock);
  g_clear_object (&object);
}

/* Returns: (transfer full) (nullable) */
static GObject *
item_dup_object (Item *self)
{
  GObject *object;

  g_mutex_lock (&self->lock);
  object = self->object ? g_object_ref (self->object) : NULL;
  g_mutex_unlock (&self->lock);
  return object;
}

static void
item_react (Item *self)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  gboolean reacts;

  /* A group emits its signals on the context of the call. What is begun on that of a synchronous one has no
   * end, because nobody runs it afterwards. */
  if (self->is_group && g_main_context_get_thread_default () != self->place->context)
    return;
  g_mutex_lock (&self->lock);
  reacts = self->reaction != IGNORES && self->n_reactions < MAX_REACTIONS;
  self->n_reactions += reacts;
  g_mutex_unlock (&self->lock);
  if (!reacts)
    return;

  if (self->reaction == DROPS)
    item_drop (self);
  else if (self->reaction == KILLS && !self->is_group)
    item_run_sync (self, KILL, cancellable, "reaction");
  else
    item_begin_async (self, self->reaction == STARTS ? START : STOP, self->place, cancellable, "reaction");
}

static void
item_on_exited (MkSimpleExecutor *executor, int status, gpointer data)
{
  item_react (data);
}

static void
item_on_failed (MkExecutorGroup *group, const char *name, GError *error, gpointer data)
{
  g_assert_nonnull (error);
  item_react (data);
}

static void
item_on_state (GObject *object, GParamSpec *pspec, gpointer data)
{
  Item *self = data;
  MkExecutorState state;

  g_object_get (object, "state", &state, NULL);
  if (state == MK_EXECUTOR_STATE_READY && self->reaction != STARTS)
    item_react (self);
}

static void
item_on_line (MkSimpleExecutor *executor, MkStream stream, const char *text, gpointer data)
{
  g_assert_true (g_utf8_validate (text, -1, NULL));
}

static void
item_connect (Item *self, const char *signal, GCallback callback)
{
  g_atomic_int_inc (&self->ref_count);
  g_signal_connect_data (self->object, signal, callback, self, item_unref_closure, 0);
}

static void
item_connect_all (Item *self)
{
  if (self->is_group)
    item_connect (self, "failed", G_CALLBACK (item_on_failed));
  else
    item_connect (self, "exited", G_CALLBACK (item_on_exited));
  if (!self->is_group && self->reaction % 2 == 0)
    item_connect (self, "line", G_CALLBACK (item_on_line));
  item_connect (self, "notify::state", G_CALLBACK (item_on_state));
}

static Item *
item_new (const SoakKind *kind, Place *place, Reaction reaction)
{
  static guint next_number; /* (atomic) */
  guint number = (guint) g_atomic_int_add (&next_number, 1);
  Item *self = g_new0 (Item, 1);

  self->ref_count = 1;
  self->kind = kind;
  self->place = place;
  self->file = soak_kind_dup_file (soak.folder, number);
  self->cancellable = g_cancellable_new ();
  g_mutex_init (&self->lock);
  self->object = kind->make (kind, soak.folder, number);
  self->is_group = MK_IS_EXECUTOR_GROUP (self->object);
  /* A group stays in its thread. */
  self->reaction = self->is_group && place == &soak.main_place ? IGNORES : reaction;
  g_atomic_int_inc (&soak.n_made);
  g_atomic_int_inc (&soak.n_alive);
  g_object_weak_ref (self->object, item_on_object_gone, NULL);
  item_connect_all (self);
  return self;
}

static void
item_cancel (Item *self)
{
  g_autoptr (GCancellable) cancellable = NULL;

  g_mutex_lock (&self->lock);
  cancellable = g_steal_pointer (&self->cancellable);
  self->cancellable = g_cancellable_new ();
  g_mutex_unlock (&self->lock);
  g_cancellable_cancel (cancellable);
}

/* ---- operations ---- */

static gboolean
action_changes (Action action)
{
  return action <= STOP_FULL || action == SIGNAL;
}

/* @cancellable: (nullable) */
static Operation *
operation_begin (Item *item, Action action, Place *place, GCancellable *cancellable, const char *where)
{
  Operation *self = g_new0 (Operation, 1);

  g_atomic_int_inc (&item->ref_count);
  self->action = action;
  self->item = item;
  self->place = place;
  self->cancellable = g_object_ref (cancellable);
  self->where = g_strdup (where);
  self->begun_us = g_get_monotonic_time ();
  if (place != NULL)
    g_atomic_int_inc (&place->n_pending);

  g_mutex_lock (&item->lock);
  self->meets = item->n_changing > 0;
  self->was_up = item->is_up;
  self->lingered = item->lingers;
  if (action_changes (action))
    {
      item->n_begun++;
      item->n_changing++;
    }
  self->n_begun = item->n_begun;
  item->is_up = item->is_up || action == START;
  item->is_signalled = item->is_signalled || action == SIGNAL || action == STOP_FULL;
  g_mutex_unlock (&item->lock);

  g_mutex_lock (&soak.lock);
  g_hash_table_add (soak.operations, self);
  g_mutex_unlock (&soak.lock);
  return self;
}

static gboolean
operation_allows_success (const Operation *self)
{
  const SoakKind *kind = self->item->kind;

  return self->action != START || kind->start_code == SOAK_SUCCEEDS || (kind->flags & SOAK_MAY_FAIL);
}

/* What its item may have ended with, by itself or because of others */
static gboolean
operation_allows_code (const Operation *self, int code)
{
  const SoakKind *kind = self->item->kind;
  gboolean may_end = (kind->flags & SOAK_ENDS) || self->item->is_signalled;

  switch (self->action)
    {
    case START:
      return code == kind->start_code ||
             (code == MK_ERROR_ALREADY_RUNNING && (self->was_up || self->meets)) ||
             (code == MK_ERROR_EXITED && self->item->is_signalled && self->meets);
    case STOP:
    case STOP_FULL:
    case WAIT_CHECK:
      return code == MK_ERROR_FINISHED_WITH_ERROR && may_end;
    case WAIT_FOR:
      return code == MK_ERROR_FAILED || code == MK_ERROR_EXITED;
    case SIGNAL:
      return code == MK_ERROR_FAILED;
    default:
      return FALSE;
    }
}

static gboolean
operation_allows (const Operation *self, const GError *error)
{
  if (error == NULL)
    return operation_allows_success (self);
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return g_cancellable_is_cancelled (self->cancellable) || self->meets;
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_PENDING))
    return self->meets || self->lingered;
  return error->domain == MK_ERROR && operation_allows_code (self, error->code);
}

/* Call with the lock of the item held. */
static void
operation_note (Operation *self, const GError *error)
{
  Item *item = self->item;

  if (action_changes (self->action))
    item->n_changing--;
  self->meets = self->meets || self->n_begun != item->n_begun;
  if (self->action == START && error == NULL)
    g_atomic_int_inc (&soak.n_started);
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    item->lingers = TRUE;
  else if ((self->action == STOP || self->action == KILL) && error == NULL && !self->meets)
    item->is_up = item->lingers = FALSE;
}

static void
operation_assert_inactive (const Operation *self, gpointer object)
{
  if (MK_IS_EXECUTOR_GROUP (object))
    for (guint i = 0; i < g_list_model_get_n_items (object); i++)
      {
        g_autoptr (MkSimpleExecutor) member = g_list_model_get_item (object, i);

        operation_assert_inactive (self, member);
      }
  else if (mk_simple_executor_get_active (object))
    g_error ("seed %u, %s: %s of %s has left pid %d",
             soak.seed,
             self->where,
             actions[self->action].name,
             self->item->kind->name,
             mk_simple_executor_get_pid (object));
}

/* @error: (transfer full) (nullable) */
static void
operation_end (Operation *self, GObject *object, GError *error)
{
  g_mutex_lock (&self->item->lock);
  operation_note (self, error);
  if (!operation_allows (self, error))
    g_error ("seed %u, %s: %s of %s%s%s: %s",
             soak.seed,
             self->where,
             actions[self->action].name,
             self->item->kind->name,
             self->meets ? " that met another one" : "",
             g_cancellable_is_cancelled (self->cancellable) ? " that was cancelled" : "",
             error ? error->message : "it succeeded");
  if ((self->action == STOP || self->action == KILL) && error == NULL && self->n_begun == self->item->n_begun)
    operation_assert_inactive (self, object);
  g_mutex_unlock (&self->item->lock);
  if (error != NULL)
    g_atomic_int_inc (&soak.n_failed);
  g_clear_error (&error);

  g_mutex_lock (&soak.lock);
  g_hash_table_remove (soak.operations, self);
  g_mutex_unlock (&soak.lock);
  if (self->place != NULL)
    g_atomic_int_add (&self->place->n_pending, -1);
  item_unref (self->item);
  g_object_unref (self->cancellable);
  g_free (self->where);
  g_free (self);
}

static void
operation_on_ready (GObject *object, GAsyncResult *result, gpointer data)
{
  Operation *self = data;
  GError *error = NULL;

  if (MK_IS_EXECUTOR_GROUP (object) && self->action == START)
    mk_executor_group_start_finish (MK_EXECUTOR_GROUP (object), result, &error);
  else if (MK_IS_EXECUTOR_GROUP (object))
    mk_executor_group_stop_finish (MK_EXECUTOR_GROUP (object), result, &error);
  else if (self->action == START)
    mk_simple_executor_start_finish (MK_SIMPLE_EXECUTOR (object), result, &error);
  else if (self->action == STOP)
    mk_simple_executor_stop_finish (MK_SIMPLE_EXECUTOR (object), result, &error);
  else if (self->action == KILL)
    mk_simple_executor_kill_finish (MK_SIMPLE_EXECUTOR (object), result, &error);
  else if (self->action == STOP_FULL)
    mk_simple_executor_stop_full_finish (MK_SIMPLE_EXECUTOR (object), result, &error);
  else if (self->action == WAIT)
    mk_simple_executor_wait_finish (MK_SIMPLE_EXECUTOR (object), result, &error);
  else if (self->action == WAIT_CHECK)
    mk_simple_executor_wait_check_finish (MK_SIMPLE_EXECUTOR (object), result, &error);
  else
    mk_simple_executor_wait_for_finish (MK_SIMPLE_EXECUTOR (object), result, &error);
  operation_end (self, object, error);
}

/* ---- what is done with an item ---- */

static gboolean
item_is_polled (gpointer data, GError **error)
{
  return TRUE;
}

/* What a group can do in the place of @action */
static Action
item_choose_action (Item *self, Action action)
{
  if (!self->is_group || action > SIGNAL || action == START || action == RESTART)
    return action;
  return action <= STOP_FULL ? STOP : READ;
}

static void
item_unlink_file (Item *self)
{
  gboolean is_up;

  g_mutex_lock (&self->lock);
  is_up = self->is_up;
  g_mutex_unlock (&self->lock);
  if (!is_up)
    unlink (self->file);
}

/* In the default context of this thread, which is that of @place */
static void
item_begin_async (Item *self, Action action, Place *place, GCancellable *cancellable, const char *where)
{
  g_autoptr (GObject) object = item_dup_object (self);
  g_autoptr (MkProbe) probe = NULL;
  Operation *operation;

  if (object == NULL)
    return;
  item_unlink_file (self);
  action = item_choose_action (self, action);
  operation = operation_begin (self, action, place, cancellable, where);
  if (MK_IS_EXECUTOR_GROUP (object) && action == START)
    mk_executor_group_start_async (MK_EXECUTOR_GROUP (object), cancellable, operation_on_ready, operation);
  else if (MK_IS_EXECUTOR_GROUP (object))
    mk_executor_group_stop_async (MK_EXECUTOR_GROUP (object), cancellable, operation_on_ready, operation);
  else if (action == START)
    mk_simple_executor_start_async (MK_SIMPLE_EXECUTOR (object), cancellable, operation_on_ready, operation);
  else if (action == STOP)
    mk_simple_executor_stop_async (MK_SIMPLE_EXECUTOR (object), cancellable, operation_on_ready, operation);
  else if (action == KILL)
    mk_simple_executor_kill_async (MK_SIMPLE_EXECUTOR (object), cancellable, operation_on_ready, operation);
  else if (action == STOP_FULL)
    mk_simple_executor_stop_full_async (
        MK_SIMPLE_EXECUTOR (object), SIGINT, MK_STATUS_NONE, 500, cancellable, operation_on_ready, operation);
  else if (action == WAIT)
    mk_simple_executor_wait_async (MK_SIMPLE_EXECUTOR (object), cancellable, operation_on_ready, operation);
  else if (action == WAIT_CHECK)
    mk_simple_executor_wait_check_async (
        MK_SIMPLE_EXECUTOR (object), cancellable, operation_on_ready, operation);
  else
    {
      probe = MK_PROBE (mk_callback_probe_new (item_is_polled, NULL, NULL));
      mk_simple_executor_wait_for_async (
          MK_SIMPLE_EXECUTOR (object), probe, cancellable, operation_on_ready, operation);
    }
}

static void
item_run_sync (Item *self, Action action, GCancellable *cancellable, const char *where)
{
  g_autoptr (GObject) object = item_dup_object (self);
  MkSimpleExecutor *executor = MK_IS_SIMPLE_EXECUTOR (object) ? MK_SIMPLE_EXECUTOR (object) : NULL;
  g_autoptr (MkProbe) probe = NULL;
  GError *error = NULL;
  Operation *operation;

  if (object == NULL)
    return;
  item_unlink_file (self);
  action = item_choose_action (self, action);
  operation = operation_begin (self, action, NULL, cancellable, where);
  if (executor == NULL && action == START)
    mk_executor_group_start (MK_EXECUTOR_GROUP (object), cancellable, &error);
  else if (executor == NULL)
    mk_executor_group_stop (MK_EXECUTOR_GROUP (object), cancellable, &error);
  else if (action == START)
    mk_simple_executor_start (executor, cancellable, &error);
  else if (action == STOP)
    mk_simple_executor_stop (executor, cancellable, &error);
  else if (action == KILL)
    mk_simple_executor_kill (executor, cancellable, &error);
  else if (action == STOP_FULL)
    mk_simple_executor_stop_full (executor, SIGINT, MK_STATUS_NONE, 500, cancellable, &error);
  else if (action == WAIT)
    mk_simple_executor_wait (executor, cancellable, &error);
  else if (action == WAIT_CHECK)
    mk_simple_executor_wait_check (executor, cancellable, &error);
  else if (action == SIGNAL)
    mk_simple_executor_send_signal (executor, SIGTERM, &error);
  else
    {
      probe = MK_PROBE (mk_callback_probe_new (item_is_polled, NULL, NULL));
      mk_simple_executor_wait_for (executor, probe, cancellable, &error);
    }
  operation_end (operation, object, error);
}

static void
item_read_executor (MkSimpleExecutor *executor)
{
  g_autofree char *report = mk_simple_executor_dup_report (executor);
  g_autofree char *description = mk_simple_executor_describe (executor);
  g_autoptr (GVariant) dict = mk_simple_executor_dup_report_dict (executor);
  g_autoptr (GBytes) output = mk_simple_executor_dup_output (executor, MK_STREAM_STDOUT);
  g_autoptr (GInputStream) stream = mk_simple_executor_open_output (executor, MK_STREAM_STDERR);
  g_auto (GStrv) environment = mk_simple_executor_dup_environment (executor);
  g_autoptr (GCancellable) at_once = g_cancellable_new ();
  char buffer[64];

  g_assert_nonnull (report);
  g_assert_nonnull (description);
  g_assert_nonnull (dict);
  g_assert_nonnull (output);
  g_assert_nonnull (environment);
  g_assert_cmpint (mk_simple_executor_get_pid (executor), >=, 0);
  g_free (mk_simple_executor_dup_kill_reason (executor));
  g_free (mk_simple_executor_dup_value (executor, "port"));
  g_cancellable_cancel (at_once);
  if (stream != NULL)
    g_input_stream_read (stream, buffer, sizeof buffer, at_once, NULL);
}

static void
item_read (Item *self)
{
  g_autoptr (GObject) object = item_dup_object (self);

  if (object == NULL)
    return;
  if (MK_IS_EXECUTOR_GROUP (object))
    {
      g_autofree char *report = mk_executor_group_dup_report (MK_EXECUTOR_GROUP (object));
      g_autofree char *dot = mk_executor_group_to_dot (MK_EXECUTOR_GROUP (object));
      g_auto (GStrv) environment = mk_executor_group_dup_environment (MK_EXECUTOR_GROUP (object), NULL);

      g_assert_nonnull (report);
      g_assert_nonnull (dot);
      g_assert_nonnull (environment);
      for (guint i = 0; i < g_list_model_get_n_items (G_LIST_MODEL (object)); i++)
        {
          g_autoptr (MkSimpleExecutor) member = g_list_model_get_item (G_LIST_MODEL (object), i);

          item_read_executor (member);
        }
    }
  else
    item_read_executor (MK_SIMPLE_EXECUTOR (object));
}

/* ---- steps ---- */

static Draw
draw_new (guint thread, guint step)
{
  const guint32 seeds[] = { soak.seed, thread, step };
  GRand *rand = g_rand_new_with_seed_array (seeds, G_N_ELEMENTS (seeds));
  Draw draw;
  guint32 *numbers = &draw.slot;

  for (guint i = 0; i < sizeof draw / sizeof *numbers; i++)
    numbers[i] = g_rand_int (rand);
  g_rand_free (rand);
  return draw;
}

static Action
draw_choose_action (const Draw *self)
{
  guint total = 0;
  guint left;
  guint action;

  for (action = 0; action < N_ACTIONS; action++)
    total += actions[action].weight;
  left = self->action % total;
  for (action = 0; left >= actions[action].weight; action++)
    left -= actions[action].weight;
  return action;
}

static const SoakKind *
draw_choose_kind (const Draw *self, gboolean has_context)
{
  guint left = self->kind % soak.total_weight;
  const SoakKind *kind = &g_array_index (soak.kinds, SoakKind, 0);

  for (; left >= kind->weight; kind++)
    left -= kind->weight;
  /* The first one takes the place of what this thread may not have. */
  return has_context || !(kind->flags & SOAK_OWN_CONTEXT) ? kind : &g_array_index (soak.kinds, SoakKind, 0);
}

/* One in @n is not 0; short ones are as likely as long ones. */
static guint
draw_choose_ms (guint32 number, guint n, guint max)
{
  return number % n != 0 ? 0 : 1 + (number >> 16) % max * ((number >> 8) % 256) / 256;
}

static void
worker_take (Worker *self, guint slot, Item *item)
{
  if (self->slots[slot] != NULL)
    {
      item_drop (self->slots[slot]);
      item_unref (self->slots[slot]);
    }
  self->slots[slot] = item;
}

/* What was dropped is made anew, so that the kinds in the slots depend on the seed alone. */
static Item *
worker_choose_item (Worker *self, const Draw *draw, gboolean replaces)
{
  guint slot = draw->slot % N_SLOTS;
  Item *item = self->slots[slot];
  g_autoptr (GObject) object = item ? item_dup_object (item) : NULL;

  if (item == NULL || replaces)
    worker_take (self,
                 slot,
                 item_new (draw_choose_kind (draw, self->place.context != NULL),
                           self->later,
                           draw->reaction % N_REACTIONS));
  else if (object == NULL)
    worker_take (self, slot, item_new (item->kind, self->later, item->reaction));
  return self->slots[slot];
}

/* Something that happens while what this step begins is under way */
static void
worker_plan (Worker *self, Item *item, const Draw *draw, GCancellable *cancellable)
{
  static const Action later_actions[] = { STOP, KILL, DROP, START };
  guint ms = draw_choose_ms (draw->later, 6, MAX_LATER_MS);

  if (ms != 0 && (!item->is_group || self->place.context != NULL))
    place_add_later (
        self->later, item, later_actions[draw->later_action % G_N_ELEMENTS (later_actions)], cancellable, ms);
}

static void
worker_act (Worker *self, Item *item, Action action, const Draw *draw)
{
  g_autofree char *where = g_strdup_printf ("thread %u, step %u", self->number, self->step);
  g_autoptr (GCancellable) cancellable = NULL;
  gboolean is_wait = action == WAIT || action == WAIT_CHECK;
  guint patience = draw_choose_ms (draw->patience, is_wait ? 1 : 3, MAX_PATIENCE_MS);
  gboolean is_sync = self->place.context == NULL || draw->manner % 6 == 0;

  g_mutex_lock (&item->lock);
  cancellable = g_object_ref (item->cancellable);
  g_mutex_unlock (&item->lock);
  if (patience == 0 && item->kind->weight == 1)
    patience = EXPENSIVE_PATIENCE_MS;
  if (patience != 0)
    {
      g_object_unref (cancellable);
      cancellable = g_cancellable_new ();
      /* A synchronous call does not run the context of its thread. */
      place_add_later (is_sync ? &soak.main_place : &self->place, item, CANCEL, cancellable, patience);
    }
  worker_plan (self, item, draw, cancellable);

  if (action == RESTART)
    {
      item_run_sync (item, STOP, cancellable, where);
      item_run_sync (item, START, cancellable, where);
    }
  else if (action == SIGNAL || is_sync)
    item_run_sync (item, action, cancellable, where);
  else
    item_begin_async (item, action, &self->place, cancellable, where);
}

static void
worker_step (Worker *self)
{
  Draw draw = draw_new (self->number, self->step);
  Action action = draw_choose_action (&draw);
  Item *item = worker_choose_item (self, &draw, action == REPLACE);

  g_atomic_int_inc (&soak.n_steps[action]);
  action = item_choose_action (item, action);
  if (action == CANCEL)
    item_cancel (item);
  else if (action == DROP)
    item_drop (item);
  else if (action == READ)
    item_read (item);
  else if (action != REPLACE)
    worker_act (self, item, action, &draw);
  if (self->place.context != NULL)
    place_run (&self->place, draw_choose_ms (draw.pause, 1, MAX_PAUSE_MS));
  self->step++;
}

/* ---- rounds ---- */

/* Every operation ends, and nobody holds anything any more. */
static void
worker_drop_all (Worker *self)
{
  for (guint i = 0; i < N_SLOTS; i++)
    if (self->slots[i] != NULL)
      {
        item_cancel (self->slots[i]);
        item_drop (self->slots[i]);
        item_unref (g_steal_pointer (&self->slots[i]));
      }
  while (!place_is_empty (&self->place))
    g_main_context_iteration (self->place.context, TRUE);
  if (self->place.context != NULL)
    while (g_main_context_iteration (self->place.context, FALSE))
      continue;
}

/* Each kind once, so that the caches are full that some kind alone uses. Each thread takes its share. */
static void
worker_tour (Worker *self)
{
  for (guint i = self->number; i < soak.kinds->len; i += N_THREADS)
    {
      const SoakKind *kind = &g_array_index (soak.kinds, SoakKind, i);
      g_autoptr (GCancellable) cancellable = g_cancellable_new ();
      Item *item;

      if (kind->weight == 1)
        continue;
      item = item_new (kind, self->later, IGNORES);
      item_run_sync (item, START, cancellable, "tour");
      item_read (item);
      item_drop (item);
      item_unref (item);
    }
}

/* Returns: whether there is another round */
static gboolean
worker_park (guint *round)
{
  gboolean is_over;

  g_mutex_lock (&soak.lock);
  soak.n_parked++;
  g_main_context_wakeup (NULL);
  while (soak.round == *round && !soak.is_over)
    g_cond_wait (&soak.cond, &soak.lock);
  *round = soak.round;
  is_over = soak.is_over;
  g_mutex_unlock (&soak.lock);
  return !is_over;
}

static gpointer
worker_run (gpointer data)
{
  Worker *self = data;
  guint round = 0;

  if (self->place.context != NULL)
    g_main_context_push_thread_default (self->place.context);
  worker_tour (self);
  do
    {
      for (guint i = 0; i < STEPS_A_ROUND && round > 0; i++)
        worker_step (self);
      worker_drop_all (self);
    }
  while (worker_park (&round));
  if (self->place.context != NULL)
    g_main_context_pop_thread_default (self->place.context);
  return NULL;
}

/* ---- the main thread ---- */

static gboolean
soak_check_limits (gpointer unused)
{
  g_autoptr (GString) text = g_string_new (NULL);
  gint64 now = g_get_monotonic_time ();
  gint64 age_us = 0;
  GHashTableIter iter;
  gpointer key;

  /* For the case that this thread is stuck itself */
  alarm (OPERATION_LIMIT_S);
  g_mutex_lock (&soak.lock);
  g_hash_table_iter_init (&iter, soak.operations);
  while (g_hash_table_iter_next (&iter, &key, NULL))
    {
      Operation *operation = key;

      age_us = MAX (age_us, now - operation->begun_us);
      g_string_append_printf (text,
                              "\n%s: %s of %s for %.1f s",
                              operation->where,
                              actions[operation->action].name,
                              operation->item->kind->name,
                              (double) (now - operation->begun_us) / G_USEC_PER_SEC);
    }
  if (age_us > OPERATION_LIMIT_S * G_USEC_PER_SEC)
    g_error ("seed %u: an operation has not ended after %d s%s", soak.seed, OPERATION_LIMIT_S, text->str);
  g_mutex_unlock (&soak.lock);
  return G_SOURCE_CONTINUE;
}

static gboolean
soak_is_quiet (gpointer unused)
{
  guint n_parked;

  g_mutex_lock (&soak.lock);
  n_parked = soak.n_parked;
  g_mutex_unlock (&soak.lock);
  return n_parked == N_THREADS && place_is_empty (&soak.main_place) && g_atomic_int_get (&soak.n_alive) == 0;
}

/* All that the steps begin has limits of its own. */
static void
soak_await_quiet (void)
{
  while (!soak_is_quiet (NULL))
    g_main_context_iteration (NULL, TRUE);
  while (g_main_context_iteration (NULL, FALSE))
    continue;
}

/* A service that was dropped in the middle of a call may have written its file after the item was gone. */
static void
soak_remove_files (void)
{
  g_autoptr (GDir) dir = g_dir_open (soak.folder, 0, NULL);
  const char *name;

  while ((name = g_dir_read_name (dir)) != NULL)
    if (g_str_has_prefix (name, "file-"))
      {
        g_autofree char *path = g_build_filename (soak.folder, name, NULL);

        unlink (path);
      }
}

static void
soak_begin_round (gboolean is_over)
{
  g_mutex_lock (&soak.lock);
  soak.n_parked = 0;
  soak.round++;
  soak.is_over = is_over;
  g_cond_broadcast (&soak.cond);
  g_mutex_unlock (&soak.lock);
}

static guint
soak_count_steps (void)
{
  guint n = 0;

  for (guint i = 0; i < N_ACTIONS; i++)
    n += (guint) g_atomic_int_get (&soak.n_steps[i]);
  return n;
}

static guint
soak_read_number (const char *variable, guint otherwise)
{
  const char *text = g_getenv (variable);

  return text != NULL ? (guint) strtoul (text, NULL, 10) : otherwise;
}

typedef struct
{
  guint n_steps;
  SoakUsage usage;
} Sample;

static int
soak_compare_doubles (gconstpointer a, gconstpointer b)
{
  double x = *(const double *) a;
  double y = *(const double *) b;

  return (x > y) - (x < y);
}

static double
sample_get_heap (const Sample *self)
{
  return (double) self->usage.heap;
}

static double
sample_get_anonymous_kb (const Sample *self)
{
  return self->usage.anonymous_kb;
}

/* Returns: the median of the slopes between all pairs of samples, which some odd samples do not move */
static double
soak_fit_growth (const GArray *samples, double (*get) (const Sample *))
{
  g_autoptr (GArray) slopes = g_array_new (FALSE, FALSE, sizeof (double));

  for (guint i = 0; i < samples->len; i++)
    for (guint j = i + 1; j < samples->len; j++)
      {
        const Sample *a = &g_array_index (samples, Sample, i);
        const Sample *b = &g_array_index (samples, Sample, j);
        double slope = (get (b) - get (a)) / (b->n_steps - a->n_steps);

        g_array_append_val (slopes, slope);
      }
  g_array_sort (slopes, soak_compare_doubles);
  return g_array_index (slopes, double, slopes->len / 2);
}

static void
soak_check_growth (const GArray *samples)
{
  const Sample *first = &g_array_index (samples, Sample, 0);
  const Sample *last = &g_array_index (samples, Sample, samples->len - 1);
  guint n_steps = last->n_steps - first->n_steps;
  double slope = soak_fit_growth (samples, sample_get_heap);
  double anonymous_kb = soak_fit_growth (samples, sample_get_anonymous_kb) * n_steps;

  soak_usage_print ("after the warm-up", &first->usage);
  soak_usage_print ("at the end", &last->usage);
  g_test_message (
      "a line through %u samples: heap %.1f bytes an operation, %.0f bytes in all; anonymous %.0f KB in all",
      samples->len,
      slope,
      slope * n_steps,
      anonymous_kb);
  if (soak_is_sanitized ())
    return;
  g_assert_cmpfloat (slope * n_steps, <, MAX_GROWTH + (double) MAX_GROWTH_PER_STEP * n_steps);
  g_assert_cmpfloat (anonymous_kb, <, MAX_ANONYMOUS_GROWTH_KB);
}

static void
soak_print_steps (void)
{
  g_autoptr (GString) text = g_string_new (NULL);

  for (guint i = 0; i < N_ACTIONS; i++)
    g_string_append_printf (text, ", %u %s", soak.n_steps[i], actions[i].name);
  g_test_message (
      "seed %u: %u operations%s; %u objects; %u starts that succeeded, %u operations that did not",
      soak.seed,
      soak_count_steps (),
      text->str,
      soak.n_made,
      soak.n_started,
      soak.n_failed);
}

static void
soak_run_rounds (void)
{
  guint n_least = soak_read_number ("MK_TEST_SOAK_OPERATIONS", 0);
  gint64 end_us =
      g_get_monotonic_time () + soak_read_number ("MK_TEST_SOAK_SECONDS", DEFAULT_SECONDS) * G_USEC_PER_SEC;
  const SoakUsage any = { .fds = G_MAXUINT, .threads = G_MAXUINT };
  g_autoptr (GArray) samples = g_array_new (FALSE, FALSE, sizeof (Sample));

  for (guint round = 0;; round++)
    {
      Sample sample = { 0 };

      soak_await_quiet ();
      soak_remove_files ();
      sample.n_steps = soak_count_steps ();
      sample.usage =
          soak_usage_measure_at_rest (samples->len > 0 ? &g_array_index (samples, Sample, 0).usage : &any);
      if (round >= N_WARM_UP_ROUNDS)
        {
          g_autofree char *when = g_strdup_printf ("%u operations", sample.n_steps);

          g_array_append_val (samples, sample);
          soak_usage_print (when, &sample.usage);
          soak_usage_assert_nothing_added (&g_array_index (samples, Sample, 0).usage, &sample.usage);
        }
      if (samples->len >= FEWEST_SAMPLES && sample.n_steps >= n_least && g_get_monotonic_time () >= end_us)
        break;
      soak_begin_round (FALSE);
    }
  soak_begin_round (TRUE);
  soak_print_steps ();
  soak_check_growth (samples);
}

static void
soak_set_up (void)
{
  soak.seed = soak_read_number ("MK_TEST_SOAK_SEED", g_random_int ());
  soak.folder = g_get_tmp_dir ();
  soak.kinds = soak_kind_list (soak.folder);
  for (guint i = 0; i < soak.kinds->len; i++)
    soak.total_weight += g_array_index (soak.kinds, SoakKind, i).weight;
  soak.operations = g_hash_table_new (NULL, NULL);
  g_test_message ("MK_TEST_SOAK_SEED=%u gives the same steps again", soak.seed);
}

void
soak_random_run (void)
{
  Worker workers[N_THREADS] = { 0 };
  GThread *threads[N_THREADS];
  guint limits;

  soak_set_up ();
  limits = g_timeout_add_seconds (1, soak_check_limits, NULL);
  for (guint i = 0; i < N_THREADS; i++)
    {
      workers[i].number = i;
      workers[i].place.context = i % 2 == 0 ? g_main_context_new () : NULL;
      workers[i].later = i % 2 == 0 ? &workers[i].place : &soak.main_place;
      threads[i] = g_thread_new ("soak", worker_run, &workers[i]);
    }
  soak_run_rounds ();
  for (guint i = 0; i < N_THREADS; i++)
    {
      g_thread_join (threads[i]);
      g_clear_pointer (&workers[i].place.context, g_main_context_unref);
    }
  g_source_remove (limits);
  alarm (0);
  g_array_unref (soak.kinds);
  g_hash_table_unref (soak.operations);
}
