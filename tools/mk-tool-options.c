/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The command lines of `mirakuru run` and `mirakuru wait`, and their help.
 *
 * The options that describe a service follow the --service they belong to; GOption calls back
 * in the order of the command line. */

#include "mk-tool-options.h"

#include <string.h>

#define DEFAULT_TIMEOUT      60000
#define DEFAULT_STOP_TIMEOUT 10000

/* An option that has a value, which @func gets in the encoding of file names. */
#define VALUE(name, letter, func, help, placeholder)                                                         \
  {                                                                                                          \
    name, letter, G_OPTION_FLAG_FILENAME, G_OPTION_ARG_CALLBACK, func, help, placeholder                     \
  }
#define FLAG(name, letter, variable, help)                                                                   \
  {                                                                                                          \
    name, letter, 0, G_OPTION_ARG_NONE, variable, help, NULL                                                 \
  }

/* Reports a mistake on the command line. Returns: %FALSE */
gboolean
mk_tool_options_fail (GError **error, const char *format, ...)
{
  g_autofree char *message = NULL;
  va_list args;

  va_start (args, format);
  message = g_strdup_vprintf (format, args);
  va_end (args);

  g_set_error_literal (error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED, message);
  return FALSE;
}

/* Only digits and a point: strtod() would also take "inf", "0x1p3" and blanks. */
gboolean
mk_tool_options_parse_seconds (const char *option_name,
                               const char *value,
                               guint *milliseconds,
                               GError **error)
{
  gboolean is_number = strspn (value, "0123456789.") == strlen (value) &&
                       strpbrk (value, "0123456789") != NULL && strchr (value, '.') == strrchr (value, '.');
  double number = is_number ? g_ascii_strtod (value, NULL) * 1000 : -1;

  if (number < 0 || number > G_MAXUINT)
    return mk_tool_options_fail (error,
                                 _ ("%s needs a number of seconds from 0 to %u, not '%s'"),
                                 option_name,
                                 G_MAXUINT / 1000,
                                 value);

  /* Rounded up: 0 has a meaning of its own. */
  *milliseconds = (guint) number;
  if (*milliseconds < number && *milliseconds < G_MAXUINT)
    *milliseconds += 1;
  return TRUE;
}

/* ---- one service ---- */

static void
service_options_free (MkToolServiceOptions *service)
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
  if (self->services->len > 0)
    return g_ptr_array_index (self->services, self->services->len - 1);

  mk_tool_options_fail (
      error, _ ("%s describes a service: it must follow the --service it is for"), option_name);
  return NULL;
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
    return mk_tool_options_fail (
        error, _ ("%s can be given once for a service: 'A|B' matches either"), option_name);
  if (*value == '\0')
    return mk_tool_options_fail (error, _ ("%s needs a regular expression to look for"), option_name);

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
  if (*value == '\0' || has_control_character (value) || !g_utf8_validate (value, -1, NULL))
    return mk_tool_options_fail (error, _ ("%s needs a word to show"), option_name);

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
    return mk_tool_options_fail (error, _ ("%s needs NAME=VALUE, not '%s'"), option_name, value);

  g_ptr_array_add (service->environment, g_strdup (value));
  return TRUE;
}

static const GOptionEntry service_entry[] = {
  VALUE ("service", 's', on_service, N_ ("Start this service (quoted as in a shell)"), N_ ("CMD")),
  G_OPTION_ENTRY_NULL,
};

/* --- what applies to all ---- */

static gboolean
on_timeout (const char *option_name, const char *value, gpointer data, GError **error)
{
  return mk_tool_options_parse_seconds (option_name, value, &((MkToolOptions *) data)->timeout, error);
}

static gboolean
on_stop_timeout (const char *option_name, const char *value, gpointer data, GError **error)
{
  return mk_tool_options_parse_seconds (option_name, value, &((MkToolOptions *) data)->stop_timeout, error);
}

