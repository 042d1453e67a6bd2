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

static gboolean
options_parse_time (const char *option_name, const char *value, guint *milliseconds, GError **error)
{
  g_autoptr (GError) local_error = NULL;

  return mk_parse_duration (value, milliseconds, &local_error) ||
         mk_tool_options_fail (error, "%s: %s", option_name, local_error->message);
}

/* ---- one service ---- */

static void
options_free_service (MkToolServiceOptions *service)
{
  g_free (service->source);
  g_free (service->name);
  g_ptr_array_unref (service->settings);
  g_ptr_array_unref (service->requires);
  g_free (service);
}

static void
options_add_setting (GPtrArray *settings, const char *key, const char *value)
{
  g_ptr_array_add (settings, g_strconcat (key, "=", value != NULL ? value : "", NULL));
}

static MkToolServiceOptions *
options_new_service (MkToolOptions *self, MkToolSource kind, const char *source)
{
  MkToolServiceOptions *service = g_new0 (MkToolServiceOptions, 1);

  service->kind = kind;
  service->source = g_strdup (source);
  service->settings = g_ptr_array_new_with_free_func (g_free);
  service->requires = g_ptr_array_new_with_free_func (g_free);
  g_ptr_array_add (self->services, service);
  return service;
}

static gboolean
options_add_service (MkToolOptions *self, const char *option_name, const char *value, GError **error)
{
  MkToolServiceOptions *service = options_new_service (self, MK_TOOL_SOURCE_COMMAND, value);

  options_add_setting (service->settings, "Command", value);
  return TRUE;
}

static gboolean
options_add_template (MkToolOptions *self, const char *option_name, const char *value, GError **error)
{
  MkToolServiceOptions *service = options_new_service (self, MK_TOOL_SOURCE_TEMPLATE, value);

  options_add_setting (service->settings, "Template", value);
  return TRUE;
}

static gboolean
options_add_override (MkToolOptions *self, const char *option_name, const char *value, GError **error)
{
  const char *dot = strchr (value, '.');
  const char *equals = strchr (value, '=');

  if (dot == NULL || equals == NULL || dot > equals || dot == value || equals == dot + 1)
    return mk_tool_options_fail (error, _ ("%s needs NAME.KEY=VALUE, not '%s'"), option_name, value);

  g_ptr_array_add (self->overrides, g_strdup (value));
  return TRUE;
}

static gboolean
options_add_required (MkToolServiceOptions *service,
                      const char *option_name,
                      const char *value,
                      GError **error)
{
  g_ptr_array_add (service->requires, g_strdup (value));
  return TRUE;
}

static gboolean
options_has_control_character (const char *text)
{
  for (; *text != '\0'; text++)
    if (g_ascii_iscntrl (*text))
      return TRUE;

  return FALSE;
}

static gboolean
options_set_name (MkToolServiceOptions *service, const char *option_name, const char *value, GError **error)
{
  if (*value == '\0' || options_has_control_character (value) || !g_utf8_validate (value, -1, NULL))
    return mk_tool_options_fail (error, _ ("%s needs a name that can be shown"), option_name);

  g_free (service->name);
  service->name = g_strdup (value);
  return TRUE;
}

/* ---- the table ---- */

/* An option of `mirakuru run`, `mirakuru wait` or both. What is set among the last fields says
 * what it does. */
typedef struct
{
  const char *name;
  char letter;
  MkToolOptionsFlags commands;
  const char *argument; /* (nullable): NULL if there is no value */
  const char *help;

  gboolean is_optional; /* the value may be left out */
  gboolean is_command;  /* the value is run, without a shell */

  /* applies to all */
  gboolean (*set) (MkToolOptions *self, const char *option_name, const char *value, GError **error);
  gsize flag; /* the offset of a gboolean in MkToolOptions */
  gsize time; /* the offset of milliseconds in MkToolOptions */
  gsize path; /* the offset of a filename in MkToolOptions */

  /* applies to the service before it */
  gboolean (*set_service) (MkToolServiceOptions *service,
                           const char *option_name,
                           const char *value,
                           GError **error);

  /* is this key of services files, for the service before it, or for what `mirakuru wait` waits for; a
   * default for all services if it has a time, too */
  const char *key;
  gboolean is_condition; /* for `mirakuru wait`: what follows it describes it */
} Option;

