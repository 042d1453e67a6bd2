/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The executor of a service that settings describe: those of a services file, of a template, or of the
 * command line of `mirakuru run`.
 *
 * Most settings are properties of the executor, or make its probes. What is kept here is what executors have
 * no property for: the scripts that are run around the service, its sockets, values and exports.
 */

#include "mk-service-executor-private.h"

#include <string.h>

#include "base/mk-descriptor-private.h"
#include "base/mk-i18n-private.h"
#include "base/mk-message-private.h"
#include "base/mk-platform-private.h"
#include "base/mk-values-private.h"
#include "executor/mk-executor-private.h"
#include "executor/mk-output-executor-private.h"
#include "executor/mk-simple-executor-private.h"
#include "mk-all-probe.h"
#include "mk-any-probe.h"
#include "mk-command-probe.h"
#include "mk-enum-types.h"
#include "mk-error.h"
#include "mk-probe-settings-private.h"
#include "probe/mk-probe-group-private.h"
#include "probe/mk-probe-private.h"

#ifdef G_OS_UNIX
#include "mk-notify-probe.h"
#endif

#define DEFAULT_PATH "/usr/local/bin:/usr/bin:/bin"
/* Of a MkDBusProbe: which variable of the service has the address */
#define BUS_VARIABLE "mk-bus-variable"

struct _MkServiceExecutor
{
  MkOutputExecutor parent_instance;

  GPtrArray *probes; /* (owned) (element-type MkProbe) */
  gboolean any;      /* one of them is enough */
  gboolean reuses;   /* what meets them before the start */

  gboolean has_template;     /* which has said what values there are */
  GPtrArray *requires;       /* (owned) (element-type utf8): %NULL at the end, once it is complete */
  GPtrArray *values;         /* (owned) (element-type utf8): NAME=value */
  GPtrArray *exports;        /* (owned) (element-type utf8): NAME=value */
  GPtrArray *listens;        /* (owned) (element-type utf8): [NAME=]tcp:… or [NAME=]unix:… */
  GPtrArray *sockets;        /* (owned) (element-type GSocket): of a start, until nothing is left */
  GPtrArray *paths;          /* (owned) (element-type filename): where its programs are, beside PATH */
  GPtrArray *programs;       /* (owned) (element-type filename): that it needs */
  GPtrArray *forwards;       /* (owned) (element-type utf8): for its launcher */
  guint n_template_forwards; /* how many of these are of the template, for when there are no others */
  char *package;             /* (owned) (nullable): that has them */

  char *prepare; /* (owned) (nullable): scripts */
  char *started; /* (owned) (nullable) */
  char *cleanup; /* (owned) (nullable) */
};

G_DEFINE_FINAL_TYPE (MkServiceExecutor, mk_service_executor, MK_TYPE_OUTPUT_EXECUTOR)

/* ---- its scripts ---- */