static void
add_run_options (GOptionGroup *group, MkToolOptions *self)
{
  const GOptionEntry entries[] = {
    VALUE (
        "output", 0, on_output, N_ ("Ready when its output matches this regular expression"), N_ ("REGEXP")),
    VALUE ("name", 0, on_name, N_ ("Name of the service in what is printed"), N_ ("NAME")),
    VALUE ("cwd", 0, on_cwd, N_ ("Directory the service is started in"), N_ ("DIR")),
    VALUE ("env", 0, on_env, N_ ("Variable for the environment of the service"), N_ ("NAME=VALUE")),
    VALUE ("timeout",
           't',
           on_timeout,
           N_ ("Time for each service to be ready (60; 0: no limit)"),
           N_ ("SECONDS")),
    VALUE ("stop-timeout",
           0,
           on_stop_timeout,
           N_ ("Time for a service to end before it is killed (10; 0: no limit)"),
           N_ ("SECONDS")),
    FLAG ("verbose", 'v', &self->verbose, N_ ("Show what the services print")),
    FLAG ("quiet", 'q', &self->quiet, N_ ("Print errors only")),
    FLAG ("version", 0, &self->version, N_ ("Print the version")),
    G_OPTION_ENTRY_NULL,
  };

  g_option_group_add_entries (group, service_entry);
  mk_tool_readiness_add_options (group, on_service_readiness);
  g_option_group_add_entries (group, entries);
}

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

/* Only there to say more about it than that it is unknown. */
static gboolean
on_output_of_nobody (const char *option_name, const char *value, gpointer data, GError **error)
{
  return mk_tool_options_fail (
      error,
      _ ("%s is for 'mirakuru run': 'mirakuru wait' starts nothing whose output it could read"),
      option_name);
}

static void
add_wait_options (GOptionGroup *group, MkToolOptions *self)
{
  const GOptionEntry entries[] = {
    { "output", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_CALLBACK, on_output_of_nobody, NULL, NULL },
    FLAG ("gone", 0, &self->gone, N_ ("Wait until none of the conditions is met any more")),
    VALUE ("timeout", 't', on_timeout, N_ ("Time to wait (60; 0: no limit)"), N_ ("SECONDS")),
    FLAG ("quiet", 'q', &self->quiet, N_ ("Print errors only")),
    FLAG ("version", 0, &self->version, N_ ("Print the version")),
    G_OPTION_ENTRY_NULL,
  };

  mk_tool_readiness_add_options (group, on_readiness);
  g_option_group_add_entries (group, entries);
}

/* ---- parsing ---- */

/* Takes COMMAND, everything after the first "--", off @argv. */
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
    return mk_tool_options_fail (error, _ ("no command after '--'"));

  return TRUE;
}

/* `--help` is handled by GOption, which exits. */
static gboolean
parse (MkToolOptions *self, GOptionContext *context, char **argv, GError **error)
{
  g_auto (GStrv) args = g_strdupv (argv);

  if (!take_command (self, args, error) || !g_option_context_parse_strv (context, &args, error))
    return FALSE;

  /* GOption has taken out the options it knows. */
  if (args[0] != NULL && args[1] != NULL)
    return mk_tool_options_fail (error,
                                 _ ("'%s' is not an option: a command to run must follow '--', and the "
                                    "command of a service must be one word in quotes"),
                                 args[1]);

  return TRUE;
}