#define RUN  MK_TOOL_OPTIONS_RUN
#define WAIT MK_TOOL_OPTIONS_WAIT

/* In the order of the help. */
static const Option options[] = {
  { "service",
    's',
    RUN,
    N_ ("CMD"),
    N_ ("Start this service (quoted as in a shell)"),
    .is_command = TRUE,
    .set = options_add_service,
    .key = "Command" },
  { "template",
    0,
    RUN,
    N_ ("NAME"),
    N_ ("Start the service that a template describes (see 'mirakuru templates')"),
    .set = options_add_template,
    .key = "Template" },
  { "set",
    0,
    RUN,
    N_ ("NAME.KEY=VALUE"),
    N_ ("Value or setting of a service of a template or a file, such as redis.port=6379"),
    .set = options_add_override,
    .key = "Values" },
  { "tcp",
    0,
    RUN | WAIT,
    N_ ("HOST:PORT"),
    N_ ("Ready when this port accepts connections"),
    .key = "Tcp",
    .is_condition = TRUE },
  { "listening-only",
    0,
    RUN | WAIT,
    NULL,
    N_ ("… looked up on this machine, without connecting"),
    .key = "ListeningOnly" },
  { "http",
    0,
    RUN | WAIT,
    N_ ("URL"),
    N_ ("Ready when this URL answers"),
    .key = "Http",
    .is_condition = TRUE },
  /* Translators: this and the next ones continue “Ready when this URL answers” */
  { "status",
    0,
    RUN | WAIT,
    N_ ("CODE"),
    N_ ("… with this status (a code or a regular expression)"),
    .key = "Status" },
  { "body",
    0,
    RUN | WAIT,
    N_ ("REGEXP"),
    N_ ("… with a body that matches this regular expression"),
    .key = "Body" },
  { "method", 0, RUN | WAIT, N_ ("METHOD"), N_ ("… to a request of this method (HEAD)"), .key = "Method" },
  { "header",
    0,
    RUN | WAIT,
    N_ ("'NAME: VALUE'"),
    N_ ("… with this header in the request"),
    .key = "Header" },
  { "follow", 0, RUN | WAIT, NULL, N_ ("… after following redirects"), .key = "Follow" },
  { "cacert",
    0,
    RUN | WAIT,
    N_ ("FILE"),
    N_ ("… with a certificate that an authority in this file has signed"),
    .key = "CaCert" },
  { "cert",
    0,
    RUN | WAIT,
    N_ ("FILE"),
    N_ ("… to a client with this certificate and key (PEM)"),
    .key = "Cert" },
  { "insecure", 0, RUN | WAIT, NULL, N_ ("… whatever its certificate is"), .key = "Insecure" },
  { "http-unix",
    0,
    RUN | WAIT,
    N_ ("PATH"),
    N_ ("… on this Unix socket (without --http: http://localhost/)"),
    .key = "HttpUnix",
    .is_condition = TRUE },
  { "unix",
    0,
    RUN | WAIT,
    N_ ("PATH"),
    N_ ("Ready when this Unix socket accepts connections"),
    .key = "Unix",
    .is_condition = TRUE },
  { "file",
    0,
    RUN | WAIT,
    N_ ("PATH"),
    N_ ("Ready when this file exists; before any service: a file that describes services"),
    .key = "File",
    .is_condition = TRUE },
  { "exec",
    0,
    RUN | WAIT,
    N_ ("CMD"),
    N_ ("Ready when this command succeeds (quoted as in a shell)"),
    .is_command = TRUE,
    .key = "Exec",
    .is_condition = TRUE },
  { "dbus",
    0,
    RUN | WAIT,
    N_ ("[BUS:]NAME"),
    N_ ("Ready when this name has an owner on a bus (session, system or an address)"),
    .key = "DBus",
    .is_condition = TRUE },
  { "notify",
    0,
    RUN,
    N_ ("FD"),
    N_ ("Ready when it notifies: READY=1 (sd_notify), or a newline on descriptor FD"),
    .is_optional = TRUE,
    .key = "Notify",
    .is_condition = TRUE },
  { "output",
    0,
    RUN,
    N_ ("REGEXP"),
    N_ ("Ready when its output matches this regular expression"),
    .key = "Output" },
  { "interval",
    0,
    RUN | WAIT,
    N_ ("TIME"),
    N_ ("Time between two attempts, for the condition before this option (0: automatic)"),
    .key = "Interval" },
  { "attempt-timeout",
    0,
    RUN | WAIT,
    N_ ("TIME"),
    N_ ("Time for one attempt, for the condition before this option (0: automatic)"),
    .key = "AttemptTimeout" },
  { "stable-for",
    0,
    RUN | WAIT,
    N_ ("TIME"),
    N_ ("Time for which the condition before this option must be met continuously (0)"),
    .key = "StableFor" },
  { "any", 0, RUN, NULL, N_ ("Ready when one of the conditions is met, instead of all"), .key = "Any" },
  { "completes",
    0,
    RUN,
    NULL,
    N_ ("Ready when it has ended successfully, as a migration does"),
    .key = "Completes" },
  { "reuse",
    0,
    RUN,
    NULL,
    N_ ("Use a service that already meets the conditions, and leave it running"),
    .key = "Reuse" },
  { "requires",
    0,
    RUN,
    N_ ("NAME"),
    N_ ("Another service that has to be ready before this one is started"),
    .set_service = options_add_required },
  { "name",
    0,
    RUN,
    N_ ("NAME"),
    N_ ("Name of the service in messages and placeholders"),
    .set_service = options_set_name },
  { "cwd", 0, RUN, N_ ("DIR"), N_ ("Directory the service is started in"), .key = "Cwd" },
  { "launcher",
    0,
    RUN,
    N_ ("CMD"),
    N_ ("Run the service through this command, such as 'ssh -o BatchMode=yes HOST'"),
    .key = "Launcher" },
  { "forward",
    0,
    RUN,
    N_ ("[NEAR:]FAR"),
    N_ ("Forward this port to where the launcher runs the service (as ssh -L)"),
    .key = "Forwards" },
  { "env",
    0,
    RUN,
    N_ ("NAME=VALUE"),
    N_ ("Variable for the environment of the service"),
    .key = "Environment" },
  { "unset", 0, RUN, N_ ("NAME"), N_ ("Variable that the service does not get"), .key = "UnsetEnvironment" },
  { "stdin",
    0,
    RUN,
    N_ ("FILE"),
    N_ ("Input of the service (without FILE: open, and never ends)"),
    .is_optional = TRUE,
    .key = "Stdin" },
  { "pty", 0, RUN, NULL, N_ ("Let the service print to a terminal"), .key = "Pty" },
  { "stop-mode",
    0,
    RUN,
    N_ ("MODE"),
    N_ ("What gets the stop signal: leader (first process, then the rest; default), tree (all at once)"),
    .key = "StopMode" },
  { "stop-signal",
    0,
    RUN,
    N_ ("SIGNAL"),
    N_ ("Signal that asks the service to end (TERM)"),
    .key = "StopSignal" },
  { "expected-status",
    0,
    RUN,
    N_ ("STATUS"),
    N_ ("Exit status of the service that is not a failure (besides 0)"),
    .key = "ExpectedStatus" },
  { "any",
    0,
    WAIT,
    NULL,
    N_ ("Wait for one of the conditions, instead of all"),
    .flag = G_STRUCT_OFFSET (MkToolOptions, any) },
  { "gone",
    0,
    WAIT,
    NULL,
    N_ ("Wait until none of the conditions is met any more"),
    .flag = G_STRUCT_OFFSET (MkToolOptions, gone) },
  { "timeout",
    't',
    RUN,
    N_ ("TIME"),
    N_ ("Time for each service to become ready; after a --service, for that one (60; 0: no limit)"),
    .time = G_STRUCT_OFFSET (MkToolOptions, timeout),
    .key = "Timeout" },
  { "timeout",
    't',
    WAIT,
    N_ ("TIME"),
    N_ ("Time to wait (60; 0: no limit)"),
    .time = G_STRUCT_OFFSET (MkToolOptions, timeout) },
  { "stop-timeout",
    0,
    RUN,
    N_ ("TIME"),
    N_ ("Time for each service to end before it is killed; after a --service, for that one (10; 0: no limit)"),
    .time = G_STRUCT_OFFSET (MkToolOptions, stop_timeout),
    .key = "StopTimeout" },
  { "isolate",
    0,
    RUN,
    NULL,
    N_ ("Give services and COMMAND their own home directory, and no message bus of this machine"),
    .flag = G_STRUCT_OFFSET (MkToolOptions, isolate) },
  { "log-dir",
    0,
    RUN,
    N_ ("DIR"),
    N_ ("Write all output of each service to a file NAME.log in this directory"),
    .path = G_STRUCT_OFFSET (MkToolOptions, log_dir) },
  { "report",
    0,
    RUN,
    N_ ("FILE"),
    N_ ("At the end, write a report to this file (JSON)"),
    .path = G_STRUCT_OFFSET (MkToolOptions, report) },
  { "timeline",
    0,
    RUN,
    N_ ("FILE"),
    N_ ("At the end, draw a timeline in this file (SVG)"),
    .path = G_STRUCT_OFFSET (MkToolOptions, timeline) },
  { "stop-when-dead",
    0,
    RUN,
    NULL,
    N_ ("End COMMAND when a service ends"),
    .flag = G_STRUCT_OFFSET (MkToolOptions, stop_when_dead) },
  { "verbose",
    'v',
    RUN,
    NULL,
    N_ ("Show what the services print"),
    .flag = G_STRUCT_OFFSET (MkToolOptions, verbose) },
  { "quiet",
    'q',
    RUN | WAIT,
    NULL,
    N_ ("Print errors only"),
    .flag = G_STRUCT_OFFSET (MkToolOptions, quiet) },
  { "version",
    0,
    RUN | WAIT,
    NULL,
    N_ ("Print the version"),
    .flag = G_STRUCT_OFFSET (MkToolOptions, version) },
};