static void
service_executor_on_script_stopped (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  g_autoptr (MkSimpleExecutor) script = MK_SIMPLE_EXECUTOR (source);
  g_autoptr (GError) error = NULL;

  if (mk_simple_executor_stop_finish (script, result, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, g_steal_pointer (&error));
}

static void
service_executor_on_script_ended (GObject *source, GAsyncResult *result, gpointer user_data)
{
  GTask *task = user_data;
  MkSimpleExecutor *script = MK_SIMPLE_EXECUTOR (source);
  g_autoptr (GError) error = NULL;

  if (mk_simple_executor_start_finish (script, result, &error))
    {
      /* What it has left in the background */
      mk_simple_executor_stop_async (script, NULL, service_executor_on_script_stopped, task);
      return;
    }

  g_task_return_error (task, g_steal_pointer (&error));
  g_object_unref (script);
  g_object_unref (task);
}

/* What the service itself has said */
static void
service_executor_note_said_values (MkServiceExecutor *self, MkValues *values)
{
  g_auto (GStrv) names = mk_output_executor_list_groups (MK_OUTPUT_EXECUTOR (self));
  g_autofree char *pid = mk_simple_executor_dup_value (MK_SIMPLE_EXECUTOR (self), "pid");

  mk_values_set (values, "pid", pid);
  for (char **name = names; *name != NULL; name++)
    {
      g_autofree char *said = mk_output_executor_dup_match (MK_OUTPUT_EXECUTOR (self), *name);

      mk_values_set (values, *name, said);
    }
}

/* Whether a launcher runs it, and its scripts */
static gboolean
service_executor_is_elsewhere (MkServiceExecutor *self)
{
  const char *const *launcher = mk_simple_executor_get_launcher (MK_SIMPLE_EXECUTOR (self));

  return launcher != NULL && launcher[0] != NULL;
}

/* Returns: (transfer full): shell code that finds its programs where the launcher leads to, or nothing */
static char *
service_executor_dup_far_path (MkServiceExecutor *self)
{
  GString *code = g_string_new (NULL);

  if (self->paths->len == 0 || !service_executor_is_elsewhere (self))
    return g_string_free (code, FALSE);

  g_string_append (code, "p=; for d in");
  for (guint i = 0; i < self->paths->len; i++)
    g_string_append_printf (code, " %s", (const char *) g_ptr_array_index (self->paths, i));
  /* The last one is the newest version. */
  g_string_append (code, "\ndo [ ! -d \"$d\" ] || p=:$d$p\ndone\nPATH=$PATH$p\nunset p d\n");
  return g_string_free (code, FALSE);
}

/*
 * A script is a service of its own, so that nothing of it is left either, whatever happens.
 *
 * @is_last: whether nothing comes after it, so that where a launcher leads to the private directory goes with
 *   it. On this machine it goes with the values.
 */
static MkSimpleExecutor *
service_executor_new_script (MkServiceExecutor *self, const char *text, gboolean is_last, GError **error)
{
  MkSimpleExecutor *executor = MK_SIMPLE_EXECUTOR (self);
  g_autoptr (MkValues) values = mk_simple_executor_dup_values (executor);
  g_autofree char *far_path = service_executor_dup_far_path (self);
  g_autofree char *script_text = g_strconcat (far_path, text, NULL);
  g_auto (GStrv) launcher = g_strdupv ((char **) mk_simple_executor_get_launcher (executor));
  g_autofree char *cwd = g_strdup (mk_simple_executor_get_cwd (executor));
  g_auto (GStrv) environment = mk_simple_executor_dup_overlay (executor);
  const char *argv[] = { "/bin/sh", "-ec", NULL, NULL };
  MkSimpleExecutor *script;

  if (values != NULL)
    service_executor_note_said_values (self, values);
  if (values != NULL &&
      (!mk_values_expand (values, &script_text, error) || !mk_values_expand (values, &cwd, error) ||
       !mk_values_expand_strv (values, environment, error) ||
       !mk_values_expand_strv (values, launcher, error)))
    return NULL;

  argv[2] = script_text;
  script = mk_simple_executor_new (argv);
  mk_simple_executor_set_environment (script, (const char *const *) environment);
  mk_simple_executor_set_cwd (script, cwd);
  mk_simple_executor_set_launcher (script, (const char *const *) launcher);
  mk_simple_executor_set_completes (script, TRUE);
  mk_simple_executor_set_start_timeout (script, 0);
  mk_simple_executor_set_stop_timeout (script, mk_simple_executor_get_stop_timeout (executor));
  /* Before the service is spawned there is nobody else to see to it. */
  if (values != NULL)
    mk_simple_executor_get_private (script)->guarded_directory = mk_values_dup (values, "dir");
  mk_simple_executor_get_private (script)->drops_directory = is_last && launcher != NULL;
  return script;
}

static void
service_executor_run_script (MkServiceExecutor *self, const char *text, gboolean is_last, GTask *task)
{
  g_autoptr (GError) error = NULL;
  MkSimpleExecutor *script = service_executor_new_script (self, text, is_last, &error);

  if (script == NULL)
    g_task_return_error (task, g_steal_pointer (&error));
  else
    mk_simple_executor_start_async (
        script, g_task_get_cancellable (task), service_executor_on_script_ended, g_object_ref (task));
}

static void
mk_service_executor_prepare (MkSimpleExecutor *executor, GTask *task)
{
  MkServiceExecutor *self = MK_SERVICE_EXECUTOR (executor);

  if (self->prepare != NULL)
    service_executor_run_script (self, self->prepare, FALSE, task);
  else
    MK_SIMPLE_EXECUTOR_CLASS (mk_service_executor_parent_class)->prepare (executor, task);
}

static void
mk_service_executor_started (MkSimpleExecutor *executor, GTask *task)
{
  MkServiceExecutor *self = MK_SERVICE_EXECUTOR (executor);

  if (self->started != NULL)
    service_executor_run_script (self, self->started, FALSE, task);
  else
    MK_SIMPLE_EXECUTOR_CLASS (mk_service_executor_parent_class)->started (executor, task);
}

static void
service_executor_drop_sockets (MkServiceExecutor *self)
{
  for (guint i = 0; i < self->sockets->len; i++)
    mk_simple_executor_remove_socket (MK_SIMPLE_EXECUTOR (self), g_ptr_array_index (self->sockets, i));
  g_ptr_array_set_size (self->sockets, 0);
}

static void
mk_service_executor_cleanup (MkSimpleExecutor *executor, GTask *task)
{
  MkServiceExecutor *self = MK_SERVICE_EXECUTOR (executor);

  service_executor_drop_sockets (self);
  if (self->cleanup != NULL)
    service_executor_run_script (self, self->cleanup, TRUE, task);
  else if (self->prepare != NULL && service_executor_is_elsewhere (self))
    /* Only there can it be removed what Prepare has made. */
    service_executor_run_script (self, ":", TRUE, task);
  else
    MK_SIMPLE_EXECUTOR_CLASS (mk_service_executor_parent_class)->cleanup (executor, task);
}

/* ---- what is known at a start only ---- */

/* "session" is the bus of the service, which another service may be. */
static void
service_executor_choose_buses (MkServiceExecutor *self)
{
  g_auto (GStrv) environment = mk_simple_executor_dup_overlay (MK_SIMPLE_EXECUTOR (self));

  for (guint i = 0; i < self->probes->len; i++)
    {
      MkProbe *probe = g_ptr_array_index (self->probes, i);
      const char *variable = g_object_get_data (G_OBJECT (probe), BUS_VARIABLE);
      const char *address = variable != NULL ? g_environ_getenv (environment, variable) : NULL;

      if (address != NULL)
        g_object_set (probe, "bus", address, NULL);
    }
}

static void
service_executor_note_bus (MkProbe *probe)
{
  g_autofree char *bus = NULL;
  const char *variable;

  g_object_get (probe, "bus", &bus, NULL);
  variable = g_strcmp0 (bus, "session") == 0  ? "DBUS_SESSION_BUS_ADDRESS"
             : g_strcmp0 (bus, "system") == 0 ? "DBUS_SYSTEM_BUS_ADDRESS"
                                              : NULL;
  g_object_set_data (G_OBJECT (probe), BUS_VARIABLE, (gpointer) variable);
}

static gboolean
service_executor_set_values (MkServiceExecutor *self, MkValues *values, GError **error)
{
  for (guint i = 0; i < self->values->len; i++)
    {
      g_auto (GStrv) words = g_strsplit (g_ptr_array_index (self->values, i), "=", 2);

      if (!mk_values_expand (values, &words[1], error))
        return FALSE;
      mk_values_set (values, words[0], words[1]);
    }

  return TRUE;
}

/* @address: "tcp:[HOST:]PORT" or "unix:PATH", expanded */
static GSocketAddress *
service_executor_parse_address (const char *address, GError **error)
{
  g_autoptr (MkServiceSetting) setting = mk_service_setting_new ("Sockets", address, NULL);
  g_autofree char *host = NULL;
  guint port = 0;

  if (g_str_has_prefix (address, "unix:@"))
    return g_unix_socket_address_new_with_type (
        address + strlen ("unix:@"), -1, G_UNIX_SOCKET_ADDRESS_ABSTRACT);
  if (g_str_has_prefix (address, "unix:") && address[strlen ("unix:")] != '\0')
    return g_unix_socket_address_new (address + strlen ("unix:"));
  if (!g_str_has_prefix (address, "tcp:"))
    {
      mk_service_setting_fail (
          setting, error, _ ("“%s” is neither tcp:[ADDRESS:]PORT nor unix:PATH"), address);
      return NULL;
    }

  if (!mk_probe_settings_split_address (setting, address + strlen ("tcp:"), &host, &port, NULL, error))
    return NULL;
  return g_inet_socket_address_new_from_string (g_str_equal (host, "localhost") ? "127.0.0.1" : host, port);
}

static GSocket *
service_executor_listen (const char *address, GError **error)
{
  g_autoptr (GSocketAddress) socket_address = service_executor_parse_address (address, error);
  g_autoptr (GSocket) socket = NULL;

  if (socket_address == NULL && error != NULL && *error == NULL)
    g_set_error (error,
                 MK_ERROR,
                 MK_ERROR_INVALID_ARGUMENT,
                 _ ("Sockets: “%s” needs the address of an interface, not a name"),
                 address);
  if (socket_address == NULL)
    return NULL;

  socket = g_socket_new (
      g_socket_address_get_family (socket_address), G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_DEFAULT, error);
  if (socket == NULL)
    return NULL;
  g_socket_set_listen_backlog (socket, 128);
  if (!g_socket_bind (socket, socket_address, TRUE, error) || !g_socket_listen (socket, error))
    {
      /* Translators: an address; why stands behind this */
      g_prefix_error (error, _ ("Sockets: cannot listen on “%s”: "), address);
      return NULL;
    }
  /* GSocket itself does not need it to block; the service expects it to, as systemd has it. */
  mk_descriptor_set_blocking (g_socket_get_fd (socket));
  return g_steal_pointer (&socket);
}

static gboolean
service_executor_make_sockets (MkServiceExecutor *self, MkValues *values, GError **error)
{
  service_executor_drop_sockets (self);
  for (guint i = 0; i < self->listens->len; i++)
    {
      g_autofree char *text = g_strdup (g_ptr_array_index (self->listens, i));
      g_autofree char *name = NULL;
      const char *equals;
      GSocket *socket;

      if (!mk_values_expand (values, &text, error))
        return FALSE;
      equals = strchr (text, '=');
      name = equals != NULL && strcspn (text, ":") > (gsize) (equals - text)
                 ? g_strndup (text, (gsize) (equals - text))
                 : NULL;
      socket = service_executor_listen (name != NULL ? equals + 1 : text, error);
      if (socket == NULL)
        return FALSE;
      g_ptr_array_add (self->sockets, socket);
      mk_simple_executor_add_socket (MK_SIMPLE_EXECUTOR (self), socket, name);
    }

  return TRUE;
}

/* Nobody can be asked what a service has said when it was started. */
static gboolean
service_executor_is_askable (MkProbe *probe)
{
#ifdef G_OS_UNIX
  return !MK_IS_NOTIFY_PROBE (probe);
#else
  return TRUE;
#endif
}

/* @before_probe: (inout): becomes one that is satisfied if all that can be asked is there */
static gboolean
service_executor_make_reuse_probe (MkServiceExecutor *self,
                                   MkValues *values,
                                   MkProbe **before_probe,
                                   GError **error)
{
  g_autoptr (MkAllProbe) all = mk_all_probe_new (NULL, 0);

  for (guint i = 0; i < self->probes->len; i++)
    {
      g_autoptr (MkProbe) part = g_object_ref (g_ptr_array_index (self->probes, i));
      g_autoptr (MkProbe) before = NULL;

      if (!service_executor_is_askable (part))
        continue;
      if (values != NULL && !mk_probe_expand (&part, values, error))
        return FALSE;
      before = mk_probe_dup_before_start (part, error);
      if (before == NULL)
        return FALSE;
      mk_all_probe_add (all, before);
    }

  g_set_object (before_probe, MK_PROBE (all));
  return TRUE;
}

static gboolean
service_executor_dup_probes (MkSimpleExecutor *executor,
                             MkValues *values,
                             MkProbe **before_probe,
                             MkProbe **probe,
                             GError **error)
{
  MkServiceExecutor *self = MK_SERVICE_EXECUTOR (executor);
  MkSimpleExecutorClassPrivate *parent_class =
      mk_simple_executor_class_get_private (mk_service_executor_parent_class);

  service_executor_choose_buses (self);
  /* In a group there always are values. */
  if (values != NULL && (!service_executor_set_values (self, values, error) ||
                         !service_executor_make_sockets (self, values, error)))
    return FALSE;

  *before_probe = NULL;
  *probe = NULL;
  if ((self->probes->len > 0 || mk_output_executor_get_banner (MK_OUTPUT_EXECUTOR (self)) != NULL) &&
      !parent_class->dup_probes (executor, values, before_probe, probe, error))
    return FALSE;

  return !self->reuses || service_executor_make_reuse_probe (self, values, before_probe, error);
}

/* ---- the object ---- */

static void
mk_service_executor_finalize (GObject *object)
{
  MkServiceExecutor *self = MK_SERVICE_EXECUTOR (object);

  g_ptr_array_unref (self->probes);
  g_ptr_array_unref (self->requires);
  g_ptr_array_unref (self->values);
  g_ptr_array_unref (self->exports);
  g_ptr_array_unref (self->listens);
  g_ptr_array_unref (self->sockets);
  g_ptr_array_unref (self->paths);
  g_ptr_array_unref (self->programs);
  g_ptr_array_unref (self->forwards);
  g_free (self->package);
  g_free (self->prepare);
  g_free (self->started);
  g_free (self->cleanup);

  G_OBJECT_CLASS (mk_service_executor_parent_class)->finalize (object);
}

static void
mk_service_executor_class_init (MkServiceExecutorClass *klass)
{
  MkSimpleExecutorClass *executor_class = MK_SIMPLE_EXECUTOR_CLASS (klass);

  G_OBJECT_CLASS (klass)->finalize = mk_service_executor_finalize;
  executor_class->prepare = mk_service_executor_prepare;
  executor_class->started = mk_service_executor_started;
  executor_class->cleanup = mk_service_executor_cleanup;
  mk_simple_executor_class_get_private (klass)->dup_probes = service_executor_dup_probes;
}

static void
mk_service_executor_init (MkServiceExecutor *self)
{
  self->probes = g_ptr_array_new_with_free_func (g_object_unref);
  self->requires = g_ptr_array_new_with_free_func (g_free);
  self->values = g_ptr_array_new_with_free_func (g_free);
  self->exports = g_ptr_array_new_with_free_func (g_free);
  self->listens = g_ptr_array_new_with_free_func (g_free);
  self->sockets = g_ptr_array_new_with_free_func (g_object_unref);
  self->paths = g_ptr_array_new_with_free_func (g_free);
  self->programs = g_ptr_array_new_with_free_func (g_free);
  self->forwards = g_ptr_array_new_with_free_func (g_free);

  mk_output_executor_set_stream (MK_OUTPUT_EXECUTOR (self), MK_STREAM_FLAGS_BOTH);
}

/* ---- the settings ---- */

typedef gboolean (*ApplyFunc) (MkServiceExecutor *self, const MkServiceSetting *setting, GError **error);

static void
service_executor_add_items (GPtrArray *array, const MkServiceSetting *setting)
{
  g_auto (GStrv) items = mk_service_setting_dup_items (setting);

  for (char **item = items; *item != NULL; item++)
    g_ptr_array_add (array, g_strdup (*item));
}

/* Returns: (transfer full) (nullable) */
static char **
service_executor_parse_command (const MkServiceSetting *setting, GError **error)
{
  g_autoptr (GError) local_error = NULL;
  char **argv = NULL;

  if (!mk_platform_parse_command (setting->value, &argv, &local_error))
    mk_service_setting_fail (
        setting, error, _ ("“%s” is not a command: %s"), setting->value, local_error->message);
  return argv;
}

static gboolean
service_executor_set_command (MkServiceExecutor *self, const MkServiceSetting *setting, GError **error)
{
  g_auto (GStrv) argv = service_executor_parse_command (setting, error);

  if (argv != NULL)
    mk_simple_executor_set_command (MK_SIMPLE_EXECUTOR (self), (const char *const *) argv);
  return argv != NULL;
}

static gboolean
service_executor_set_launcher (MkServiceExecutor *self, const MkServiceSetting *setting, GError **error)
{
  g_auto (GStrv) argv = service_executor_parse_command (setting, error);

  if (argv != NULL)
    mk_simple_executor_set_launcher (MK_SIMPLE_EXECUTOR (self), (const char *const *) argv);
  return argv != NULL;
}

static gboolean
service_executor_set_shell (MkServiceExecutor *self, const MkServiceSetting *setting, GError **error)
{
  const char *argv[] = { "/bin/sh", "-c", setting->value, NULL };

  mk_simple_executor_set_command (MK_SIMPLE_EXECUTOR (self), argv);
  return TRUE;
}

/* In the place of those of a template, if they stand in another line */
static gboolean
service_executor_add_forward (MkServiceExecutor *self, const MkServiceSetting *setting, GError **error)
{
  g_auto (GStrv) items = mk_service_setting_dup_items (setting);

  for (char **item = items; *item != NULL; item++)
    g_ptr_array_add (self->forwards, g_strdup (*item));
  return TRUE;
}

static gboolean
service_executor_set_output (MkServiceExecutor *self, const MkServiceSetting *setting, GError **error)
{
  if (*setting->value == '\0')
    return mk_service_setting_fail (setting, error, _ ("it needs a regular expression to look for"));
  if (mk_output_executor_get_banner (MK_OUTPUT_EXECUTOR (self)) != NULL && !setting->is_list)
    return mk_service_setting_fail (
        setting, error, _ ("a service can have it only once: A|B matches either"));

  mk_output_executor_set_banner (MK_OUTPUT_EXECUTOR (self), setting->value);
  return TRUE;
}

static gboolean
service_executor_set_any (MkServiceExecutor *self, const MkServiceSetting *setting, GError **error)
{
  return mk_service_setting_get_boolean (setting, &self->any, error);
}

static gboolean
service_executor_set_reuse (MkServiceExecutor *self, const MkServiceSetting *setting, GError **error)
{
  return mk_service_setting_get_boolean (setting, &self->reuses, error);
}

static gboolean
service_executor_add_requires (MkServiceExecutor *self, const MkServiceSetting *setting, GError **error)
{
  service_executor_add_items (self->requires, setting);
  return TRUE;
}

/* @entry: "NAME=value", or "NAME" to unset it */
static void
service_executor_add_variable (MkServiceExecutor *self, const char *entry)
{
  MkSimpleExecutor *executor = MK_SIMPLE_EXECUTOR (self);
  const char *const *before = mk_simple_executor_get_environment (executor);
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_auto (GStrv) environment = NULL;

  if (before != NULL)
    g_strv_builder_addv (builder, (const char **) before);
  g_strv_builder_add (builder, entry);
  environment = g_strv_builder_end (builder);
  mk_simple_executor_set_environment (executor, (const char *const *) environment);
}

static gboolean
service_executor_add_environment (MkServiceExecutor *self, const MkServiceSetting *setting, GError **error)
{
  g_auto (GStrv) items = mk_service_setting_dup_items (setting);

  for (char **item = items; *item != NULL; item++)
    {
      if (**item == '=' || strchr (*item, '=') == NULL)
        return mk_service_setting_fail (setting, error, _ ("“%s” is not NAME=VALUE"), *item);
      service_executor_add_variable (self, *item);
    }

  return TRUE;
}

static gboolean
service_executor_add_unset (MkServiceExecutor *self, const MkServiceSetting *setting, GError **error)
{
  g_auto (GStrv) items = mk_service_setting_dup_items (setting);

  for (char **item = items; *item != NULL; item++)
    {
      if (**item == '\0' || strchr (*item, '=') != NULL)
        return mk_service_setting_fail (setting, error, _ ("“%s” is not the name of a variable"), *item);
      service_executor_add_variable (self, *item);
    }

  return TRUE;
}

static gboolean
service_executor_set_stop_signal (MkServiceExecutor *self, const MkServiceSetting *setting, GError **error)
{
  int number = 0;

  if (!mk_service_setting_get_signal (setting, &number, error))
    return FALSE;

  mk_simple_executor_set_stop_signal (MK_SIMPLE_EXECUTOR (self), number);
  return TRUE;
}

static gboolean
service_executor_set_stop_mode (MkServiceExecutor *self, const MkServiceSetting *setting, GError **error)
{
  g_autoptr (GEnumClass) modes = g_type_class_ref (MK_TYPE_STOP_MODE);
  const GEnumValue *mode = g_enum_get_value_by_nick (modes, setting->value);

  if (mode == NULL)
    return mk_service_setting_fail (setting, error, _ ("“%s” is neither leader nor tree"), setting->value);

  mk_simple_executor_set_stop_mode (MK_SIMPLE_EXECUTOR (self), mode->value);
  return TRUE;
}

static gboolean
service_executor_set_expected_status (MkServiceExecutor *self,
                                      const MkServiceSetting *setting,
                                      GError **error)
{
  guint64 number = 0;

  if (!g_ascii_string_to_unsigned (setting->value, 10, 0, G_MAXUINT8, &number, NULL))
    return mk_service_setting_fail (
        setting, error, _ ("“%s” is not an exit status from 0 to 255"), setting->value);

  mk_simple_executor_set_expected_status (MK_SIMPLE_EXECUTOR (self), (int) number);
  return TRUE;
}

/* Without a file it is a pipe that is kept open. */
static gboolean
service_executor_set_stdin (MkServiceExecutor *self, const MkServiceSetting *setting, GError **error)
{
  MkSimpleExecutor *executor = MK_SIMPLE_EXECUTOR (self);
  gboolean has_path = *setting->value != '\0';

  mk_simple_executor_set_stdin_path (executor, has_path ? setting->value : NULL);
  mk_simple_executor_set_stdin_mode (executor, has_path ? MK_STDIO_MODE_FILE : MK_STDIO_MODE_PIPE);
  return TRUE;
}

static gboolean
service_executor_set_pty (MkServiceExecutor *self, const MkServiceSetting *setting, GError **error)
{
  MkSimpleExecutor *executor = MK_SIMPLE_EXECUTOR (self);
  gboolean has_pty = FALSE;

  if (!mk_service_setting_get_boolean (setting, &has_pty, error))
    return FALSE;

  mk_simple_executor_set_stdout_mode (executor, has_pty ? MK_STDIO_MODE_PTY : MK_STDIO_MODE_CAPTURE);
  mk_simple_executor_set_stderr_mode (executor, has_pty ? MK_STDIO_MODE_PTY : MK_STDIO_MODE_CAPTURE);
  return TRUE;
}

static gboolean
service_executor_set_log (MkServiceExecutor *self, const MkServiceSetting *setting, GError **error)
{
  mk_simple_executor_set_stdout_path (MK_SIMPLE_EXECUTOR (self), setting->value);
  mk_simple_executor_set_stderr_path (MK_SIMPLE_EXECUTOR (self), setting->value);
  return TRUE;
}

static gboolean
service_executor_add_socket (MkServiceExecutor *self, const MkServiceSetting *setting, GError **error)
{
  service_executor_add_items (self->listens, setting);
  return TRUE;
}

/* Returns: (transfer full): “database, user”, what values the template has */
static char *
service_executor_list_values (MkServiceExecutor *self)
{
  GString *names = g_string_new ("port");

  g_string_append_printf (names, ", %s", "host");
  for (guint i = 0; i < self->values->len; i++)
    {
      const char *entry = g_ptr_array_index (self->values, i);

      g_string_append_printf (names, ", %.*s", (int) strcspn (entry, "="), entry);
    }
  return g_string_free (names, FALSE);
}

/* In the place of an earlier one, which others may use that stand after it. */
static gboolean
service_executor_set_value (MkServiceExecutor *self,
                            const char *name,
                            const char *entry,
                            const MkServiceSetting *setting,
                            GError **error)
{
  gboolean is_common = g_str_equal (name, "port") || g_str_equal (name, "host");
  g_autofree char *names = NULL;

  for (guint i = 0; i < self->values->len; i++)
    {
      char **old = (char **) &g_ptr_array_index (self->values, i);

      if (g_str_has_prefix (*old, name) && (*old)[strlen (name)] == '=')
        {
          g_free (*old);
          *old = g_strdup (entry);
          return TRUE;
        }
    }

  if (self->has_template && !is_common)
    {
      names = service_executor_list_values (self);
      /* Translators: the name of a value; those that there are */
      return mk_service_setting_fail (
          setting, error, _ ("the template has no value “%s”, only: %s"), name, names);
    }
  g_ptr_array_insert (self->values, is_common ? 0 : -1, g_strdup (entry));
  return TRUE;
}

/* The names of values that the service has anyway. A port or host may be said. */
static gboolean
service_executor_add_value (MkServiceExecutor *self, const MkServiceSetting *setting, GError **error)
{
  static const char *const others[] = { "name", "dir", "pid", NULL };
  g_auto (GStrv) items = mk_service_setting_dup_items (setting);

  for (char **item = items; *item != NULL; item++)
    {
      g_auto (GStrv) words = g_strsplit (*item, "=", 2);

      if (words[0] == NULL || words[1] == NULL || !mk_values_is_name (words[0]))
        return mk_service_setting_fail (setting, error, _ ("“%s” is not NAME=VALUE"), *item);
      if (g_strv_contains (others, words[0]))
        return mk_service_setting_fail (setting, error, _ ("the value “%s” cannot be set"), words[0]);
      if (!service_executor_set_value (self, words[0], *item, setting, error))
        return FALSE;
    }

  return TRUE;
}

static gboolean
service_executor_end_template (MkServiceExecutor *self, const MkServiceSetting *setting, GError **error)
{
  self->has_template = TRUE;
  self->n_template_forwards = self->forwards->len;
  return TRUE;
}

static gboolean
service_executor_add_export (MkServiceExecutor *self, const MkServiceSetting *setting, GError **error)
{
  g_auto (GStrv) items = mk_service_setting_dup_items (setting);

  for (char **item = items; *item != NULL; item++)
    {
      if (**item == '=' || strchr (*item, '=') == NULL)
        return mk_service_setting_fail (setting, error, _ ("“%s” is not NAME=VALUE"), *item);
      g_ptr_array_add (self->exports, g_strdup (*item));
    }

  return TRUE;
}

static gboolean
service_executor_add_program (MkServiceExecutor *self, const MkServiceSetting *setting, GError **error)
{
  service_executor_add_items (self->programs, setting);
  return TRUE;
}

static gboolean
service_executor_add_program_path (MkServiceExecutor *self, const MkServiceSetting *setting, GError **error)
{
  service_executor_add_items (self->paths, setting);
  return TRUE;
}

static gboolean
service_executor_ignore (MkServiceExecutor *self, const MkServiceSetting *setting, GError **error)
{
  return TRUE;
}

/* What a key does: a function, or a property of the executor, or a text that is kept. */
typedef struct
{
  const char *key;
  ApplyFunc apply;
  const char *property; /* (nullable): a string, a boolean or a time in milliseconds */
  gsize text;           /* the offset of a text in MkServiceExecutor, or 0 */
} ExecutorKey;

static const ExecutorKey executor_keys[] = {
  { "Template", service_executor_end_template, NULL, 0 },
  { "Command", service_executor_set_command, NULL, 0 },
  { "Shell", service_executor_set_shell, NULL, 0 },
  { "Output", service_executor_set_output, NULL, 0 },
  { "Any", service_executor_set_any, NULL, 0 },
  { "Reuse", service_executor_set_reuse, NULL, 0 },
  { "Completes", NULL, "completes", 0 },
  { "Launcher", service_executor_set_launcher, NULL, 0 },
  { "Forwards", service_executor_add_forward, NULL, 0 },
  { "Requires", service_executor_add_requires, NULL, 0 },
  { "Cwd", NULL, "cwd", 0 },
  { "Environment", service_executor_add_environment, NULL, 0 },
  { "UnsetEnvironment", service_executor_add_unset, NULL, 0 },
  { "Stdin", service_executor_set_stdin, NULL, 0 },
  { "Pty", service_executor_set_pty, NULL, 0 },
  { "Log", service_executor_set_log, NULL, 0 },
  { "StopSignal", service_executor_set_stop_signal, NULL, 0 },
  { "StopMode", service_executor_set_stop_mode, NULL, 0 },
  { "StopTimeout", NULL, "stop-timeout", 0 },
  { "ExpectedStatus", service_executor_set_expected_status, NULL, 0 },
  { "Timeout", NULL, "start-timeout", 0 },
  { "Sockets", service_executor_add_socket, NULL, 0 },
  { "Prepare", NULL, NULL, G_STRUCT_OFFSET (MkServiceExecutor, prepare) },
  { "Started", NULL, NULL, G_STRUCT_OFFSET (MkServiceExecutor, started) },
  { "Cleanup", NULL, NULL, G_STRUCT_OFFSET (MkServiceExecutor, cleanup) },
  { "Values", service_executor_add_value, NULL, 0 },
  { "Export", service_executor_add_export, NULL, 0 },
  { "Description", service_executor_ignore, NULL, 0 },
  { "Programs", service_executor_add_program, NULL, 0 },
  { "ProgramPath", service_executor_add_program_path, NULL, 0 },
  { "Package", NULL, NULL, G_STRUCT_OFFSET (MkServiceExecutor, package) },
};

static const ExecutorKey *
service_executor_find_key (const char *key)
{
  for (gsize i = 0; i < G_N_ELEMENTS (executor_keys); i++)
    if (g_str_equal (executor_keys[i].key, key))
      return &executor_keys[i];

  return NULL;
}

static gboolean
service_executor_refuse_key (const MkServiceSetting *setting, GError **error)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_auto (GStrv) keys = NULL;
  g_autofree char *meant = NULL;

  for (gsize i = 0; i < G_N_ELEMENTS (executor_keys); i++)
    g_strv_builder_add (builder, executor_keys[i].key);
  mk_probe_settings_list_keys (builder);
  keys = g_strv_builder_end (builder);
  meant = mk_service_guess (setting->key, (const char *const *) keys);

  if (meant != NULL)
    return mk_service_setting_fail (setting, error, _ ("there is no such key; did you mean %s?"), meant);
  return mk_service_setting_fail (setting, error, _ ("there is no such key"));
}

