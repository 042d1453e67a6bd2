/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The command lines of `mirakuru run` and `mirakuru wait`, and their help.
 *
 * The options that describe a service follow the --service they belong to; GOption calls back
 * in the order of the command line. */

#include "mk-tool-options.h"

#include <signal.h>
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

/* Returns the milliseconds of the unit that @text is, a second if there is none, or 0. */
static guint
options_get_unit (const char *text)
{
  if (*text == '\0' || g_str_equal (text, "s"))
    return 1000;
  if (g_str_equal (text, "ms"))
    return 1;

  return g_str_equal (text, "m") ? 60 * 1000 : 0;
}

/* Only digits and a point: strtod() would also take "inf", "0x1p3" and blanks. */
static gboolean
options_parse_time (const char *option_name, const char *value, guint *milliseconds, GError **error)
{
  gsize length = strspn (value, "0123456789.");
  g_autofree char *digits = g_strndup (value, length);
  gboolean is_number =
      strpbrk (digits, "0123456789") != NULL && strchr (digits, '.') == strrchr (digits, '.');
  guint unit = options_get_unit (value + length);
  double number = is_number && unit != 0 ? g_ascii_strtod (digits, NULL) * unit : -1;

  if (number < 0 || number > G_MAXUINT)
    return mk_tool_options_fail (
        error,
        _ ("%s needs a time from 0 to %u seconds, such as 500ms, 30s or 2m (or a number of seconds), "
           "not '%s'"),
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
options_free_service (MkToolServiceOptions *service)
{
  g_free (service->command_line);
  g_free (service->name);
  g_free (service->cwd);
  g_free (service->stdin_path);
  g_free (service->banner);
  g_ptr_array_unref (service->environment);
  g_ptr_array_unref (service->probes);
  g_ptr_array_unref (service->requires);
  g_free (service);
}

static gboolean
options_add_service (MkToolOptions *self, const char *option_name, const char *value, GError **error)
{
  MkToolServiceOptions *service = g_new0 (MkToolServiceOptions, 1);

  service->command_line = g_strdup (value);
  service->environment = g_ptr_array_new_with_free_func (g_free);
  service->probes = g_ptr_array_new_with_free_func (g_object_unref);
  service->requires = g_ptr_array_new_with_free_func (g_free);
  service->stdin_mode = MK_STDIO_MODE_NULL;
  service->timeout = MK_TOOL_TIME_UNSET;
  service->stop_timeout = MK_TOOL_TIME_UNSET;
  service->stop_signal = SIGTERM;
  service->expected_status = MK_STATUS_NONE;
  g_ptr_array_add (self->services, service);

  return TRUE;
}

static gboolean
options_set_output (MkToolServiceOptions *service, const char *option_name, const char *value, GError **error)
{
  if (service->banner != NULL)
    return mk_tool_options_fail (
        error, _ ("%s can be given once for a service: 'A|B' matches either"), option_name);
  if (*value == '\0')
    return mk_tool_options_fail (error, _ ("%s needs a regular expression to look for"), option_name);

  service->banner = g_strdup (value);
  return TRUE;
}

static gboolean
options_set_stop_mode (MkToolServiceOptions *service,
                       const char *option_name,
                       const char *value,
                       GError **error)
{
  g_autoptr (GEnumClass) modes = g_type_class_ref (MK_TYPE_STOP_MODE);
  const GEnumValue *mode = g_enum_get_value_by_nick (modes, value);

  if (mode == NULL)
    return mk_tool_options_fail (error, _ ("%s needs 'leader' or 'tree', not '%s'"), option_name, value);

  service->stop_mode = mode->value;
  return TRUE;
}

/* Returns the number of a signal such as "INT", "SIGINT" or "2", or 0. */
static int
options_get_signal (const char *text)
{
  const char *name = g_ascii_strncasecmp (text, "SIG", 3) == 0 ? text + 3 : text;
  guint64 number = 0;

  if (g_ascii_string_to_unsigned (text, 10, 1, SIGRTMAX, &number, NULL))
    return (int) number;

  for (int i = 1; i < SIGRTMIN; i++)
    if (sigabbrev_np (i) != NULL && g_ascii_strcasecmp (name, sigabbrev_np (i)) == 0)
      return i;

  return 0;
}

static gboolean
options_set_stop_signal (MkToolServiceOptions *service,
                         const char *option_name,
                         const char *value,
                         GError **error)
{
  service->stop_signal = options_get_signal (value);
  if (service->stop_signal == 0)
    return mk_tool_options_fail (
        error, _ ("%s needs a signal such as INT or SIGINT, not '%s'"), option_name, value);

  return TRUE;
}

static gboolean
options_set_expected_status (MkToolServiceOptions *service,
                             const char *option_name,
                             const char *value,
                             GError **error)
{
  guint64 number = 0;

  if (!g_ascii_string_to_unsigned (value, 10, 0, G_MAXUINT8, &number, NULL))
    return mk_tool_options_fail (
        error, _ ("%s needs an exit status from 0 to 255, not '%s'"), option_name, value);

  service->expected_status = (int) number;
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
options_set_completes (MkToolServiceOptions *service,
                       const char *option_name,
                       const char *value,
                       GError **error)
{
  service->completes = TRUE;
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
    return mk_tool_options_fail (error, _ ("%s needs a word to show"), option_name);

  g_free (service->name);
  service->name = g_strdup (value);
  return TRUE;
}

static gboolean
options_set_cwd (MkToolServiceOptions *service, const char *option_name, const char *value, GError **error)
{
  g_free (service->cwd);
  service->cwd = g_strdup (value);
  return TRUE;
}

static gboolean
options_add_env (MkToolServiceOptions *service, const char *option_name, const char *value, GError **error)
{
  if (*value == '=' || strchr (value, '=') == NULL)
    return mk_tool_options_fail (error, _ ("%s needs NAME=VALUE, not '%s'"), option_name, value);

  g_ptr_array_add (service->environment, g_strdup (value));
  return TRUE;
}

static gboolean
options_add_unset (MkToolServiceOptions *service, const char *option_name, const char *value, GError **error)
{
  if (*value == '\0' || strchr (value, '=') != NULL)
    return mk_tool_options_fail (error, _ ("%s needs the name of a variable, not '%s'"), option_name, value);

  g_ptr_array_add (service->environment, g_strdup (value));
  return TRUE;
}

/* Without a file it is a pipe that mirakuru keeps open. */
static gboolean
options_set_stdin (MkToolServiceOptions *service, const char *option_name, const char *value, GError **error)
{
  g_free (service->stdin_path);
  service->stdin_path = g_strdup (value);
  service->stdin_mode = value != NULL ? MK_STDIO_MODE_FILE : MK_STDIO_MODE_PIPE;
  return TRUE;
}

static gboolean
options_set_pty (MkToolServiceOptions *service, const char *option_name, const char *value, GError **error)
{
  service->has_pty = TRUE;
  return TRUE;
}

static gboolean
options_set_log_dir (MkToolOptions *self, const char *option_name, const char *value, GError **error)
{
  g_free (self->log_dir);
  self->log_dir = g_strdup (value);
  return TRUE;
}

static gboolean
options_set_any (MkToolServiceOptions *service, const char *option_name, const char *value, GError **error)
{
  service->any = TRUE;
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
  gsize flag;         /* the offset of a gboolean in MkToolOptions */
  gsize time;         /* the offset of milliseconds in MkToolOptions */
  gsize service_time; /* and in MkToolServiceOptions, after a --service */

  /* applies to the service before it */
  gboolean (*set_service) (MkToolServiceOptions *service,
                           const char *option_name,
                           const char *value,
                           GError **error);

  /* is a condition of the service before it, or of `mirakuru wait` */
  MkProbe *(*make) (const char *value, GError **error);

  /* applies to the condition before it */
  void (*set_http) (MkHttpProbe *probe, const char *value);
  void (*set_tcp) (MkTcpProbe *probe);
  void (*set_probe_time) (MkProbe *probe, guint time_ms);
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
    .set = options_add_service },
  { "tcp",
    0,
    RUN | WAIT,
    N_ ("HOST:PORT"),
    N_ ("Ready when this port accepts connections"),
    .make = mk_tool_readiness_make_tcp },
  { "listening-only",
    0,
    RUN | WAIT,
    NULL,
    N_ ("… which is looked up on this machine, without a connection"),
    .set_tcp = mk_tool_readiness_set_listening_only },
  { "http",
    0,
    RUN | WAIT,
    N_ ("URL"),
    N_ ("Ready when this URL answers"),
    .make = mk_tool_readiness_make_http },
  /* Translators: this and the next ones continue “Ready when this URL answers” */
  { "status",
    0,
    RUN | WAIT,
    N_ ("CODE"),
    N_ ("… with this status (a code or a regular expression)"),
    .set_http = mk_http_probe_set_status },
  { "body",
    0,
    RUN | WAIT,
    N_ ("REGEXP"),
    N_ ("… with a body that matches this regular expression"),
    .set_http = mk_http_probe_set_body_pattern },
  { "method",
    0,
    RUN | WAIT,
    N_ ("METHOD"),
    N_ ("… to a request of this method (HEAD)"),
    .set_http = mk_http_probe_set_method },
  { "header",
    0,
    RUN | WAIT,
    N_ ("'NAME: VALUE'"),
    N_ ("… with this header in the request"),
    .set_http = mk_tool_readiness_add_header },
  { "follow",
    0,
    RUN | WAIT,
    NULL,
    N_ ("… perhaps after redirects"),
    .set_http = mk_tool_readiness_set_follow_redirects },
  { "cacert",
    0,
    RUN | WAIT,
    N_ ("FILE"),
    N_ ("… with a certificate that an authority in this file has signed"),
    .set_http = mk_http_probe_set_ca_file },
  { "cert",
    0,
    RUN | WAIT,
    N_ ("FILE"),
    N_ ("… to a client with this certificate and key (PEM)"),
    .set_http = mk_http_probe_set_certificate_file },
  { "insecure",
    0,
    RUN | WAIT,
    NULL,
    N_ ("… whatever its certificate is"),
    .set_http = mk_tool_readiness_set_accept_any_certificate },
  { "http-unix",
    0,
    RUN | WAIT,
    N_ ("PATH"),
    N_ ("… on this Unix socket (without --http: http://localhost/)"),
    .make = mk_tool_readiness_make_http_unix,
    .set_http = mk_http_probe_set_socket_path },
  { "unix",
    0,
    RUN | WAIT,
    N_ ("PATH"),
    N_ ("Ready when this Unix socket accepts connections"),
    .make = mk_tool_readiness_make_unix },
  { "file",
    0,
    RUN | WAIT,
    N_ ("PATH"),
    N_ ("Ready when this file exists"),
    .make = mk_tool_readiness_make_file },
  { "exec",
    0,
    RUN | WAIT,
    N_ ("CMD"),
    N_ ("Ready when this command succeeds (quoted as in a shell)"),
    .is_command = TRUE,
    .make = mk_tool_readiness_make_exec },
  { "dbus",
    0,
    RUN | WAIT,
    N_ ("[BUS:]NAME"),
    N_ ("Ready when this name has an owner on a bus (session, system or an address)"),
    .make = mk_tool_readiness_make_dbus },
  { "notify",
    0,
    RUN,
    N_ ("FD"),
    N_ ("Ready when it says so: READY=1 (sd_notify), or a newline on descriptor FD"),
    .is_optional = TRUE,
    .make = mk_tool_readiness_make_notify },
  { "output",
    0,
    RUN,
    N_ ("REGEXP"),
    N_ ("Ready when its output matches this regular expression"),
    .set_service = options_set_output },
  { "interval",
    0,
    RUN | WAIT,
    N_ ("TIME"),
    N_ ("Time between two attempts for the condition before (0: automatic)"),
    .set_probe_time = mk_probe_set_interval },
  { "attempt-timeout",
    0,
    RUN | WAIT,
    N_ ("TIME"),
    N_ ("Time for one attempt for the condition before (0: automatic)"),
    .set_probe_time = mk_probe_set_attempt_timeout },
  { "stable-for",
    0,
    RUN | WAIT,
    N_ ("TIME"),
    N_ ("Time for which the condition before must stay met (0)"),
    .set_probe_time = mk_probe_set_stable_for },
  { "any",
    0,
    RUN,
    NULL,
    N_ ("Ready when one of the conditions is met, instead of all"),
    .set_service = options_set_any },
  { "completes",
    0,
    RUN,
    NULL,
    N_ ("Ready when it has ended well, as a migration does"),
    .set_service = options_set_completes },
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
    N_ ("Name of the service in what is printed"),
    .set_service = options_set_name },
  { "cwd", 0, RUN, N_ ("DIR"), N_ ("Directory the service is started in"), .set_service = options_set_cwd },
  { "env",
    0,
    RUN,
    N_ ("NAME=VALUE"),
    N_ ("Variable for the environment of the service"),
    .set_service = options_add_env },
  { "unset",
    0,
    RUN,
    N_ ("NAME"),
    N_ ("Variable that the service does not get"),
    .set_service = options_add_unset },
  { "stdin",
    0,
    RUN,
    N_ ("FILE"),
    N_ ("Input of the service (without FILE: open, and never ends)"),
    .is_optional = TRUE,
    .set_service = options_set_stdin },
  { "pty", 0, RUN, NULL, N_ ("Let the service print to a terminal"), .set_service = options_set_pty },
  { "stop-mode",
    0,
    RUN,
    N_ ("MODE"),
    N_ ("What gets the stop signal: leader (first process, then the rest; default), tree (all at once)"),
    .set_service = options_set_stop_mode },
  { "stop-signal",
    0,
    RUN,
    N_ ("SIGNAL"),
    N_ ("Signal that asks the service to end (TERM)"),
    .set_service = options_set_stop_signal },
  { "expected-status",
    0,
    RUN,
    N_ ("STATUS"),
    N_ ("Exit status of the service that is no failure either (besides 0)"),
    .set_service = options_set_expected_status },
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
    N_ ("Time for each service to be ready, or for the one before (60; 0: no limit)"),
    .time = G_STRUCT_OFFSET (MkToolOptions, timeout),
    .service_time = G_STRUCT_OFFSET (MkToolServiceOptions, timeout) },
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
    N_ ("Time for each service to end before it is killed, or for the one before (10; 0: no limit)"),
    .time = G_STRUCT_OFFSET (MkToolOptions, stop_timeout),
    .service_time = G_STRUCT_OFFSET (MkToolServiceOptions, stop_timeout) },
  { "isolate",
    0,
    RUN,
    NULL,
    N_ ("Give services and COMMAND a home of their own, without the buses of this machine"),
    .flag = G_STRUCT_OFFSET (MkToolOptions, isolate) },
  { "log-dir",
    0,
    RUN,
    N_ ("DIR"),
    N_ ("Write all output of each service to a file NAME.log in this directory"),
    .set = options_set_log_dir },
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

