/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The command lines of `mirakuru run` and `mirakuru wait`. */

#include "mk-tool-options.h"

#include <string.h>

#include "mk-tool-help.h"
#include "base/mk-i18n-private.h"
#include "mk-tool-readiness.h"
#include "mk-tool-service-options.h"

#define DEFAULT_TIMEOUT      60000
#define DEFAULT_STOP_TIMEOUT 10000

static gboolean
on_readiness (const char *option_name, const char *value, gpointer data, GError **error)
{
  MkToolOptions *self = data;

  if (!mk_tool_readiness_parse (option_name, value, self->probes, error))
    return FALSE;

  if (self->probe_names->len < self->probes->len)
    g_ptr_array_add (self->probe_names, mk_tool_readiness_dup_name (option_name, value));
  return TRUE;
}

/* Only digits and a point: strtod() would also take "inf", "0x1p3" and blanks. */
static gboolean
parse_seconds (const char *option_name, const char *value, guint *milliseconds, GError **error)
{
  gboolean is_number = strspn (value, "0123456789.") == strlen (value) &&
                       strpbrk (value, "0123456789") != NULL && strchr (value, '.') == strrchr (value, '.');
  double number = is_number ? g_ascii_strtod (value, NULL) * 1000 : -1;

  if (number < 0 || number > G_MAXUINT)
    {
      g_set_error (error,
                   G_OPTION_ERROR,
                   G_OPTION_ERROR_BAD_VALUE,
                   _ ("%s needs a number of seconds from 0 (no limit) to %u, not '%s'"),
                   option_name,
                   G_MAXUINT / 1000,
                   value);
      return FALSE;
    }

  /* Rounded up: a tiny limit must not turn into none. */
  *milliseconds = (guint) number;
  if (*milliseconds < number && *milliseconds < G_MAXUINT)
    *milliseconds += 1;
  return TRUE;
}

static gboolean
on_timeout (const char *option_name, const char *value, gpointer data, GError **error)
{
  MkToolOptions *self = data;

  return parse_seconds (option_name, value, &self->timeout, error);
}

static gboolean
on_stop_timeout (const char *option_name, const char *value, gpointer data, GError **error)
{
  MkToolOptions *self = data;

  return parse_seconds (option_name, value, &self->stop_timeout, error);
}

static void
add_run_options (GOptionGroup *group, MkToolOptions *self)
{
  const GOptionEntry entries[] = {
    { "timeout",
      't',
      0,
      G_OPTION_ARG_CALLBACK,
      on_timeout,
      N_ ("Time for each service to be ready (60; 0: no limit)"),
      N_ ("SECONDS") },
    { "stop-timeout",
      0,
      0,
      G_OPTION_ARG_CALLBACK,
      on_stop_timeout,
      N_ ("Time for a service to end before it is killed (10; 0: no limit)"),
      N_ ("SECONDS") },
    { "verbose", 'v', 0, G_OPTION_ARG_NONE, &self->verbose, N_ ("Show what the services print"), NULL },
    { "quiet", 'q', 0, G_OPTION_ARG_NONE, &self->quiet, N_ ("Print errors only"), NULL },
    { "version", 0, 0, G_OPTION_ARG_NONE, &self->version, N_ ("Print the version"), NULL },
    G_OPTION_ENTRY_NULL,
  };

  mk_tool_service_options_add_to_group (group);
  g_option_group_add_entries (group, entries);
}

/* Only so that whoever tries it is told more than that it is unknown */
static gboolean
on_output_of_nobody (const char *option_name, const char *value, gpointer data, GError **error)
{
  g_set_error (error,
               G_OPTION_ERROR,
               G_OPTION_ERROR_FAILED,
               _ ("%s is for 'mirakuru run': 'mirakuru wait' starts nothing whose output it could read"),
               option_name);
  return FALSE;
}

static void
add_wait_options (GOptionGroup *group, MkToolOptions *self)
{
  const GOptionEntry entries[] = {
    { "output", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_CALLBACK, on_output_of_nobody, NULL, NULL },
    { "gone", 0, 0, G_OPTION_ARG_NONE, &self->gone, N_ ("Wait until it is no longer there"), NULL },
    { "timeout",
      't',
      0,
      G_OPTION_ARG_CALLBACK,
      on_timeout,
      N_ ("Time to wait (60; 0: no limit)"),
      N_ ("SECONDS") },
    { "quiet", 'q', 0, G_OPTION_ARG_NONE, &self->quiet, N_ ("Print errors only"), NULL },
    { "version", 0, 0, G_OPTION_ARG_NONE, &self->version, N_ ("Print the version"), NULL },
    G_OPTION_ENTRY_NULL,
  };

  mk_tool_readiness_add_options (group, on_readiness);
  g_option_group_add_entries (group, entries);
}