static gboolean
service_executor_set_property (MkServiceExecutor *self,
                               const char *property,
                               const MkServiceSetting *setting,
                               GError **error)
{
  GParamSpec *pspec = g_object_class_find_property (G_OBJECT_GET_CLASS (self), property);
  gboolean flag = FALSE;
  guint time = 0;

  if (pspec->value_type == G_TYPE_BOOLEAN && mk_service_setting_get_boolean (setting, &flag, error))
    g_object_set (self, property, flag, NULL);
  else if (pspec->value_type == G_TYPE_UINT && mk_service_setting_get_time (setting, &time, error))
    g_object_set (self, property, time, NULL);
  else if (pspec->value_type == G_TYPE_STRING)
    g_object_set (self, property, setting->value, NULL);
  else
    return FALSE;

  return TRUE;
}

static gboolean
service_executor_apply (MkServiceExecutor *self, const MkServiceSetting *setting, GError **error)
{
  const ExecutorKey *key = service_executor_find_key (setting->key);

  if (key == NULL && mk_probe_settings_has (setting->key))
    return mk_probe_settings_apply (self->probes, setting, error);
  if (key == NULL)
    return service_executor_refuse_key (setting, error);
  if (key->apply != NULL)
    return key->apply (self, setting, error);
  if (key->property != NULL)
    return service_executor_set_property (self, key->property, setting, error);

  g_free (G_STRUCT_MEMBER (char *, self, key->text));
  G_STRUCT_MEMBER (char *, self, key->text) = g_strdup (setting->value);
  return TRUE;
}