/* Adds the condition that @option stands for to @probes. */
static gboolean
options_add_condition (MkToolOptions *self,
                       const Option *option,
                       const char *value,
                       GPtrArray *probes,
                       GError **error)
{
  MkProbe *probe = option->make (value, error);

  if (probe == NULL)
    return FALSE;

  g_ptr_array_add (probes, probe);
  if (probes == self->probes)
    g_ptr_array_add (self->probe_names, mk_tool_readiness_dup_name (option->name, value));
  return TRUE;
}

/* Sets what @option says about @probe, the condition before it. */
static gboolean
options_set_detail (const Option *option, const char *value, MkProbe *probe, GError **error)
{
  g_autofree char *name = g_strconcat ("--", option->name, NULL);
  guint time_ms = 0;

  if (option->set_http != NULL)
    {
      if (!MK_IS_HTTP_PROBE (probe))
        return mk_tool_options_fail (
            error, _ ("%s describes a request: it must follow the --http it is for"), name);

      option->set_http (MK_HTTP_PROBE (probe), value);
      return TRUE;
    }

  if (option->set_tcp != NULL)
    {
      if (!MK_IS_TCP_PROBE (probe))
        return mk_tool_options_fail (error, _ ("%s must follow the --tcp it is for"), name);

      option->set_tcp (MK_TCP_PROBE (probe));
      return TRUE;
    }

  if (probe == NULL)
    return mk_tool_options_fail (
        error, _ ("%s must follow the condition it is for, such as --tcp or --exec"), name);
  if (!options_parse_time (name, value, &time_ms, error))
    return FALSE;

  option->set_probe_time (probe, time_ms);
  return TRUE;
}

