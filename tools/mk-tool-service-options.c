/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the command line says about one service, and the executor that comes of it. The
 * options that describe a service follow the --service they belong to; GOption calls back in
 * the order of the command line. */

#include "mk-tool-service-options.h"

#include <string.h>

#include "base/mk-i18n-private.h"
#include "mk-tool-readiness.h"

void
mk_tool_service_options_free (MkToolServiceOptions *service)
{
  g_free (service->command_line);
  g_free (service->name);
  g_free (service->cwd);
  g_free (service->banner);
  g_ptr_array_unref (service->environment);
  g_ptr_array_unref (service->probes);
  g_free (service);
}

static gboolean
on_service (const char *option_name, const char *value, gpointer data, GError **error)
{
  MkToolOptions *self = data;
  MkToolServiceOptions *service = g_new0 (MkToolServiceOptions, 1);

  service->command_line = g_strdup (value);
  service->environment = g_ptr_array_new_with_free_func (g_free);
  service->probes = g_ptr_array_new_with_free_func (g_object_unref);
  g_ptr_array_add (self->services, service);

  return TRUE;
}

static MkToolServiceOptions *
get_last_service (MkToolOptions *self, const char *option_name, GError **error)
{
  if (self->services->len == 0)
    {
      g_set_error (error,
                   G_OPTION_ERROR,
                   G_OPTION_ERROR_FAILED,
                   _ ("%s belongs to a service: it stands after the --service it is for"),
                   option_name);
      return NULL;
    }

  return g_ptr_array_index (self->services, self->services->len - 1);
}

static gboolean
on_service_readiness (const char *option_name, const char *value, gpointer data, GError **error)
{
  MkToolServiceOptions *service = get_last_service (data, option_name, error);

  return service != NULL && mk_tool_readiness_parse (option_name, value, service->probes, error);
}

static gboolean
on_output (const char *option_name, const char *value, gpointer data, GError **error)
{
  MkToolServiceOptions *service = get_last_service (data, option_name, error);

  if (service == NULL)
    return FALSE;

  if (service->banner != NULL)
    {
      g_set_error (error,
                   G_OPTION_ERROR,
                   G_OPTION_ERROR_BAD_VALUE,
                   _ ("%s can be given once for a service: 'A|B' matches either"),
                   option_name);
      return FALSE;
    }

  if (*value == '\0')
    {
      g_set_error (error,
                   G_OPTION_ERROR,
                   G_OPTION_ERROR_BAD_VALUE,
                   _ ("%s needs a regular expression to look for"),
                   option_name);
      return FALSE;
    }

  service->banner = g_strdup (value);
  return TRUE;
}

static gboolean
has_control_character (const char *text)
{
  for (; *text != '\0'; text++)
    if (g_ascii_iscntrl (*text))
      return TRUE;

  return FALSE;
}

static gboolean
on_name (const char *option_name, const char *value, gpointer data, GError **error)
{
  MkToolServiceOptions *service = get_last_service (data, option_name, error);

  if (service == NULL)
    return FALSE;

  if (*value == '\0' || has_control_character (value))
    {
      g_set_error (
          error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, _ ("%s needs a word to show"), option_name);
      return FALSE;
    }

  g_free (service->name);
  service->name = g_strdup (value);
  return TRUE;
}

static gboolean
on_cwd (const char *option_name, const char *value, gpointer data, GError **error)
{
  MkToolServiceOptions *service = get_last_service (data, option_name, error);

  if (service == NULL)
    return FALSE;

  g_free (service->cwd);
  service->cwd = g_strdup (value);
  return TRUE;
}

static gboolean
on_env (const char *option_name, const char *value, gpointer data, GError **error)
{
  MkToolServiceOptions *service = get_last_service (data, option_name, error);

  if (service == NULL)
    return FALSE;

  if (*value == '=' || strchr (value, '=') == NULL)
    {
      g_set_error (error,
                   G_OPTION_ERROR,
                   G_OPTION_ERROR_BAD_VALUE,
                   _ ("%s needs NAME=VALUE, not '%s'"),
                   option_name,
                   value);
      return FALSE;
    }

  g_ptr_array_add (service->environment, g_strdup (value));
  return TRUE;
}