/* ---- its programs ---- */

static void
service_executor_add_directories (GString *path, const char *pattern)
{
  g_auto (GStrv) directories = mk_platform_find_directories (pattern);

  /* The newest version comes first. */
  for (guint i = g_strv_length (directories); i > 0; i--)
    g_string_append_printf (path, ":%s", directories[i - 1]);
}

/* Returns: (transfer full): where the programs of the service are looked for */
static char *
service_executor_dup_path (MkServiceExecutor *self)
{
  g_auto (GStrv) environment = mk_simple_executor_dup_environment (MK_SIMPLE_EXECUTOR (self));
  const char *before = g_environ_getenv (environment, "PATH");
  GString *path = g_string_new (before != NULL ? before : DEFAULT_PATH);

  for (guint i = 0; i < self->paths->len; i++)
    service_executor_add_directories (path, g_ptr_array_index (self->paths, i));

  return g_string_free (path, FALSE);
}

static gboolean
service_executor_is_in_path (const char *program, const char *path)
{
  g_auto (GStrv) directories = g_strsplit (path, ":", -1);

  for (char **directory = directories; *directory != NULL; directory++)
    {
      g_autofree char *file = g_build_filename (*directory, program, NULL);

      if (g_file_test (file, G_FILE_TEST_IS_EXECUTABLE))
        return TRUE;
    }

  return FALSE;
}