/* An option that describes a service, or what `mirakuru wait` waits for. */
static gboolean
options_apply_to_target (MkToolOptions *self,
                         const Option *option,
                         const char *name,
                         const char *value,
                         GError **error)
{
  MkToolServiceOptions *service = NULL;
  GPtrArray *probes = self->probes;
  MkProbe *last;

  if (self->commands == MK_TOOL_OPTIONS_RUN)
    {
      if (self->services->len == 0)
        return mk_tool_options_fail (
            error, _ ("%s describes a service: it must follow the --service it is for"), name);

      service = g_ptr_array_index (self->services, self->services->len - 1);
      probes = service->probes;
    }

  if (option->set_service != NULL)
    return option->set_service (service, name, value, error);

  last = probes->len > 0 ? g_ptr_array_index (probes, probes->len - 1) : NULL;

  /* --http-unix is either. */
  if (option->make != NULL && option->set_http != NULL && MK_IS_HTTP_PROBE (last) &&
      mk_http_probe_get_socket_path (MK_HTTP_PROBE (last)) == NULL)
    return options_set_detail (option, value, last, error);
  if (option->make != NULL)
    return options_add_condition (self, option, value, probes, error);

  return options_set_detail (option, value, last, error);
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
  if (option->service_time != 0 && self->services->len > 0)
    return options_parse_time (name,
                               value,
                               &G_STRUCT_MEMBER (guint,
                                                 g_ptr_array_index (self->services, self->services->len - 1),
                                                 option->service_time),
                               error);
  if (option->time != 0)
    return options_parse_time (name, value, &G_STRUCT_MEMBER (guint, self, option->time), error);
  if (option->flag != 0)
    return G_STRUCT_MEMBER (gboolean, self, option->flag) = TRUE;

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
  g_free (self->log_dir);
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
    return mk_tool_options_fail (error, _ ("nothing to start: no --service"));
  if (self->quiet && self->verbose)
    return mk_tool_options_fail (error, _ ("--quiet and --verbose exclude each other"));
  if (self->stop_when_dead && self->command == NULL)
    return mk_tool_options_fail (error, _ ("--stop-when-dead needs a COMMAND after '--'"));

  for (guint i = 0; i < self->services->len; i++)
    {
      const MkToolServiceOptions *service = g_ptr_array_index (self->services, i);

      if (service->any && service->banner != NULL)
        return mk_tool_options_fail (error, _ ("--any and --output exclude each other"));
      if (service->completes && (service->probes->len > 0 || service->banner != NULL))
        return mk_tool_options_fail (
            error, _ ("--completes is a condition of its own: the service can have no other one"));
    }

  return TRUE;
}