static MkToolOptions *
options_new (void)
{
  MkToolOptions *self = g_new0 (MkToolOptions, 1);

  self->services = g_ptr_array_new_with_free_func ((GDestroyNotify) service_options_free);
  self->probes = g_ptr_array_new_with_free_func (g_object_unref);
  self->probe_names = g_ptr_array_new_with_free_func (g_free);
  self->timeout = DEFAULT_TIMEOUT;
  self->stop_timeout = DEFAULT_STOP_TIMEOUT;

  return self;
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

static GOptionContext *
new_context (const char *arguments, GOptionGroup *group, const char *summary, const char *description)
{
  GOptionContext *context = g_option_context_new (arguments);

  /* The first word that is not known is what was meant otherwise: parse() says so. */
  g_option_context_set_strict_posix (context, TRUE);
  g_option_context_set_ignore_unknown_options (context, TRUE);
  g_option_group_set_translation_domain (group, GETTEXT_PACKAGE);
  g_option_context_set_main_group (context, group);
  g_option_context_set_summary (context, summary);
  g_option_context_set_description (context, description);

  return context;
}

MkToolOptions *
mk_tool_options_new_for_run (char **argv, GError **error)
{
  g_autoptr (MkToolOptions) self = options_new ();
  GOptionGroup *group = g_option_group_new ("run", NULL, NULL, self, NULL);
  g_autoptr (GOptionContext) context = new_context (
      _ ("--service CMD … [-- COMMAND…]"),
      group,
      _ ("Starts the services side by side, runs COMMAND once all of them are ready, stops them\n"
         "and exits with the status of COMMAND. Without COMMAND the services run until Ctrl-C.\n"
         "\n"
         "--name, --cwd, --env and the conditions (--tcp, --http, --unix, --file, --exec, --output)\n"
         "apply to the --service before them. A service without a condition is ready as soon as it\n"
         "is started, one with several when all of them are met. --interval and --attempt-timeout apply\n"
         "to the condition before them, and what describes a request (--status, --method, --header,\n"
         "--follow-redirects, --ca-file, --certificate-file, --insecure) to the --http before it."),
      _ ("Exit status:\n"
         "  that of COMMAND, or 128 and the number of the signal that killed it\n"
         "  0    without COMMAND: ended by Ctrl-C or SIGTERM\n"
         "  124  a service was not ready in time\n"
         "  125  a service failed, or this command was used wrongly\n"
         "  126  COMMAND cannot be executed\n"
         "  127  COMMAND was not found\n"
         "  129, 130, 143  ended by SIGHUP, Ctrl-C, SIGTERM before the services were ready\n"
         "\n"
         "Examples:\n"
         "  mirakuru run --service 'redis-server --port 6379' --tcp 127.0.0.1:6379 -- redis-cli ping\n"
         "  mirakuru run --timeout 10 --verbose \\\n"
         "      --service 'redis-server --port 6379' --tcp 6379 \\\n"
         "      --service 'python3 -m http.server 8000' --name web --cwd htdocs --tcp 8000 \\\n"
         "      -- ./run-tests\n"
         "  mirakuru run --service 'sh -c \"exec my-server 2>log\"' --tcp '[::1]:8000'\n"
         "  mirakuru run --service 'my-server' --http http://localhost:8000/health --status 204\n"
         "  mirakuru run --service 'my-server --port 0' --output '^listening on port \\d+$'\n"
         "  mirakuru run --service 'my-database --foreground' --exec 'my-database-client ping'\n"));

  add_run_options (group, self);
  if (!parse (self, context, argv, error))
    return NULL;

  if (!self->version && self->services->len == 0)
    {
      mk_tool_options_fail (error, _ ("nothing to start: no --service"));
      return NULL;
    }

  if (!self->version && self->quiet && self->verbose)
    {
      mk_tool_options_fail (error, _ ("--quiet and --verbose exclude each other"));
      return NULL;
    }

  return g_steal_pointer (&self);
}

MkToolOptions *
mk_tool_options_new_for_wait (char **argv, GError **error)
{
  g_autoptr (MkToolOptions) self = options_new ();
  GOptionGroup *group = g_option_group_new ("wait", NULL, NULL, self, NULL);
  g_autoptr (GOptionContext) context = new_context (
      _ ("{--tcp HOST:PORT | --http URL | --unix PATH | --file PATH | --exec CMD} … [-- COMMAND…]"),
      group,
      _ ("Waits until all conditions are met, or with --gone until none of them is, then turns into\n"
         "COMMAND. --interval and --attempt-timeout apply to the condition before them, and what\n"
         "describes a request (--status, --method, --header, --follow-redirects, --ca-file,\n"
         "--certificate-file, --insecure) to the --http before it."),
      _ ("HOST:PORT may also be [ADDRESS]:PORT, :PORT or PORT; the host is then localhost.\n"
         "@NAME as the PATH of --unix is an abstract socket.\n"
         "\n"
         "Exit status:\n"
         "  0    all conditions are met; with COMMAND, the status of COMMAND\n"
         "  124  timed out\n"
         "  125  something else failed, or this command was used wrongly\n"
         "  126  COMMAND cannot be executed\n"
         "  127  COMMAND was not found\n"
         "\n"
         "Examples:\n"
         "  mirakuru wait --tcp localhost:5432 --timeout 10 -- psql -h localhost\n"
         "  mirakuru wait --http https://localhost:8443/health --status 204 --insecure\n"
         "  mirakuru wait --tcp 6379 --gone\n"
         "  mirakuru wait --unix /run/redis.sock --file /run/redis.pid\n"));

  add_wait_options (group, self);
  if (!parse (self, context, argv, error))
    return NULL;

  if (!self->version && self->probes->len == 0)
    {
      mk_tool_options_fail (error, _ ("nothing to wait for: no --tcp, --http, --unix, --file or --exec"));
      return NULL;
    }

  return g_steal_pointer (&self);
}