static gboolean
service_executor_find_programs (MkServiceExecutor *self, GError **error)
{
  g_autofree char *path = service_executor_dup_path (self);
  g_autofree char *entry = g_strconcat ("PATH=", path, NULL);

  /* Only the launcher knows what there is where it leads to. */
  if (service_executor_is_elsewhere (self))
    return TRUE;
  if (self->paths->len > 0)
    service_executor_add_variable (self, entry);

  for (guint i = 0; i < self->programs->len; i++)
    {
      const char *program = g_ptr_array_index (self->programs, i);

      if (service_executor_is_in_path (program, path))
        continue;
      if (self->package != NULL)
        g_set_error (error,
                     MK_ERROR,
                     MK_ERROR_SPAWN_FAILED,
                     /* Translators: the name of a program, of a package */
                     _ ("The program “%s” is missing; on Debian it is in the package %s"),
                     program,
                     self->package);
      else
        g_set_error (error, MK_ERROR, MK_ERROR_SPAWN_FAILED, _ ("The program “%s” is missing"), program);
      return FALSE;
    }

  return TRUE;
}

/* ---- the whole ---- */

static gboolean
service_executor_fail (GError **error, const char *message)
{
  g_set_error_literal (error, MK_ERROR, MK_ERROR_INVALID_ARGUMENT, message);
  return FALSE;
}