/* Returns: (nullable): what @word, such as "--tcp", "--tcp=1" or "-t", means to @commands */
static const Option *
options_find (MkToolOptionsFlags commands, const char *word)
{
  gsize length = strcspn (word, "=");

  for (gsize i = 0; i < G_N_ELEMENTS (options); i++)
    {
      const char *name = options[i].name;

      if ((options[i].commands & commands) == 0 || word[0] != '-')
        continue;
      if (options[i].letter != 0 && word[1] == options[i].letter && word[2] == '\0')
        return &options[i];
      if (word[1] == '-' && length == strlen (name) + 2 && strncmp (word + 2, name, length - 2) == 0)
        return &options[i];
    }

  return NULL;
}

/* The value as it was given, without the user and the password of a URL. */
static char *
options_dup_shown (const char *option, const char *value)
{
  const char *at = strrchr (value, '@');
  const char *slashes = strstr (value, "://");

  if (!g_str_equal (option, "http") || at == NULL)
    return g_strdup (value);
  if (slashes == NULL || slashes > at)
    return g_strdup_printf ("…%s", at);

  return g_strdup_printf ("%.*s…%s", (int) (slashes - value) + 3, value, at);
}

static gboolean
options_has_key (GPtrArray *settings, const char *key)
{
  gsize length = strlen (key);

  for (guint i = 0; i < settings->len; i++)
    {
      const char *setting = g_ptr_array_index (settings, i);

      if (strncmp (setting, key, length) == 0 && setting[length] == '=')
        return TRUE;
    }

  return FALSE;
}