MkToolOptions *
mk_tool_options_new_for_run (char **argv, GError **error)
{
  g_autoptr (MkToolOptions) self = options_new (MK_TOOL_OPTIONS_RUN);
  GOptionGroup *group = g_option_group_new ("run", NULL, NULL, self, NULL);
  g_autoptr (GOptionContext) context = options_new_context (
      _ ("--service CMD … [-- COMMAND…]"),
      group,
      _ ("Starts the services side by side, runs COMMAND once all of them are ready, stops them\n"
         "and exits with the status of COMMAND. Without COMMAND the services run until Ctrl-C.\n"
         "\n"
         "What stands after a --service and before the next one describes it. A service without a\n"
         "condition is ready as soon as it is started, one with several when all of them are met, or\n"
         "with --any one of them. --interval and --attempt-timeout apply to the condition before them,\n"
         "and what describes a request (…) to the --http before it.\n"
         "\n"
         "A TIME is a number of seconds, or has a unit: 500ms, 30s, 2m."),
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
      _ ("Waits until all conditions are met, or with --gone until none of them is, then turns into\n"
         "COMMAND. --interval and --attempt-timeout apply to the condition before them, and what\n"
         "describes a request (…) to the --http before it.\n"
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

  if (!self->version && self->probes->len == 0)
    {
      mk_tool_options_fail (error, _ ("nothing to wait for: no condition, such as --tcp"));
      return NULL;
    }

  if (self->any && self->probes->len > 1)
    options_join_probes (self);

  return g_steal_pointer (&self);
}