/* Returns: (transfer full): what the service may be known by. A shell can be anything. */
static char **
service_executor_list_programs (MkServiceExecutor *self)
{
  const char *const *command = mk_simple_executor_get_command (MK_SIMPLE_EXECUTOR (self));
  g_autofree char *program = g_path_get_basename (command[0]);
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();

  for (guint i = 0; i < self->programs->len; i++)
    g_strv_builder_add (builder, g_ptr_array_index (self->programs, i));
  if (!g_str_equal (program, "sh"))
    g_strv_builder_add (builder, program);
  return g_strv_builder_end (builder);
}

static gboolean
service_executor_can_be_asked (MkServiceExecutor *self)
{
  for (guint i = 0; i < self->probes->len; i++)
    if (service_executor_is_askable (g_ptr_array_index (self->probes, i)))
      return TRUE;

  return FALSE;
}

/* What the settings say of the way to the service */
static void
service_executor_complete_launcher (MkServiceExecutor *self)
{
  MkSimpleExecutor *executor = MK_SIMPLE_EXECUTOR (self);
  g_autofree char *far_path = service_executor_dup_far_path (self);
  g_autofree char *script = g_strconcat (far_path, "exec \"$@\"", NULL);
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_auto (GStrv) argv = NULL;

  if (self->forwards->len > self->n_template_forwards)
    g_ptr_array_remove_range (self->forwards, 0, self->n_template_forwards);
  /* Those of a template are for when there is a launcher. */
  if (self->forwards->len > 0 && (service_executor_is_elsewhere (self) || self->n_template_forwards == 0))
    {
      g_ptr_array_add (self->forwards, NULL);
      mk_simple_executor_set_forwards (executor, (const char *const *) self->forwards->pdata);
    }

  if (*far_path == '\0')
    return;
  g_strv_builder_add_many (builder, "/bin/sh", "-c", script, "sh", NULL);
  g_strv_builder_addv (builder, (const char **) mk_simple_executor_get_command (executor));
  argv = g_strv_builder_end (builder);
  mk_simple_executor_set_command (executor, (const char *const *) argv);
}

