/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Services that settings describe: in a file, of a template, or as texts. What they do, and what is said of
 * bad ones.
 */

#include "mk-test-calls.h"

#include <glib/gstdio.h>
#include <string.h>

typedef struct
{
  char *tag;
  MkTestFolder *folder;
  char *path;
  MkExecutorGroup *group;
} Fixture;

static void
fixture_clear (Fixture *self)
{
  g_clear_object (&self->group);
  mk_test_assert_nothing_left (self->tag);
  g_clear_pointer (&self->folder, mk_test_remove_folder);
  g_free (self->path);
  g_free (self->tag);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Fixture, fixture_clear)

static void
fixture_init (Fixture *self)
{
  self->tag = mk_test_new_tag ();
  self->folder = mk_test_new_folder ();
  self->path = g_build_filename (self->folder, "services.ini", NULL);
  self->group = mk_executor_group_new ();
}

/* @text: TAG and FOLDER in it are replaced */
static gboolean
load (Fixture *self, const char *text, GError **error)
{
  g_autoptr (GFile) file = g_file_new_for_path (self->path);
  GString *contents = g_string_new (text);
  g_autofree char *data = NULL;

  g_string_replace (contents, "TAG", self->tag, 0);
  g_string_replace (contents, "FOLDER", self->folder, 0);
  data = g_string_free (contents, FALSE);
  g_assert_true (g_file_set_contents (self->path, data, -1, NULL));
  return mk_executor_group_add_from_file (self->group, file, error);
}

static void
assert_loads (Fixture *self, const char *text)
{
  g_autoptr (GError) error = NULL;

  load (self, text, &error);
  g_assert_no_error (error);
}

static void
assert_starts (Fixture *self)
{
  g_autoptr (GError) error = NULL;

  mk_executor_group_start (self->group, NULL, &error);
  g_assert_no_error (error);
}