/* @group is that of a MkToolOptions. */
void
mk_tool_service_options_add_to_group (GOptionGroup *group)
{
  const GOptionEntry service_entry[] = {
    { "service",
      's',
      G_OPTION_FLAG_FILENAME,
      G_OPTION_ARG_CALLBACK,
      on_service,
      N_ ("Start this service (quoted as in a shell)"),
      N_ ("CMD") },
    G_OPTION_ENTRY_NULL,
  };
  const GOptionEntry detail_entries[] = {
    { "output",
      0,
      G_OPTION_FLAG_FILENAME,
      G_OPTION_ARG_CALLBACK,
      on_output,
      N_ ("Ready when its output matches this regular expression"),
      N_ ("REGEXP") },
    { "name",
      0,
      0,
      G_OPTION_ARG_CALLBACK,
      on_name,
      N_ ("Name of the service in what is printed"),
      N_ ("NAME") },
    { "cwd",
      0,
      G_OPTION_FLAG_FILENAME,
      G_OPTION_ARG_CALLBACK,
      on_cwd,
      N_ ("Folder the service is started in"),
      N_ ("DIR") },
    { "env",
      0,
      G_OPTION_FLAG_FILENAME,
      G_OPTION_ARG_CALLBACK,
      on_env,
      N_ ("Variable for the environment of the service"),
      N_ ("NAME=VALUE") },
    G_OPTION_ENTRY_NULL,
  };

  g_option_group_add_entries (group, service_entry);
  mk_tool_readiness_add_options (group, on_service_readiness);
  g_option_group_add_entries (group, detail_entries);
}

/* It has its own probe, which comes first. */
static MkSimpleExecutor *
new_output_executor (const MkToolServiceOptions *options, const char *const *argv)
{
  MkOutputExecutor *executor = mk_output_executor_new (argv, options->banner);

  mk_output_executor_set_stream (executor, MK_STREAM_FLAGS_BOTH);
  g_ptr_array_insert (options->probes, 0, g_object_ref (mk_executor_get_probe (MK_EXECUTOR (executor))));
  return MK_SIMPLE_EXECUTOR (executor);
}

static MkSimpleExecutor *
new_executor (const MkToolServiceOptions *options, GError **error)
{
  g_autoptr (MkSimpleExecutor) simple =
      mk_simple_executor_new_for_command_line (options->command_line, error);
  MkProbe *probe;

  if (simple != NULL && options->banner != NULL)
    return new_output_executor (options, mk_simple_executor_get_command (simple));
  if (simple == NULL || options->probes->len == 0)
    return g_steal_pointer (&simple);

  probe = g_ptr_array_index (options->probes, 0);
  return MK_SIMPLE_EXECUTOR (mk_executor_new (mk_simple_executor_get_command (simple), probe));
}

static void
set_up_executor (MkSimpleExecutor *executor,
                 const MkToolServiceOptions *service_options,
                 const MkToolOptions *options)
{
  g_autoptr (GStrvBuilder) environment = g_strv_builder_new ();
  g_auto (GStrv) strv = NULL;

  for (guint i = 0; i < service_options->environment->len; i++)
    g_strv_builder_add (environment, g_ptr_array_index (service_options->environment, i));
  strv = g_strv_builder_end (environment);

  if (strv[0] != NULL)
    mk_simple_executor_set_environment (executor, (const char *const *) strv);
  if (service_options->cwd != NULL)
    mk_simple_executor_set_cwd (executor, service_options->cwd);
  mk_simple_executor_set_start_timeout (executor, options->timeout);
  mk_simple_executor_set_stop_timeout (executor, options->stop_timeout);
}

MkSimpleExecutor *
mk_tool_service_options_make_executor (const MkToolServiceOptions *self,
                                       const MkToolOptions *options,
                                       GError **error)
{
  MkSimpleExecutor *executor = new_executor (self, error);

  if (executor != NULL)
    set_up_executor (executor, self, options);
  else
    g_prefix_error (error, _ ("--service '%s': "), self->command_line);

  return executor;
}