/* Puts the parts together, and refuses what does not go together. */
static gboolean
service_executor_complete (MkServiceExecutor *self, GError **error)
{
  MkSimpleExecutor *executor = MK_SIMPLE_EXECUTOR (self);
  const char *banner = mk_output_executor_get_banner (MK_OUTPUT_EXECUTOR (self));
  MkProbe **probes = (MkProbe **) self->probes->pdata;
  g_autoptr (MkProbe) probe = NULL;

  g_ptr_array_add (self->requires, NULL);
  if (mk_simple_executor_get_command (executor) == NULL)
    return service_executor_fail (error, _ ("There is nothing to start: no Command, Shell or Template"));
  if (self->any && banner != NULL)
    return service_executor_fail (error, _ ("Any: it cannot be used together with Output="));
  if (mk_simple_executor_get_completes (executor) && (self->probes->len > 0 || banner != NULL))
    return service_executor_fail (error,
                                  _ ("Completes: the service cannot have another condition beside it"));
  if (self->reuses && !service_executor_can_be_asked (self))
    return service_executor_fail (
        error, _ ("Reuse: it needs a condition that can be checked before the start, such as Tcp="));
  if (!service_executor_find_programs (self, error))
    return FALSE;
  service_executor_complete_launcher (self);
  if (self->reuses)
    mk_simple_executor_get_private (executor)->reused_programs = service_executor_list_programs (self);

  /* They need what the service needs, such as its programs. */
  for (guint i = 0; i < self->probes->len; i++)
    if (g_object_class_find_property (G_OBJECT_GET_CLASS (probes[i]), "bus") != NULL)
      service_executor_note_bus (probes[i]);
    else if (MK_IS_COMMAND_PROBE (probes[i]))
      mk_command_probe_set_environment (MK_COMMAND_PROBE (probes[i]),
                                        mk_simple_executor_get_environment (executor));

  /* Where no script needs it, its supervisor removes it, so that the thread of the stop does not have to. */
  mk_simple_executor_get_private (executor)->keeps_directory = self->cleanup != NULL;
  mk_simple_executor_get_private (executor)->drops_directory = self->cleanup == NULL;
  if (banner == NULL)
    mk_executor_set_kind_probe (MK_EXECUTOR (self), NULL);
  if (self->probes->len > 1 && self->any)
    probe = MK_PROBE (mk_any_probe_new (probes, self->probes->len));
  else if (self->probes->len > 1)
    {
      probe = MK_PROBE (mk_all_probe_new (probes, self->probes->len));
      /* If one of them is met before the start, the service would not be what meets it. */
      mk_probe_group_set_any_before_start (MK_PROBE_GROUP (probe));
    }
  else if (self->probes->len == 1)
    probe = g_object_ref (probes[0]);
  mk_executor_set_probe (MK_EXECUTOR (self), probe);
  return TRUE;
}