/* Takes COMMAND, all that follows the first "--", off @argv. */
static gboolean
take_command (MkToolOptions *self, char **argv, GError **error)
{
  guint n_options = 0;

  while (argv[n_options] != NULL && !g_str_equal (argv[n_options], "--"))
    n_options++;

  if (argv[n_options] == NULL)
    return TRUE;

  self->command = g_strdupv (argv + n_options + 1);
  for (char **rest = argv + n_options; *rest != NULL; rest++)
    g_clear_pointer (rest, g_free);

  if (self->command[0] == NULL || *self->command[0] == '\0')
    {
      g_set_error_literal (error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED, _ ("no command after '--'"));
      return FALSE;
    }

  return TRUE;
}

/* GOption takes the options it knows out of @args; what is left was not meant to be there. */
static gboolean
parse (MkToolOptions *self, GOptionContext *context, char **argv, GError **error)
{
  g_auto (GStrv) args = g_strdupv (argv);

  if (!take_command (self, args, error) || !g_option_context_parse_strv (context, &args, error))
    return FALSE;

  if (args[0] != NULL && args[1] != NULL)
    {
      g_set_error (error,
                   G_OPTION_ERROR,
                   G_OPTION_ERROR_FAILED,
                   _ ("'%s' is not an option: a command to run stands after '--', and the command of a "
                      "service is one word in quotes"),
                   args[1]);
      return FALSE;
    }

  return TRUE;
}

static gboolean
check_run (MkToolOptions *self, GError **error)
{
  if (self->version)
    return TRUE;

  if (self->services->len == 0)
    {
      g_set_error_literal (
          error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED, _ ("nothing to start: no --service"));
      return FALSE;
    }

  if (self->quiet && self->verbose)
    {
      g_set_error_literal (
          error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED, _ ("--quiet and --verbose exclude each other"));
      return FALSE;
    }

  return TRUE;
}

static gboolean
check_wait (MkToolOptions *self, GError **error)
{
  if (self->version || self->probes->len > 0)
    return TRUE;

  g_set_error_literal (error,
                       G_OPTION_ERROR,
                       G_OPTION_ERROR_FAILED,
                       _ ("nothing to wait for: no --tcp, --http, --unix, --file or --exec"));
  return FALSE;
}

static MkToolOptions *
options_new (void)
{
  MkToolOptions *self = g_new0 (MkToolOptions, 1);

  self->services = g_ptr_array_new_with_free_func ((GDestroyNotify) mk_tool_service_options_free);
  self->probes = g_ptr_array_new_with_free_func (g_object_unref);
  self->probe_names = g_ptr_array_new_with_free_func (g_free);
  self->timeout = DEFAULT_TIMEOUT;
  self->stop_timeout = DEFAULT_STOP_TIMEOUT;

  return self;
}

/* `--help` is answered by GOption, which exits. */
MkToolOptions *
mk_tool_options_new_for_run (char **argv, GError **error)
{
  g_autoptr (MkToolOptions) self = options_new ();
  GOptionGroup *group = g_option_group_new ("run", NULL, NULL, self, NULL);
  g_autoptr (GOptionContext) context = mk_tool_help_new_run_context (group);

  add_run_options (group, self);
  if (!parse (self, context, argv, error) || !check_run (self, error))
    return NULL;

  return g_steal_pointer (&self);
}

MkToolOptions *
mk_tool_options_new_for_wait (char **argv, GError **error)
{
  g_autoptr (MkToolOptions) self = options_new ();
  GOptionGroup *group = g_option_group_new ("wait", NULL, NULL, self, NULL);
  g_autoptr (GOptionContext) context = mk_tool_help_new_wait_context (group);

  add_wait_options (group, self);
  if (!parse (self, context, argv, error) || !check_wait (self, error))
    return NULL;

  return g_steal_pointer (&self);
}

void
mk_tool_options_free (MkToolOptions *self)
{
  g_ptr_array_unref (self->services);
  g_ptr_array_unref (self->probes);
  g_ptr_array_unref (self->probe_names);
  g_strfreev (self->command);
  g_free (self);
}