/* What `mirakuru wait` waits for. --http-unix belongs to an --http, or is a condition itself. */
static void
options_add_to_conditions (MkToolOptions *self, const Option *option, const char *value)
{
  GPtrArray *last =
      self->conditions->len > 0 ? g_ptr_array_index (self->conditions, self->conditions->len - 1) : NULL;
  gboolean is_detail =
      !option->is_condition || (g_str_equal (option->key, "HttpUnix") && last != NULL &&
                                options_has_key (last, "Http") && !options_has_key (last, "HttpUnix"));

  /* The library says what is wrong with what describes nothing. */
  if (!is_detail || last == NULL)
    {
      last = g_ptr_array_new_with_free_func (g_free);
      g_ptr_array_add (self->conditions, last);
      g_ptr_array_add (self->probe_names, options_dup_shown (option->name, value));
    }
  options_add_setting (last, option->key, value);
}

/* An option that describes a service, or what `mirakuru wait` waits for. */
static gboolean
options_apply_to_target (MkToolOptions *self,
                         const Option *option,
                         const char *name,
                         const char *value,
                         GError **error)
{
  gboolean is_stdin = g_strcmp0 (option->key, "Stdin") == 0;
  const char *text = value != NULL ? value : is_stdin ? "" : "true";
  MkToolServiceOptions *service;

  if (self->commands == MK_TOOL_OPTIONS_WAIT)
    {
      options_add_to_conditions (self, option, text);
      return TRUE;
    }

  if (self->services->len == 0)
    return mk_tool_options_fail (
        error, _ ("%s describes a service: it must follow the --service or --template it is for"), name);
  service = g_ptr_array_index (self->services, self->services->len - 1);
  if (service->kind == MK_TOOL_SOURCE_FILE)
    return mk_tool_options_fail (error,
                                 _ ("%s describes a service, and must follow the --service or --template it "
                                    "is for: --set changes what is in a file"),
                                 name);

  if (option->set_service != NULL)
    return option->set_service (service, name, value, error);

  options_add_setting (service->settings, option->key, text);
  return TRUE;
}