static void
assert_stops (Fixture *self)
{
  g_autoptr (GError) error = NULL;

  mk_executor_group_stop (self->group, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (mk_test_count_tagged (self->tag), ==, 0);
}

static void
assert_contents (Fixture *self, const char *name, const char *expected)
{
  g_autofree char *path = g_build_filename (self->folder, name, NULL);
  g_autofree char *contents = NULL;

  g_file_get_contents (path, &contents, NULL, NULL);
  g_assert_cmpstr (contents, ==, expected);
}

/* ---- what keys do ---- */

static void
test_scripts (void)
{
  g_auto (Fixture) self = { 0 };
  g_autofree char *dir = NULL;

  fixture_init (&self);
  assert_loads (&self,
                "# a comment\n"
                "[one]\n"
                "Shell=echo ready $WORD $UNWANTED; exec sleep 60 # TAG\n"
                "Environment=WORD=a\\;b; UNWANTED=x\n"
                "UnsetEnvironment=UNWANTED\n"
                "Output=^ready (?P<said>\\S+) *$\n"
                "Values=greeting=hello {name};other={greeting}!\n"
                "Prepare=echo prepare {other} > 'FOLDER/notes'; echo {port} > '{dir}/port'; sleep 60 & \n"
                "Started=echo 'started {one.said}' >> 'FOLDER/notes'; test \"$(cat '{dir}/port')\" = {port}\n"
                "Cleanup=echo cleanup >> 'FOLDER/notes'; test -d '{dir}'\n"
                "Log=FOLDER/log\n"
                "StopTimeout=20s\n"
                "Timeout=20\n");
  assert_starts (&self);
  assert_contents (&self, "notes", "prepare hello one!\nstarted a;b\n");
  assert_contents (&self, "log", "ready a;b\n");
  dir = mk_executor_group_dup_value (self.group, "one.dir");
  g_assert_true (g_file_test (dir, G_FILE_TEST_IS_DIR));
  g_assert_cmpuint (
      mk_simple_executor_get_stop_timeout (mk_executor_group_lookup (self.group, "one")), ==, 20000);

  assert_stops (&self);
  assert_contents (&self, "notes", "prepare hello one!\nstarted a;b\ncleanup\n");
  g_assert_false (g_file_test (dir, G_FILE_TEST_EXISTS));
}

static void
test_failing_script (void)
{
  static const char *const keys[] = { "Prepare", "Started" };

  for (gsize i = 0; i < G_N_ELEMENTS (keys); i++)
    {
      g_auto (Fixture) self = { 0 };
      g_autofree char *text =
          g_strdup_printf ("[one]\nShell=exec sleep 60 # TAG\n%s=echo because >&2; exit 3\n", keys[i]);
      g_autoptr (GError) error = NULL;

      fixture_init (&self);
      assert_loads (&self, text);
      g_assert_false (mk_executor_group_start (self.group, NULL, &error));
      mk_test_assert_contains (error->message, "one: ");
      mk_test_assert_contains (error->message, "because");
      g_assert_cmpuint (mk_test_count_tagged (self.tag), ==, 0);
    }
}

static void
test_cancelled_script (void)
{
  g_auto (Fixture) self = { 0 };
  g_autoptr (GError) error = NULL;

  fixture_init (&self);
  assert_loads (&self, "[one]\nShell=exec sleep 60 # TAG\nPrepare=sleep 60 # TAG\nTimeout=200ms\n");
  g_assert_false (mk_executor_group_start (self.group, NULL, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_TIMED_OUT);
  g_assert_cmpuint (mk_test_count_tagged (self.tag), ==, 0);
}

static void
test_exports (void)
{
  g_auto (Fixture) self = { 0 };
  const char *const base[] = { "A=1", NULL };
  g_auto (GStrv) before = NULL;
  g_auto (GStrv) environment = NULL;
  g_autofree char *port = NULL;
  g_autofree char *expected = NULL;

  fixture_init (&self);
  assert_loads (&self,
                "[web]\n"
                "Command=sh -c 'echo number 42; exec sleep 60' TAG {port}\n"
                "Output=number (?<number>\\d+)\n"
                "Export=URL=http://{host}:{port}/;N={number};BOTH={web.number}\n"
                "[app]\n"
                "Command=sh -c 'test $URL = http://127.0.0.1:{web.port}/' TAG\n"
                "Environment=URL=http://{web.host}:{web.port}/\n"
                "Completes=true\n");
  before = mk_executor_group_dup_environment (self.group, base);
  g_assert_cmpuint (g_strv_length (before), ==, 1);

  assert_starts (&self);
  port = mk_executor_group_dup_value (self.group, "web.port");
  expected = g_strdup_printf ("http://127.0.0.1:%s/", port);
  environment = mk_executor_group_dup_environment (self.group, base);
  g_assert_cmpstr (g_environ_getenv (environment, "URL"), ==, expected);
  g_assert_cmpstr (g_environ_getenv (environment, "N"), ==, "42");
  g_assert_cmpstr (g_environ_getenv (environment, "BOTH"), ==, "42");
  g_assert_cmpstr (g_environ_getenv (environment, "number"), ==, "42");
  assert_stops (&self);
}

/* Details stand in any order, and are for all that they can describe. */
static void
test_details (void)
{
  g_auto (Fixture) self = { 0 };
  MkSimpleExecutor *executor;
  MkProbe *probe;
  gsize n_probes = 0;
  g_autofree MkProbe **probes = NULL;

  fixture_init (&self);
  assert_loads (&self,
                "[web]\n"
                "Interval=250ms\n"
                "Status=204\n"
                "Header=A: b; C: d\n"
                "Command=web\n"
                "Http=http://localhost:1/\n"
                "Tcp=1;localhost:2\n"
                "ListeningOnly=yes\n");
  executor = mk_executor_group_lookup (self.group, "web");
  probe = mk_executor_get_probe (MK_EXECUTOR (executor));
  g_assert_true (MK_IS_ALL_PROBE (probe));
  probes = mk_all_probe_get_probes (MK_ALL_PROBE (probe), &n_probes);
  g_assert_cmpuint (n_probes, ==, 3);
  for (gsize i = 0; i < n_probes; i++)
    {
      g_assert_cmpuint (mk_probe_get_interval (probes[i]), ==, 250);
      if (MK_IS_TCP_PROBE (probes[i]))
        g_assert_true (mk_tcp_probe_get_listening_only (MK_TCP_PROBE (probes[i])));
      else
        {
          g_assert_cmpstr (mk_http_probe_get_status (MK_HTTP_PROBE (probes[i])), ==, "204");
          g_assert_cmpuint (
              g_strv_length ((char **) mk_http_probe_get_headers (MK_HTTP_PROBE (probes[i]))), ==, 2);
        }
    }
}

/* The first connection is made before the service runs, and is served by it. */
static void
test_sockets (void)
{
  g_auto (Fixture) self = { 0 };
  g_autoptr (GSocketClient) client = g_socket_client_new ();
  g_autoptr (GSocketConnection) connection = NULL;
  g_autofree char *port = NULL;
  char reply[8] = { 0 };
  g_autoptr (GError) error = NULL;

  fixture_init (&self);
  assert_loads (
      &self,
      "[server]\n"
      "Command=python3 -c 'import os, socket; assert os.environ[\"LISTEN_FDNAMES\"] == \"web\"; s = "
      "socket.socket(fileno=3); print(\"up\", flush=True); s.accept()[0].send(b\"hello\")' TAG\n"
      "Sockets=web=tcp:{port}\n"
      "Output=up\n");
  for (guint i = 0; i < 2; i++)
    {
      assert_starts (&self);
      g_clear_pointer (&port, g_free);
      port = mk_executor_group_dup_value (self.group, "server.port");
      if (i == 0)
        assert_stops (&self);
    }
  connection = g_socket_client_connect_to_host (
      client, "127.0.0.1", (guint16) g_ascii_strtoull (port, NULL, 10), NULL, &error);
  g_assert_no_error (error);
  g_input_stream_read (g_io_stream_get_input_stream (G_IO_STREAM (connection)), reply, 5, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (reply, ==, "hello");
  mk_executor_group_stop (self.group, NULL, NULL);
}

/* The application is stopped first, and can still reach the database. */
static void
test_order (void)
{
  g_auto (Fixture) self = { 0 };

  fixture_init (&self);
  assert_loads (
      &self,
      "[app]\n"
      "Requires=db\n"
      "Shell=trap \"cat 'FOLDER/up' > 'FOLDER/flushed'; exit 0\" TERM; echo up; while :; do sleep "
      "0.02; done # TAG\n"
      "Output=up\n"
      "[db]\n"
      "Shell=trap \"rm 'FOLDER/up'; exit 0\" TERM; echo data > 'FOLDER/up'; while :; do sleep 0.02; done "
      "# TAG\n"
      "File=FOLDER/up\n");
  assert_starts (&self);
  assert_stops (&self);
  assert_contents (&self, "flushed", "data\n");
}

/* Ports that are not the one of the executor. */
static void
test_other_ports (void)
{
  g_auto (Fixture) self = { 0 };
  g_autofree char *admin = NULL;
  g_autoptr (GError) error = NULL;

  fixture_init (&self);
  assert_loads (&self,
                "[web]\n"
                "Command=python3 -m http.server {port:admin} --bind {host}\n"
                "Tcp={host}:{port:admin};{port:admin}\n"
                "[seen]\n"
                "Requires=web\n"
                "Shell=exec sleep 60 # TAG\n"
                "Tcp=127.0.0.1:{web.port:admin}\n");
  g_assert_false (mk_executor_group_start (self.group, NULL, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_ALREADY_RUNNING);
  g_clear_error (&error);

  g_clear_object (&self.group);
  self.group = mk_executor_group_new ();
  assert_loads (&self,
                "[web]\n"
                "Command=python3 -m http.server {port:admin} --bind {host}\n"
                "Tcp={host}:{port:admin}\n");
  assert_starts (&self);
  admin = mk_executor_group_dup_value (self.group, "web.port:admin");
  g_assert_nonnull (admin);
  assert_stops (&self);
}

/* What requires a service is a client of it. */
static void
test_exports_to_others (void)
{
  g_auto (Fixture) self = { 0 };

  fixture_init (&self);
  assert_loads (&self,
                "[a]\n"
                "Shell=exec sleep 60 # TAG\n"
                "Export=ONE={name};TWO={dir}\n"
                "[b]\n"
                "Requires=a\n"
                "Environment=ONE=mine\n"
                "Prepare=echo \"$ONE $TWO\" | sed 's,/tmp.*,dir,' > 'FOLDER/prepared'\n"
                "Shell=test -d \"$TWO\" && test $ONE = mine # TAG\n"
                "Completes=true\n"
                "[c]\n"
                "Shell=test -z \"$TWO\" # TAG\n"
                "Completes=true\n");
  assert_starts (&self);
  assert_contents (&self, "prepared", "mine dir\n");
  assert_stops (&self);
}

/* The bus that is asked is that of the service. */
static void
test_bus (void)
{
  g_auto (Fixture) self = { 0 };

  fixture_init (&self);
  assert_loads (&self,
                "[bus]\n"
                "Template=session-bus\n"
                "[mock]\n"
                "Requires=bus\n"
                "Command=python3 -c 'import gi; from gi.repository import Gio, GLib; "
                "Gio.bus_own_name(Gio.BusType.SESSION, \"org.example.Mock\", 0, None, None, None); "
                "GLib.MainLoop().run()' TAG\n"
                "DBus=org.example.Mock\n");
  assert_starts (&self);
  assert_stops (&self);
  assert_starts (&self);
  assert_stops (&self);
}

/* ---- templates ---- */

static void
test_template (void)
{
  g_auto (Fixture) self = { 0 };
  g_autofree char *template = NULL;
  g_autofree char *setting = NULL;
  const char *settings[] = { NULL, "Values=word=mine", "Export=MORE={word}", NULL };
  g_autofree char *word = NULL;
  g_auto (GStrv) environment = NULL;
  g_autoptr (GError) error = NULL;

  fixture_init (&self);
  template = g_build_filename (self.folder, "own.ini", NULL);
  g_assert_true (g_file_set_contents (template,
                                      "[own]\n"
                                      "Values=word=theirs;text=<{word}>\n"
                                      "Shell=echo '{text}'; exec sleep 60\n"
                                      "Output=<.*>\n"
                                      "Export=TEXT={text};PORT={port}\n",
                                      -1,
                                      NULL));
  setting = g_strconcat ("Template=", template, NULL);
  settings[0] = setting;
  mk_executor_group_add_override (self.group, "a", "port=4711", &error);
  g_assert_no_error (error);
  mk_executor_group_add_service (self.group, "a", settings, &error);
  g_assert_no_error (error);
  mk_executor_group_add_template (self.group, "b", template, &error);
  g_assert_no_error (error);

  assert_starts (&self);
  word = mk_executor_group_dup_value (self.group, "b.text");
  g_assert_cmpstr (word, ==, "<theirs>");
  environment = mk_executor_group_dup_environment (self.group, NULL);
  g_assert_cmpstr (g_environ_getenv (environment, "MORE"), ==, "mine");
  g_assert_cmpstr (g_environ_getenv (environment, "A_PORT"), ==, "4711");
  assert_stops (&self);
}

static void
test_redis (void)
{
  g_auto (Fixture) self = { 0 };
  g_auto (GStrv) environment = NULL;
  g_auto (GStrv) names = mk_executor_group_list_templates ();
  g_autofree char *command = NULL;
  g_autofree char *reply = NULL;
  g_autoptr (GError) error = NULL;

  fixture_init (&self);
  if (!mk_test_has_linux_features ("services are given a NOTIFY_SOCKET"))
    return;
  g_assert_true (g_strv_contains ((const char *const *) names, "redis"));
  if (mk_executor_group_add_template (self.group, "cache", "redis", &error) == NULL)
    {
      g_test_skip (error->message);
      return;
    }
  assert_starts (&self);
  environment = mk_executor_group_dup_environment (self.group, NULL);
  g_assert_true (g_str_has_prefix (g_environ_getenv (environment, "REDIS_URL"), "redis://127.0.0.1:"));
  command = mk_executor_group_expand (self.group, "redis-cli -p {cache.port} ping", &error);
  g_assert_no_error (error);
  g_assert_true (g_spawn_command_line_sync (command, &reply, NULL, NULL, NULL));
  g_assert_cmpstr (reply, ==, "PONG\n");
  assert_stops (&self);
}

/* ---- mistakes ---- */

static const struct
{
  const char *text;
  const char *words;
} mistakes[] = {
  { "", "services.ini: there is no service" },
  { "Command=true\n", "services.ini:1: “Command” does not belong to a service" },
  { "[a]\nfoo\n", "services.ini:2: “foo” is neither" },
  { "[a]\n=x\n", "services.ini:2: “=x” is neither" },
  { "[a]\nCommand=true\n\n[a]\nCommand=true\n", "services.ini:4: [a] is already in" },
  { "[a]\nCommand=true\n#\nCommand=true\n", "services.ini:4: Command: this key is already in" },
  { "[a b]\nCommand=true\n", "services.ini:1: [a b]: “a b” cannot be the name" },
  { "[a]\nTcp=1\n", "services.ini:1: [a]: There is nothing to start" },
  { "[a]\nCommandd=true\n", "services.ini:2: Commandd: there is no such key; did you mean Command?" },
  { "[a]\nstop-timeout=1\n",
    "services.ini:2: stop-timeout: there is no such key; did you mean StopTimeout?" },
  { "[a]\nXyzzy=1\n", "services.ini:2: Xyzzy: there is no such key" },
  { "[a]\nCommand='\n", "services.ini:2: Command: “'” is not a command" },
  { "[a]\nCommand=true\nTcp=1x\n", "services.ini:3: Tcp: “1x” is not HOST:PORT" },
  { "[a]\nCommand=true\nTcp=1;http://x\n", "services.ini:3: Tcp: “http://x” is a URL" },
  { "[a]\nCommand=true\nUnix=\n", "services.ini:3: Unix: “” is not a path" },
  { "[a]\nCommand=true\nNotify=no\n", "services.ini:3: Notify: “no” is neither true" },
  { "[a]\nCommand=true\nTimeout=soon\n", "services.ini:3: Timeout: “soon” is not a time" },
  { "[a]\nCommand=true\nCompletes=maybe\n", "services.ini:3: Completes: “maybe” is neither true nor false" },
  { "[a]\nCommand=true\nStopSignal=HELLO\n", "services.ini:3: StopSignal: “HELLO” is not a signal" },
  { "[a]\nCommand=true\nStopMode=all\n", "services.ini:3: StopMode: “all” is neither" },
  { "[a]\nCommand=true\nExpectedStatus=256\n",
    "services.ini:3: ExpectedStatus: “256” is not an exit status" },
  { "[a]\nCommand=true\nEnvironment=A\n", "services.ini:3: Environment: “A” is not NAME=VALUE" },
  { "[a]\nCommand=true\nExport=A\n", "services.ini:3: Export: “A” is not NAME=VALUE" },
  { "[a]\nCommand=true\nValues=1a=b\n", "services.ini:3: Values: “1a=b” is not NAME=VALUE" },
  { "[a]\nCommand=true\nValues=dir=/\n", "services.ini:3: Values: the value “dir” cannot be set" },
  { "[a]\nCommand=true\nStatus=200\n", "services.ini:3: Status: it describes a request" },
  { "[a]\nCommand=true\nInterval=1\n", "services.ini:3: Interval: it must follow the condition" },
  { "[a]\nCommand=true\nTcp=1\nCompletes=true\n",
    "services.ini:1: [a]: Completes: the service cannot have another" },
  { "[a]\nCommand=true\nTcp=1\nOutput=x\nAny=true\n", "services.ini:1: [a]: Any: it cannot be used" },
  { "[a]\nCommand=true\nOutput=\n", "services.ini:3: Output: it needs a regular expression" },
  { "[a]\nCommand=true\nRequires=b\n", "services.ini:1: [a]: Requires: There is no service “b”" },
  { "[a]\nCommand=true\nRequires=a\n", "services.ini:1: [a]: Requires: “a” cannot require itself" },
  { "[a]\nTemplate=rediss\n", "services.ini:2: There is no template “rediss”; did you mean redis?" },
  { "[a]\nTemplate=FOLDER/none.ini\n", "services.ini:2: " },
  { "[a]\nTemplate=FOLDER/services.ini\n", "services.ini:2: Template: the template uses itself" },
  { "[a]\nTemplate=session-bus\nValues=srvices=x\n",
    "services.ini:3: Values: the template has no value “srvices”, only: port, host, services" },
  { "[ok]\nCommand=true\n[a]\nCommand=x\nPrograms=no-such-program\nPackage=somewhere\n",
    "services.ini:3: [a]: The program “no-such-program” is missing; on Debian it is in the package somewhere" },
  { "[a]\nCommand=\xff\n", "services.ini: this is not a services file" },
};

static void
test_mistakes (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (mistakes); i++)
    {
      g_auto (Fixture) self = { 0 };
      g_autoptr (GError) error = NULL;

      fixture_init (&self);
      g_assert_false (load (&self, mistakes[i].text, &error));
      g_assert_nonnull (error);
      mk_test_assert_contains (error->message, mistakes[i].words);
      g_assert_cmpuint (g_list_model_get_n_items (G_LIST_MODEL (self.group)), ==, 0);
    }
}

static const struct
{
  const char *text;
  const char *words;
} late_mistakes[] = {
  { "[a]\nCommand=sleep 60 TAG\nSockets=here\n", "a: Sockets: “here” is neither" },
  { "[a]\nCommand=sleep 60 TAG\nSockets=tcp:some.where:{port}\n", "a: Sockets: " },
  { "[a]\nCommand=sleep 60 TAG\nSockets=unix:FOLDER/no/socket\n", "a: Sockets: cannot listen on" },
  { "[a]\nCommand=sleep 60 TAG\nValues=x={b.prt}\n[b]\nShell=exec sleep 60 # TAG\n",
    "“{b.prt}” has no value" },
  { "[a]\nCommand=sleep 60 TAG {b.dir}\n[b]\nShell=exec sleep 60 # TAG {a.dir}\n", "a → b → a" },
};

static void
test_late_mistakes (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (late_mistakes); i++)
    {
      g_auto (Fixture) self = { 0 };
      g_autoptr (GError) error = NULL;

      fixture_init (&self);
      assert_loads (&self, late_mistakes[i].text);
      g_assert_false (mk_executor_group_start (self.group, NULL, &error));
      mk_test_assert_contains (error->message, late_mistakes[i].words);
      g_assert_cmpuint (mk_test_count_tagged (self.tag), ==, 0);
    }
}

static void
test_texts (void)
{
  static const struct
  {
    const char *settings[4];
    const char *words;
  } texts[] = {
    { { "Command" }, "“Command” is not a setting: write Key=value" },
    { { "=x" }, "“=x” is not a setting" },
    { { "Command=true", "Tcp=x" }, "Tcp: “x” is not HOST:PORT" },
    { { "Command=true", "Requires=none" }, "Requires: There is no service “none”" },
  };
  g_autoptr (MkExecutorGroup) group = mk_executor_group_new ();
  const char *const probe[] = { "Http=http://localhost/", "Status=200", "Tcp=80", NULL };
  const char *const no_probe[] = { "Cwd=/", NULL };
  const char *const defaults[] = { "Timeout=3s", "Environment=A=1", NULL };
  const char *const plain[] = { "Command=true", NULL };
  const char *const own[] = { "Command=true", "Timeout=4s", "Environment=A=2;B", NULL };
  g_autoptr (MkProbe) made = NULL;
  g_autoptr (GError) error = NULL;
  MkSimpleExecutor *executor;

  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_assert_null (mk_executor_group_add_service (group, "a", texts[i].settings, &error));
      g_assert_error (error, MK_ERROR, MK_ERROR_INVALID_ARGUMENT);
      g_assert_true (g_str_has_prefix (error->message, texts[i].words));
      g_assert_cmpuint (g_list_model_get_n_items (G_LIST_MODEL (group)), ==, 0);
      g_clear_error (&error);
    }

  made = mk_probe_from_settings (probe, &error);
  g_assert_no_error (error);
  g_assert_true (MK_IS_ALL_PROBE (made));
  g_assert_null (mk_probe_from_settings (no_probe, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);
  g_assert_null (mk_probe_from_settings (NULL, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);

  /* In texts, a value is what it is, and may have semicolons. */
  mk_executor_group_set_defaults (group, defaults, &error);
  g_assert_no_error (error);
  executor = mk_executor_group_add_service (group, "a", plain, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (mk_simple_executor_get_start_timeout (executor), ==, 3000);
  executor = mk_executor_group_add_service (group, "b", own, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (mk_simple_executor_get_start_timeout (executor), ==, 4000);
  g_assert_cmpstr (mk_simple_executor_get_environment (executor)[1], ==, "A=2;B");
}

static void
test_durations (void)
{
  static const struct
  {
    const char *text;
    guint ms;
  } good[] = {
    { "0", 0 }, { "1", 1000 }, { "500ms", 500 }, { ".5", 500 }, { "2m", 120000 }, { "0.0001s", 1 }
  };
  static const char *const bad[] = { "", ".", "ms", "-1", "1h", "1 s", "inf", "0x1", "1.2.3", "99999999" };
  guint ms = 0;

  for (gsize i = 0; i < G_N_ELEMENTS (good); i++)
    {
      g_assert_true (mk_parse_duration (good[i].text, &ms, NULL));
      g_assert_cmpuint (ms, ==, good[i].ms);
    }
  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_false (mk_parse_duration (bad[i], &ms, &error));
      g_assert_error (error, MK_ERROR, MK_ERROR_INVALID_ARGUMENT);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/services-file/scripts", test_scripts);
  g_test_add_func ("/services-file/scripts/fail", test_failing_script);
  g_test_add_func ("/services-file/scripts/cancelled", test_cancelled_script);
  g_test_add_func ("/services-file/exports", test_exports);
  g_test_add_func ("/services-file/exports/others", test_exports_to_others);
  g_test_add_func ("/services-file/bus", test_bus);
  g_test_add_func ("/services-file/other-ports", test_other_ports);
  g_test_add_func ("/services-file/details", test_details);
  g_test_add_func ("/services-file/sockets", test_sockets);
  g_test_add_func ("/services-file/order", test_order);
  g_test_add_func ("/services-file/template", test_template);
  g_test_add_func ("/services-file/redis", test_redis);
  g_test_add_func ("/services-file/mistakes", test_mistakes);
  g_test_add_func ("/services-file/mistakes/late", test_late_mistakes);
  g_test_add_func ("/services-file/texts", test_texts);
  g_test_add_func ("/services-file/durations", test_durations);

  return g_test_run ();
}
