/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What `--help` and `--version` print, and how mistakes on the command line are told. */

#include "mk-tool-help.h"

#include "mk-tool-command.h"
#include "base/mk-i18n-private.h"

static GOptionContext *
new_context (const char *arguments, GOptionGroup *group, const char *summary, const char *description)
{
  GOptionContext *context = g_option_context_new (arguments);

  if (group != NULL)
    {
      g_option_group_set_translation_domain (group, GETTEXT_PACKAGE);
      g_option_context_set_main_group (context, group);
    }
  g_option_context_set_summary (context, summary);
  g_option_context_set_description (context, description);

  return context;
}

GOptionContext *
mk_tool_help_new_context (void)
{
  return new_context (_ ("COMMAND"),
                      NULL,
                      _ ("Starts services, knows the moment they are ready, and leaves nothing behind.\n"
                         "\n"
                         "Commands:\n"
                         "  run     Start services, run a command while they are up, stop them\n"
                         "  wait    Wait for a service that something else starts or stops"),
                      _ ("Examples:\n"
                         "  mirakuru run --service 'redis-server --port 6379' --tcp 6379 -- redis-cli ping\n"
                         "  mirakuru wait --tcp localhost:6379 --timeout 10 -- redis-cli ping\n"
                         "\n"
                         "See 'mirakuru run --help' and 'mirakuru wait --help', or mirakuru(1).\n"));
}

GOptionContext *
mk_tool_help_new_run_context (GOptionGroup *group)
{
  return new_context (
      _ ("--service CMD … [-- COMMAND…]"),
      group,
      _ ("Starts the services side by side, runs COMMAND once all of them are ready, stops them\n"
         "and ends with the status of COMMAND. Without COMMAND the services run until Ctrl-C.\n"
         "\n"
         "--name, --cwd, --env and what tells that a service is ready (--tcp and its like) belong to\n"
         "the --service before them. A service without the latter is ready when it was started; one\n"
         "with several, when all of them say so. --status, --method, --header and --insecure belong\n"
         "to the --http before them."),
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
}

GOptionContext *
mk_tool_help_new_wait_context (GOptionGroup *group)
{
  return new_context (
      _ ("{--tcp HOST:PORT | --http URL | --unix PATH | --file PATH | --exec CMD} … [-- COMMAND…]"),
      group,
      _ ("Waits until all that was named is there, or with --gone until nothing of it is, then\n"
         "turns into COMMAND. --status, --method, --header and --insecure belong to the --http before\n"
         "them."),
      _ ("HOST:PORT may also be [ADDRESS]:PORT, :PORT or PORT; the host is then localhost.\n"
         "@NAME as the PATH of --unix is an abstract socket.\n"
         "\n"
         "Exit status:\n"
         "  0    it is there; with COMMAND, the status of that\n"
         "  124  it was not there in time\n"
         "  125  something else failed, or this command was used wrongly\n"
         "  126  COMMAND cannot be executed\n"
         "  127  COMMAND was not found\n"
         "\n"
         "Examples:\n"
         "  mirakuru wait --tcp localhost:5432 --timeout 10 -- psql -h localhost\n"
         "  mirakuru wait --http https://localhost:8443/health --status 204 --insecure\n"
         "  mirakuru wait --tcp 6379 --gone\n"
         "  mirakuru wait --unix /run/redis.sock --file /run/redis.pid\n"));
}

int
mk_tool_help_print_version (void)
{
  g_print ("mirakuru %s\n", MK_TOOL_VERSION);
  return 0;
}

int
mk_tool_help_report_misuse (const char *program, const char *message)
{
  g_printerr (_ ("mirakuru: %s\nTry '%s --help'.\n"), message, program);
  return MK_TOOL_STATUS_FAILED;
}