/* Without a --service before it, --file is a services file. */
static gboolean
options_is_services_file (MkToolOptions *self, const Option *option)
{
  const MkToolServiceOptions *last =
      self->services->len > 0 ? g_ptr_array_index (self->services, self->services->len - 1) : NULL;

  return self->commands == MK_TOOL_OPTIONS_RUN && g_strcmp0 (option->key, "File") == 0 &&
         (last == NULL || last->kind == MK_TOOL_SOURCE_FILE);
}

static gboolean
options_apply (const char *option_name, const char *value, gpointer data, GError **error)
{
  MkToolOptions *self = data;
  const Option *option = options_find (self->commands, option_name);
  g_autofree char *name = g_strconcat ("--", option->name, NULL);

  if (option->is_command && !mk_tool_shell_check (name, value, error))
    return FALSE;
  if (option->set != NULL)
    return option->set (self, name, value, error);
  if (options_is_services_file (self, option))
    return options_new_service (self, MK_TOOL_SOURCE_FILE, value) != NULL;
  if (option->time != 0 && (option->key == NULL || self->services->len == 0))
    {
      if (option->key != NULL)
        options_add_setting (self->defaults, option->key, value);
      return options_parse_time (name, value, &G_STRUCT_MEMBER (guint, self, option->time), error);
    }
  if (option->flag != 0)
    return G_STRUCT_MEMBER (gboolean, self, option->flag) = TRUE;
  if (option->path != 0)
    {
      g_free (G_STRUCT_MEMBER (char *, self, option->path));
      G_STRUCT_MEMBER (char *, self, option->path) = g_strdup (value);
      return TRUE;
    }

  return options_apply_to_target (self, option, name, value, error);
}