/* @settings: (element-type MkServiceSetting). Returns: (transfer full) (nullable): %NULL with an error */
MkServiceExecutor *
mk_service_executor_new (GPtrArray *settings, GError **error)
{
  g_autoptr (MkServiceExecutor) self = g_object_new (MK_TYPE_SERVICE_EXECUTOR, NULL);

  /* In a file, what says more about a condition may stand before it. */
  for (int late = 0; late <= 1; late++)
    for (guint i = 0; i < settings->len; i++)
      {
        const MkServiceSetting *setting = g_ptr_array_index (settings, i);
        gboolean is_late = setting->is_list && mk_probe_settings_is_detail (setting->key);

        if (is_late == late && !service_executor_apply (self, setting, error))
          return NULL;
      }

  return service_executor_complete (self, error) ? g_steal_pointer (&self) : NULL;
}

/* Returns: the names of the services it requires, as was said */
const char *const *
mk_service_executor_get_requires (MkServiceExecutor *self)
{
  return (const char *const *) self->requires->pdata;
}

/* Returns: (transfer container): texts in which values of other services may be mentioned */
GPtrArray *
mk_service_executor_list_texts (MkServiceExecutor *self)
{
  GPtrArray *arrays[] = { self->values, self->listens };
  const char *scripts[] = { self->prepare, self->started, self->cleanup };
  GPtrArray *texts = g_ptr_array_new ();

  for (gsize i = 0; i < G_N_ELEMENTS (arrays); i++)
    for (guint j = 0; j < arrays[i]->len; j++)
      g_ptr_array_add (texts, g_ptr_array_index (arrays[i], j));
  for (gsize i = 0; i < G_N_ELEMENTS (scripts); i++)
    if (scripts[i] != NULL)
      g_ptr_array_add (texts, (gpointer) scripts[i]);

  return texts;
}

/* @environment: (inout): gets what clients of the service need; nothing if it does not run */
void
mk_service_executor_export (MkServiceExecutor *self, char ***environment)
{
  g_autoptr (MkValues) values = mk_simple_executor_dup_values (MK_SIMPLE_EXECUTOR (self));

  if (values == NULL)
    return;

  service_executor_note_said_values (self, values);
  for (guint i = 0; i < self->exports->len; i++)
    {
      g_auto (GStrv) words = g_strsplit (g_ptr_array_index (self->exports, i), "=", 2);
      g_autoptr (GError) error = NULL;

      if (mk_values_expand (values, &words[1], &error))
        *environment = g_environ_setenv (*environment, words[0], words[1], TRUE);
      else
        g_debug ("%s is not exported: %s", words[0], error->message);
    }
}