static void
options_add_to_group (MkToolOptions *self, GOptionGroup *group)
{
  for (gsize i = 0; i < G_N_ELEMENTS (options); i++)
    {
      const Option *option = &options[i];
      int flags = option->argument == NULL ? G_OPTION_FLAG_NO_ARG : G_OPTION_FLAG_FILENAME;
      const GOptionEntry entries[] = {
        { option->name,
          option->letter,
          option->is_optional ? flags | G_OPTION_FLAG_OPTIONAL_ARG : flags,
          G_OPTION_ARG_CALLBACK,
          options_apply,
          option->help,
          option->argument },
        G_OPTION_ENTRY_NULL,
      };

      if ((option->commands & self->commands) != 0)
        g_option_group_add_entries (group, entries);
    }
}

/* ---- parsing ---- */

/* Takes COMMAND, everything after the first "--", off @argv. */
static gboolean
options_take_command (MkToolOptions *self, char **argv, GError **error)
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
options_parse (MkToolOptions *self, GOptionContext *context, char **argv, GError **error)
{
  g_auto (GStrv) args = g_strdupv (argv);

  if (!options_take_command (self, args, error) || !g_option_context_parse_strv (context, &args, error))
    return FALSE;

  if (args[0] == NULL || args[1] == NULL)
    return TRUE;

  /* GOption has taken out the options it knows. */
  if (options_find (MK_TOOL_OPTIONS_RUN | MK_TOOL_OPTIONS_WAIT, args[1]) != NULL)
    return mk_tool_options_fail (error,
                                 _ ("'%s' is not an option of '%s', only of '%s'"),
                                 args[1],
                                 self->commands == RUN ? "mirakuru run" : "mirakuru wait",
                                 self->commands == RUN ? "mirakuru wait" : "mirakuru run");

  if (self->commands == WAIT &&
      (strchr (args[1], ':') != NULL || strspn (args[1], "0123456789") == strlen (args[1])))
    return mk_tool_options_fail (error,
                                 _ ("'%s' is not an option: to wait for it, write %s %s"),
                                 args[1],
                                 strstr (args[1], "://") != NULL ? "--http" : "--tcp",
                                 args[1]);

  return mk_tool_options_fail (error,
                               _ ("'%s' is not an option: a command to run must follow '--', and the "
                                  "command of a service must be one word in quotes"),
                               args[1]);
}

static MkToolOptions *
options_new (MkToolOptionsFlags commands)
{
  MkToolOptions *self = g_new0 (MkToolOptions, 1);

  self->commands = commands;
  self->services = g_ptr_array_new_with_free_func ((GDestroyNotify) options_free_service);
  self->defaults = g_ptr_array_new_with_free_func (g_free);
  self->overrides = g_ptr_array_new_with_free_func (g_free);
  self->conditions = g_ptr_array_new_with_free_func ((GDestroyNotify) g_ptr_array_unref);
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
  g_ptr_array_unref (self->defaults);
  g_ptr_array_unref (self->overrides);
  g_ptr_array_unref (self->conditions);
  g_ptr_array_unref (self->probes);
  g_ptr_array_unref (self->probe_names);
  g_strfreev (self->command);
  g_free (self->log_dir);
  g_free (self->report);
  g_free (self->timeline);
  g_free (self);
}

static GOptionContext *
options_new_context (const char *arguments, GOptionGroup *group, const char *summary, const char *description)
{
  GOptionContext *context = g_option_context_new (arguments);

  /* The first word that is not known is what was meant otherwise: options_parse() says so. */
  g_option_context_set_strict_posix (context, TRUE);
  g_option_context_set_ignore_unknown_options (context, TRUE);
  g_option_group_set_translation_domain (group, GETTEXT_PACKAGE);
  g_option_context_set_main_group (context, group);
  g_option_context_set_summary (context, summary);
  g_option_context_set_description (context, description);

  return context;
}

/* Refuses what does not go together. */
static gboolean
options_check_run (MkToolOptions *self, GError **error)
{
  if (self->version)
    return TRUE;
  if (self->services->len == 0)
    return mk_tool_options_fail (error, _ ("nothing to start: no --service, --template or --file"));
  if (self->quiet && self->verbose)
    return mk_tool_options_fail (error, _ ("--quiet and --verbose exclude each other"));
  if (self->stop_when_dead && self->command == NULL)
    return mk_tool_options_fail (error, _ ("--stop-when-dead needs a COMMAND after '--'"));

  return TRUE;
}

/* @message: from the library, which knows keys of services files. Returns: (transfer full): the same about
 * an option of the command line */
char *
mk_tool_options_rename_key (const char *message)
{
  gsize length = strcspn (message, ":");
  GString *renamed = g_string_new (NULL);

  for (gsize i = 0; i < G_N_ELEMENTS (options); i++)
    if (options[i].key != NULL && strlen (options[i].key) == length &&
        strncmp (message, options[i].key, length) == 0)
      {
        g_string_append_printf (renamed, "--%s", options[i].name);
        message += length;
        break;
      }

  /* Others are mentioned as “Http=”. */
  g_string_append (renamed, message);
  for (gsize i = 0; i < G_N_ELEMENTS (options); i++)
    if (options[i].key != NULL)
      {
        g_autofree char *mentioned = g_strconcat (options[i].key, "=", NULL);
        g_autofree char *name = g_strconcat ("--", options[i].name, NULL);

        g_string_replace (renamed, mentioned, name, 0);
      }

  return g_string_free (renamed, FALSE);
}

/* Makes the probes of `mirakuru wait`. */
static gboolean
options_make_probes (MkToolOptions *self, GError **error)
{
  for (guint i = 0; i < self->conditions->len; i++)
    {
      GPtrArray *settings = g_ptr_array_index (self->conditions, i);
      g_autoptr (GError) local_error = NULL;
      MkProbe *probe;

      g_ptr_array_add (settings, NULL);
      probe = mk_probe_from_settings ((const char *const *) settings->pdata, &local_error);
      if (probe == NULL)
        {
          g_autofree char *message = mk_tool_options_rename_key (local_error->message);

          return mk_tool_options_fail (error, "%s", message);
        }
      g_ptr_array_add (self->probes, probe);
    }

  return TRUE;
}

MkToolOptions *
mk_tool_options_new_for_run (char **argv, GError **error)
{
  g_autoptr (MkToolOptions) self = options_new (MK_TOOL_OPTIONS_RUN);
  GOptionGroup *group = g_option_group_new ("run", NULL, NULL, self, NULL);
  g_autoptr (GOptionContext) context = options_new_context (
      _ ("--service CMD | --template NAME | --file FILE … [-- COMMAND…]"),
      group,
      _ ("Starts the services side by side, runs COMMAND once all of them are ready, stops\n"
         "them and exits with the status of COMMAND. Without COMMAND the services run\n"
         "until Ctrl-C.\n"
         "\n"
         "Options after a --service or --template, up to the next one, apply to that\n"
         "service. A service without a condition is ready as soon as it is started. If it\n"
         "has several conditions, all of them must be met, or with --any one of them.\n"
         "--interval, --attempt-timeout and --stable-for apply to the condition before\n"
         "them, and options that describe a request (…) to the --http before them.\n"
         "\n"
         "A TIME is a number of seconds, or has a unit: 500ms, 30s, 2m."),
      _ ("Exit status:\n"
         "  that of COMMAND, or 128 and the number of the signal that killed it\n"
         "  124  a service was not ready in time\n"
         "  125  a service failed, or this command was used wrongly\n"
         "  126  COMMAND cannot be executed\n"
         "  127  COMMAND was not found\n"
         "  129, 130, 143  ended by SIGHUP, Ctrl-C, SIGTERM (the services were stopped)\n"
         "\n"
         "Examples:\n"
         "  mirakuru run --template redis -- redis-cli -p '{redis.port}' ping\n"
         "  mirakuru run --template postgresql --set postgresql.database=test -- ./tests\n"
         "  mirakuru run --file services.ini -- ./run-tests\n"
         "  mirakuru run --service 'redis-server --port 6379' --tcp 6379 -- redis-cli ping\n"
         "  mirakuru run --timeout 10 --verbose \\\n"
         "      --service 'redis-server --port 6379' --tcp 6379 \\\n"
         "      --service 'python3 -m http.server 8000' --name web --cwd www --tcp 8000 \\\n"
         "      -- ./run-tests\n"
         "  mirakuru run --service 'sh -c \"exec my-server 2>log\"' --tcp '[::1]:8000'\n"
         "  mirakuru run --service my-server --http http://localhost:8000/up --status 204\n"
         "  mirakuru run --service 'my-server --port 0' --output '^listening on port \\d+$'\n"
         "  mirakuru run --service 'my-database --foreground' --exec 'my-client ping'\n"));

  options_add_to_group (self, group);
  if (!options_parse (self, context, argv, error))
    return NULL;

  return options_check_run (self, error) ? g_steal_pointer (&self) : NULL;
}

/* Puts one probe that stands for all of them in their place. With --gone one that is not met
 * any more is enough. */
static void
options_join_probes (MkToolOptions *self)
{
  MkProbe **probes = (MkProbe **) self->probes->pdata;
  guint n_probes = self->probes->len;
  g_autofree char *names = NULL;
  MkProbe *joined = self->gone ? MK_PROBE (mk_all_probe_new (probes, n_probes))
                               : MK_PROBE (mk_any_probe_new (probes, n_probes));

  g_ptr_array_set_size (self->probes, 0);
  g_ptr_array_add (self->probes, joined);

  g_ptr_array_add (self->probe_names, NULL);
  names = g_strjoinv (" | ", (char **) self->probe_names->pdata);
  g_ptr_array_set_size (self->probe_names, 0);
  g_ptr_array_add (self->probe_names, g_steal_pointer (&names));
}

MkToolOptions *
mk_tool_options_new_for_wait (char **argv, GError **error)
{
  g_autoptr (MkToolOptions) self = options_new (MK_TOOL_OPTIONS_WAIT);
  GOptionGroup *group = g_option_group_new ("wait", NULL, NULL, self, NULL);
  g_autoptr (GOptionContext) context = options_new_context (
      _ ("CONDITION … [-- COMMAND…]"),
      group,
      _ ("Waits until all conditions are met, or with --gone until none of them is met.\n"
         "Then runs COMMAND in its place. --interval, --attempt-timeout and --stable-for\n"
         "apply to the condition before them, and options that describe a request (…) to\n"
         "the --http before them.\n"
         "\n"
         "A TIME is a number of seconds, or has a unit: 500ms, 30s, 2m."),
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

  options_add_to_group (self, group);
  if (!options_parse (self, context, argv, error))
    return NULL;

  if (!options_make_probes (self, error))
    return NULL;
  if (!self->version && self->probes->len == 0)
    {
      mk_tool_options_fail (error, _ ("nothing to wait for: no condition, such as --tcp"));
      return NULL;
    }

  if (self->any && self->probes->len > 1)
    options_join_probes (self);

  return g_steal_pointer (&self);
}
