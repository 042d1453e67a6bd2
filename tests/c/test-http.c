/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What users rely on when they wait for a web server: real ones, and requests and settings of all kinds.
 */

#include "mk-test-calls.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#define SHORT_MS           300
#define SUBPROCESS_LIMIT_S 50

/* ---- services ---- */

typedef struct
{
  char *tag;
  guint port;
  char *uri;
  MkHttpExecutor *executor;
} Service;

static void
service_init (Service *self, const char *host, const char *path, const char *how)
{
  g_autofree char *address = NULL;
  g_auto (GStrv) argv = NULL;

  self->tag = mk_test_new_tag ();
  self->port = mk_test_free_port ();
  self->uri = g_strdup_printf ("http://%s:%u%s", host, self->port, path);
  address = g_strdup_printf ("%s:%u", strchr (host, '@') ? strchr (host, '@') + 1 : host, self->port);
  argv = mk_test_service_argv (self->tag, "--listen", address, "--after", "20", "--http", how, NULL);
  self->executor = mk_http_executor_new ((const char *const *) argv, self->uri);
  mk_simple_executor_set_start_timeout (MK_SIMPLE_EXECUTOR (self->executor), MK_TEST_LIMIT_MS);
}

static void
service_clear (Service *self)
{
  g_object_unref (self->executor);
  mk_test_assert_nothing_left (self->tag);
  g_free (self->tag);
  g_free (self->uri);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Service, service_clear)

static void
assert_starts_and_stops (Service *self)
{
  mk_test_assert_starts (self->executor);
  mk_test_assert_stops (self->executor);
}

static void
assert_times_out (gpointer executor, const char *seen)
{
  g_autoptr (GError) error = NULL;

  mk_simple_executor_set_start_timeout (executor, SHORT_MS);
  g_assert_false (mk_test_start (executor, NULL, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_TIMED_OUT);
  mk_test_assert_contains (error->message, seen);
}

/* The service answers with the request, so what matches is what was sent. */
static void
assert_sends (Service *self, const char *pattern)
{
  mk_http_executor_set_body_pattern (self->executor, pattern);
  assert_starts_and_stops (self);
}

/* ---- the test service ---- */

static void
test_ready (void)
{
  g_auto (Service) service = { 0 };

  service_init (&service, "127.0.0.1", "/", "ok");
  assert_starts_and_stops (&service);
  assert_starts_and_stops (&service);
}

static void
test_forms_of_url (void)
{
  static const struct
  {
    const char *host, *path;
  } urls[] = { { "localhost", "" }, { "LOCALHOST", "/" }, { "127.0.0.1", "?q" }, { "127.0.0.1", "/#part" } };

  for (guint i = 0; i < G_N_ELEMENTS (urls); i++)
    {
      g_auto (Service) service = { 0 };

      service_init (&service, urls[i].host, urls[i].path, "ok");
      assert_starts_and_stops (&service);
    }
}

static void
test_ipv6 (void)
{
  g_autoptr (GSocket) socket =
      g_socket_new (G_SOCKET_FAMILY_IPV6, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_DEFAULT, NULL);
  g_autoptr (GInetAddress) loopback = g_inet_address_new_loopback (G_SOCKET_FAMILY_IPV6);
  g_autoptr (GSocketAddress) address = g_inet_socket_address_new (loopback, 0);
  g_auto (Service) service = { 0 };

  service_init (&service, "[::1]", "/", "echo");
  if (socket == NULL || !g_socket_bind (socket, address, TRUE, NULL))
    {
      g_test_skip ("this machine has no ::1");
      return;
    }
  mk_http_executor_set_method (service.executor, "GET");
  assert_sends (&service, "\r\nHost: \\[::1\\]:\\d+\r\n");
}

static void
test_request_line (void)
{
  g_auto (Service) service = { 0 };

  service_init (&service, "127.0.0.1", "/a/b%20c?x=1&y=%2F;z#part", "echo");
  mk_http_executor_set_method (service.executor, "GET");
  assert_sends (&service, "^GET /a/b%20c\\?x=1&y=%2F;z HTTP/1\\.1\r\n");
  mk_http_executor_set_method (service.executor, "PROPFIND");
  assert_sends (&service, "^PROPFIND /");
}

static void
test_headers (void)
{
  static const char *const headers[] = { "X-One: first",
                                         "x-one:second",
                                         "Accept: text/*; q=0.5",
                                         "User-Agent: me",
                                         "Host: example.org",
                                         "X-Empty:",
                                         NULL };
  g_auto (Service) service = { 0 };

  service_init (&service, "127.0.0.1", "/", "echo");
  mk_http_executor_set_method (service.executor, "GET");
  assert_sends (&service, "\r\nConnection: close\r\n");
  assert_sends (&service, "(?s)^(?!.*(Cookie|Accept-Encoding|Authorization))");
  mk_http_executor_set_headers (service.executor, headers);
  assert_sends (&service, "(?si)\r\nx-one: first\r\n.*x-one: second\r\n");
  assert_sends (&service, "\r\nAccept: text/\\*; q=0\\.5\r\n");
  assert_sends (&service, "(?s)(?i)^(?!.*user-agent.*user-agent).*\r\nuser-agent: me\r\n");
  assert_sends (&service, "(?s)(?i)^(?!.*host:.*host:).*\r\nhost: example.org\r\n");
}

static void
test_basic_authentication (void)
{
  g_auto (Service) service = { 0 };

  service_init (&service, "us%40er:pass%3Aword@127.0.0.1", "/", "echo");
  mk_http_executor_set_method (service.executor, "GET");
  /* "us@er:pass:word" */
  assert_sends (&service, "\r\nAuthorization: Basic dXNAZXI6cGFzczp3b3Jk\r\n");
}

/* Passwords are not for the logs of a build. */
static void
test_password_is_not_told (void)
{
  g_auto (Service) service = { 0 };
  g_autoptr (GError) error = NULL;

  service_init (&service, "user:pass-word@127.0.0.1", "/", "401 Unauthorized");
  mk_simple_executor_set_start_timeout (MK_SIMPLE_EXECUTOR (service.executor), SHORT_MS);
  g_assert_false (mk_test_start (service.executor, NULL, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_TIMED_OUT);
  mk_test_assert_contains (error->message, "HTTP 401 Unauthorized");
  g_assert_null (strstr (error->message, "pass-word"));
}

static void
test_body (void)
{
  g_auto (Service) service = { 0 };
  g_autoptr (GBytes) body = g_bytes_new_static ("{\"a\": 1}", 8);

  service_init (&service, "127.0.0.1", "/", "echo");
  mk_http_executor_set_method (service.executor, "POST");
  mk_http_executor_set_body (service.executor, body);
  mk_http_executor_set_content_type (service.executor, "application/json");
  assert_sends (&service, "(?si)content-type: application/json\r\n.*\r\n\r\n\\{\"a\": 1\\}$");
}

static void
test_form (void)
{
  static const char *const fields[] = { "name=J\xc3\xb6rg & co", "empty", "sum=1+1=2", "a b=~*-._", NULL };
  g_auto (Service) service = { 0 };

  service_init (&service, "127.0.0.1", "/", "echo");
  mk_http_executor_set_method (service.executor, "POST");
  mk_http_executor_set_form (service.executor, fields);
  assert_sends (&service, "(?i)content-type: application/x-www-form-urlencoded\r\n");
  assert_sends (&service, "\r\n\r\nname=J%C3%B6rg\\+%26\\+co&empty=&sum=1%2B1%3D2&a\\+b=%7E\\*-\\._$");
}

static void
test_status (void)
{
  static const struct
  {
    const char *answer, *status;
    gboolean matches;
  } cases[] = {
    { "404 Not Found", "404", TRUE },   { "404 Not Found", "^4\\d\\d$", TRUE },
    { "404 Not Found", "4", TRUE },     { "204 No Content", NULL, TRUE },
    { "404 Not Found", "200", FALSE },  { "404 Not Found", "40[0-3]", FALSE },
    { "301 Moved", "(200|301)", TRUE }, { "299 Odd", "^2", TRUE },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_auto (Service) service = { 0 };

      service_init (&service, "127.0.0.1", "/", cases[i].answer);
      mk_http_executor_set_status (service.executor, cases[i].status);
      if (cases[i].matches)
        assert_starts_and_stops (&service);
      else
        assert_times_out (service.executor, cases[i].answer);
    }
}

static void
test_body_pattern (void)
{
  g_auto (Service) service = { 0 };

  service_init (&service, "127.0.0.1", "/", "echo");
  mk_http_executor_set_method (service.executor, "GET");
  mk_http_executor_set_body_pattern (service.executor, "status\":\\s*\"green");
  assert_times_out (service.executor, "HTTP 200 OK with a body that does not match");
}

/* ---- somebody else is there ---- */

static void
test_already_running (void)
{
  g_auto (Service) service = { 0 };
  g_autofree char *other_tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) other = NULL;
  g_autoptr (GError) error = NULL;

  service_init (&service, "127.0.0.1", "/", "ok");
  /* It does not even talk HTTP. */
  other = mk_test_executor_new_tcp (other_tag, service.port, NULL);
  mk_test_assert_starts (other);
  g_assert_false (mk_test_start (service.executor, NULL, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_ALREADY_RUNNING);
  mk_test_assert_contains (error->message, "mk-test-service");
  g_assert_cmpuint (mk_test_count_tagged (service.tag), ==, 0);
  mk_test_assert_stops (other);
}

static void
test_executor_with_probe (void)
{
  g_auto (Service) service = { 0 };
  g_autoptr (MkHttpProbe) probe = NULL;
  g_autoptr (MkExecutor) executor = NULL;
  g_autoptr (GError) error = NULL;
  const char *const *argv;

  service_init (&service, "127.0.0.1", "/", "503 Busy");
  probe = mk_http_probe_new (service.uri);
  argv = mk_simple_executor_get_command (MK_SIMPLE_EXECUTOR (service.executor));
  executor = mk_executor_new (argv, MK_PROBE (probe));
  mk_http_probe_set_status (probe, "503");
  mk_test_assert_starts (executor);

  /* With any status, the port is taken. */
  g_assert_false (mk_test_start (service.executor, NULL, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_ALREADY_RUNNING);
  mk_test_assert_stops (executor);
}

/* ---- without a process ---- */

static gpointer
stop_later (gpointer executor)
{
  g_usleep (50 * 1000);
  g_assert_true (mk_simple_executor_stop (executor, NULL, NULL));
  return NULL;
}

static void
test_probe_alone (void)
{
  g_auto (Service) service = { 0 };
  g_autoptr (MkHttpProbe) probe = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *description = NULL;
  GThread *thread;

  service_init (&service, "127.0.0.1", "/x", "ok");
  probe = mk_http_probe_new (service.uri);
  description = mk_probe_describe (MK_PROBE (probe));
  mk_test_assert_contains (description, service.uri);
  g_assert_false (mk_test_check (probe, NULL, &error));
  g_assert_no_error (error);
  mk_test_assert_starts (service.executor);
  g_assert_true (mk_test_check (probe, NULL, &error));
  g_assert_true (mk_test_probe_wait (probe, MK_TEST_LIMIT_MS, NULL, &error));
  thread = g_thread_new ("stopper", stop_later, service.executor);
  g_assert_true (mk_test_probe_wait_gone (probe, MK_TEST_LIMIT_MS, NULL, &error));
  g_assert_no_error (error);
  g_thread_join (thread);
}

static void
test_leaves_no_sockets (void)
{
  g_auto (Service) service = { 0 };
  g_autoptr (MkHttpProbe) probe = NULL;
  guint n_before;

  service_init (&service, "127.0.0.1", "/", "ok");
  probe = mk_http_probe_new (service.uri);
  mk_test_assert_starts (service.executor);
  g_assert_true (mk_test_check (probe, NULL, NULL));
  n_before = mk_test_count_entries ("/proc/self/fd");
  for (guint i = 0; i < 50; i++)
    g_assert_true (mk_test_check (probe, NULL, NULL));
  g_assert_cmpuint (mk_test_count_entries ("/proc/self/fd"), <=, n_before);
  mk_test_assert_stops (service.executor);
}

/* A proxy in the environment must not make a dead server look alive, nor a living one dead. */
static void
test_no_proxy (void)
{
  g_auto (Service) service = { 0 };
  g_autofree char *proxy = NULL;

  if (!g_test_subprocess ())
    {
      service_init (&service, "127.0.0.1", "/", "ok");
      g_test_trap_subprocess (NULL, SUBPROCESS_LIMIT_S * G_USEC_PER_SEC, G_TEST_SUBPROCESS_INHERIT_STDERR);
      g_test_trap_assert_passed ();
      return;
    }
  proxy = g_strdup_printf ("http://127.0.0.1:%u", mk_test_free_port ());
  g_setenv ("http_proxy", proxy, TRUE);
  g_setenv ("all_proxy", proxy, TRUE);
  service_init (&service, "127.0.0.1", "/", "ok");
  assert_starts_and_stops (&service);
}

/* ---- mistakes ---- */

static void
assert_invalid (MkHttpExecutor *executor, const char *tag, const char *advice)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (mk_test_start (executor, NULL, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_INVALID_ARGUMENT);
  mk_test_assert_contains (error->message, advice);
  g_assert_cmpint (mk_simple_executor_get_pid (MK_SIMPLE_EXECUTOR (executor)), ==, 0);
  mk_test_assert_nothing_left (tag);
}

static void
test_invalid_urls (void)
{
  static const struct
  {
    const char *uri, *advice;
  } cases[] = {
    { NULL, "empty" },
    { "", "empty" },
    { "127.0.0.1:8000", "URL" },
    { "/path", "URL" },
    { "http:", "no host" },
    { "http://", "no host" },
    { "http:///path", "no host" },
    { "http://:80/", "no host" },
    { "ftp://127.0.0.1/", "http://" },
    { "file:///etc/passwd", "http://" },
    { "http://127.0.0.1:0/", "port" },
    { "http://127.0.0.1:65536/", "URL" },
    { "http://127.0.0.1:http/", "URL" },
    { "http://[::1/", "URL" },
    { "http://127.0.0.1/a b", "%20" },
    { " http://127.0.0.1/", "%20" },
    { "http://127.0.0.1/\r\nX: y", "%20" },
    { "http://127.0.0.1/%zz\n", "%20" },
    { "http://127.0.0.1/\xff", "URL" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_auto (Service) service = { 0 };

      service_init (&service, "127.0.0.1", "/", "ok");
      mk_http_executor_set_uri (service.executor, cases[i].uri);
      assert_invalid (service.executor, service.tag, cases[i].advice);
    }
}

static void
test_invalid_settings (void)
{
  static const struct
  {
    const char *property, *value, *advice;
  } cases[] = {
    { "status", "(", "regular expression" },
    { "status", "999", "No status matches" },
    { "status", "^2\\d$", "No status matches" },
    { "status", "OK", "No status matches" },
    { "status", "[", "regular expression" },
    { "method", "", "method" },
    { "method", "GET /", "method" },
    { "method", "GE\nT", "method" },
    { "method", "CONNECT", "method" },
    { "content-type", "json", "content type" },
    { "content-type", "a/b\r\nX: y", "content type" },
    { "body-pattern", "(", "regular expression" },
    { "ca-file", "/nonexistent/ca.pem", "/nonexistent/ca.pem" },
    { "socket-path", "", "socket" },
    { "socket-path",
      "/1234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890"
      "12345678",
      "socket" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_auto (Service) service = { 0 };

      service_init (&service, "127.0.0.1", "/", "ok");
      g_object_set (service.executor, cases[i].property, cases[i].value, NULL);
      assert_invalid (service.executor, service.tag, cases[i].advice);
    }
}

static void
test_invalid_headers (void)
{
  static const char *const headers[] = {
    "NoColon",    ": no name", "Two Words: x",      "X: y\r\nZ: injected",
    "X: y\nZ: z", "X\r\n: y",  "Content-Length: 5", "transfer-encoding: chunked",
    "",           "X: \x7f"
  };

  for (guint i = 0; i < G_N_ELEMENTS (headers); i++)
    {
      const char *list[] = { "Accept: */*", headers[i], NULL };
      g_auto (Service) service = { 0 };

      service_init (&service, "127.0.0.1", "/", "ok");
      mk_http_executor_set_headers (service.executor, list);
      assert_invalid (service.executor, service.tag, "header");
    }
}

/* ---- the object ---- */

static void
count (GObject *object, GParamSpec *pspec, guint *n)
{
  *n += 1;
}

static void
test_properties (void)
{
  static const char *const argv[] = { "true", NULL }, *const headers[] = { "A: b", NULL };
  g_autoptr (MkHttpExecutor) executor = mk_http_executor_new (argv, "https://example.org/");
  MkTcpExecutor *tcp = MK_TCP_EXECUTOR (executor);
  guint n = 0;

  g_assert_cmpstr (mk_tcp_executor_get_host (tcp), ==, "example.org");
  g_assert_cmpuint (mk_tcp_executor_get_port (tcp), ==, 443);
  mk_http_executor_set_uri (executor, "http://[::1]/");
  g_assert_cmpstr (mk_tcp_executor_get_host (tcp), ==, "::1");
  g_assert_cmpuint (mk_tcp_executor_get_port (tcp), ==, 80);
  mk_http_executor_set_uri (executor, "nonsense");
  g_assert_cmpstr (mk_http_executor_get_uri (executor), ==, "nonsense");
  g_assert_null (mk_tcp_executor_get_host (tcp));
  g_assert_cmpstr (mk_http_executor_get_status (executor), ==, "^2\\d\\d$");
  g_assert_cmpstr (mk_http_executor_get_method (executor), ==, "HEAD");

  g_signal_connect (executor, "notify::headers", G_CALLBACK (count), &n);
  g_signal_connect (executor, "notify::accept-any-certificate", G_CALLBACK (count), &n);
  mk_http_executor_set_headers (executor, headers);
  mk_http_executor_set_headers (executor, headers);
  mk_http_executor_set_accept_any_certificate (executor, TRUE);
  mk_http_executor_set_accept_any_certificate (executor, TRUE);
  g_assert_cmpuint (n, ==, 2);
}

/* ---- real servers ---- */

typedef struct
{
  MkTestFolder *folder;
  guint port;
  MkHttpExecutor *executor;
} Nginx;

/* @rules: of its only server; %s stands for its folder */
static gboolean
nginx_init (Nginx *self, const char *listen_options, const char *host, const char *rules)
{
  g_autofree char *program = g_find_program_in_path ("nginx");
  g_autofree char *text = NULL, *path = NULL, *uri = NULL, *rules_here = NULL;
  g_auto (GStrv) parts = g_strsplit (rules, "%s", -1);

  if (program == NULL && g_file_test ("/usr/sbin/nginx", G_FILE_TEST_IS_EXECUTABLE))
    program = g_strdup ("/usr/sbin/nginx");
  if (program == NULL)
    {
      g_test_skip ("nginx is not installed");
      return FALSE;
    }

  self->folder = mk_test_new_folder ();
  self->port = mk_test_free_port ();
  rules_here = g_strjoinv (self->folder, parts);
  path = g_build_filename (self->folder, "nginx.conf", NULL);
  text = g_strdup_printf ("%s daemon off; worker_processes 1; error_log stderr; pid %s/pid;\n"
                          "events {}\n"
                          "http { access_log off; client_body_temp_path %s/b; proxy_temp_path %s/p;\n"
                          "fastcgi_temp_path %s/f; uwsgi_temp_path %s/u; scgi_temp_path %s/s;\n"
                          "server { listen 127.0.0.1:%u %s; %s } }\n",
                          geteuid () == 0 ? "user root;" : "",
                          self->folder,
                          self->folder,
                          self->folder,
                          self->folder,
                          self->folder,
                          self->folder,
                          self->port,
                          listen_options,
                          rules_here);
  g_assert_true (g_file_set_contents (path, text, -1, NULL));
  uri = g_strdup_printf ("%s://%s:%u/", strstr (listen_options, "ssl") ? "https" : "http", host, self->port);
  self->executor = mk_http_executor_new (
      (const char *const[]){ program, "-p", self->folder, "-c", path, "-e", "stderr", NULL }, uri);
  mk_simple_executor_set_start_timeout (MK_SIMPLE_EXECUTOR (self->executor), MK_TEST_LIMIT_MS);
  return TRUE;
}

static void
nginx_clear (Nginx *self)
{
  if (self->executor == NULL)
    return;
  mk_test_assert_nothing_left (self->folder);
  g_object_unref (self->executor);
  mk_test_remove_folder (self->folder);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Nginx, nginx_clear)

static void
test_nginx (void)
{
  g_auto (Nginx) nginx = { 0 };

  /* That it is HEAD is checked by the server, too. */
  if (!nginx_init (&nginx, "", "127.0.0.1", "if ($request_method != HEAD) { return 405; } return 200;"))
    return;
  mk_test_assert_starts (nginx.executor);
  mk_test_assert_stops (nginx.executor);
}

static gpointer
make_file_later (gpointer path)
{
  g_usleep (150 * 1000);
  g_assert_true (g_file_set_contents (path, "", 0, NULL));
  return NULL;
}

static void
test_nginx_not_yet (void)
{
  g_auto (Nginx) nginx = { 0 };
  g_autofree char *path = NULL;
  GThread *thread;

  if (!nginx_init (&nginx, "", "127.0.0.1", "if (!-f %s/ready) { return 503; } return 200;"))
    return;
  path = g_build_filename (nginx.folder, "ready", NULL);
  thread = g_thread_new ("maker", make_file_later, path);
  mk_test_assert_starts (nginx.executor);
  g_assert_true (g_file_test (path, G_FILE_TEST_EXISTS));
  g_thread_join (thread);
  mk_test_assert_stops (nginx.executor);

  g_unlink (path);
  assert_times_out (nginx.executor, "HTTP 503 Service");
}

static void
test_nginx_unix_socket (void)
{
  g_auto (Nginx) nginx = { 0 };
  g_autofree char *path = NULL;

  if (!nginx_init (
          &nginx, "", "127.0.0.1", "listen unix:%s/socket; return 200 $host; default_type text/plain;"))
    return;
  path = g_build_filename (nginx.folder, "socket", NULL);
  mk_http_executor_set_uri (nginx.executor, "http://example.org/");
  mk_http_executor_set_socket_path (nginx.executor, path);
  mk_http_executor_set_method (nginx.executor, "GET");
  mk_http_executor_set_body_pattern (nginx.executor, "^example\\.org$");
  mk_test_assert_starts (nginx.executor);
  mk_test_assert_stops (nginx.executor);
}

/* ---- https ---- */

static char *
make_certificate (const char *folder, const char *alternative_name)
{
  g_autofree char *certificate = g_build_filename (folder, "cert.pem", NULL);
  g_autofree char *key = g_build_filename (folder, "key.pem", NULL);
  g_autofree char *name = g_strdup_printf ("subjectAltName=%s", alternative_name);
  g_autoptr (GError) error = NULL;
  g_autoptr (GSubprocess) openssl = g_subprocess_new (G_SUBPROCESS_FLAGS_STDERR_SILENCE,
                                                      &error,
                                                      "openssl",
                                                      "req",
                                                      "-x509",
                                                      "-newkey",
                                                      "ec",
                                                      "-pkeyopt",
                                                      "ec_paramgen_curve:prime256v1",
                                                      "-nodes",
                                                      "-days",
                                                      "2",
                                                      "-subj",
                                                      "/CN=test",
                                                      "-addext",
                                                      name,
                                                      "-keyout",
                                                      key,
                                                      "-out",
                                                      certificate,
                                                      NULL);

  if (openssl == NULL || !g_subprocess_wait_check (openssl, NULL, &error))
    {
      g_test_skip ("openssl is not installed");
      return NULL;
    }
  return g_steal_pointer (&certificate);
}

static char *
start_https (Nginx *nginx, const char *options, const char *host, const char *certificate_name)
{
  g_autofree char *certificate = NULL;

  if (!g_tls_backend_supports_tls (g_tls_backend_get_default ()))
    {
      g_test_skip ("GLib has no TLS module here");
      return NULL;
    }
  if (!nginx_init (
          nginx, options, host, "ssl_certificate %s/cert.pem; ssl_certificate_key %s/key.pem; return 200;"))
    return NULL;
  return make_certificate (nginx->folder, certificate_name);
}

static void
test_https_certificate_file (void)
{
  g_auto (Nginx) nginx = { 0 };
  g_autofree char *certificate = start_https (&nginx, "ssl", "localhost", "DNS:localhost");

  if (certificate == NULL)
    return;
  mk_http_executor_set_ca_file (nginx.executor, certificate);
  mk_test_assert_starts (nginx.executor);
  mk_test_assert_stops (nginx.executor);
}

static void
test_https_http2 (void)
{
  g_auto (Nginx) nginx = { 0 };
  g_autofree char *certificate = start_https (&nginx, "ssl http2", "127.0.0.1", "IP:127.0.0.1");

  if (certificate == NULL)
    return;
  mk_http_executor_set_ca_file (nginx.executor, certificate);
  mk_test_assert_starts (nginx.executor);
  mk_test_assert_stops (nginx.executor);
}

static void
test_https_untrusted (void)
{
  g_auto (Nginx) nginx = { 0 };
  g_autofree char *certificate = start_https (&nginx, "ssl", "127.0.0.1", "IP:127.0.0.1");

  if (certificate == NULL)
    return;
  assert_times_out (nginx.executor, "not signed by an authority that is trusted");
  mk_simple_executor_set_start_timeout (MK_SIMPLE_EXECUTOR (nginx.executor), MK_TEST_LIMIT_MS);
  mk_http_executor_set_accept_any_certificate (nginx.executor, TRUE);
  mk_test_assert_starts (nginx.executor);
  mk_test_assert_stops (nginx.executor);
}

static void
test_https_other_name (void)
{
  g_auto (Nginx) nginx = { 0 };
  g_autofree char *certificate = start_https (&nginx, "ssl", "localhost", "DNS:other.example");

  if (certificate == NULL)
    return;
  mk_http_executor_set_ca_file (nginx.executor, certificate);
  assert_times_out (nginx.executor, "certificate is not for localhost");
}

static void
test_https_useless_certificate_file (void)
{
  g_auto (Nginx) nginx = { 0 };
  g_autofree char *certificate = start_https (&nginx, "ssl", "localhost", "DNS:localhost");
  g_autoptr (GError) error = NULL;

  if (certificate == NULL)
    return;
  mk_http_executor_set_ca_file (nginx.executor, nginx.folder);
  g_assert_false (mk_test_start (nginx.executor, NULL, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_INVALID_ARGUMENT);
  mk_test_assert_contains (error->message, "no usable certificate");
}

static void
test_python (void)
{
  guint port = mk_test_free_port ();
  g_autofree char *digits = g_strdup_printf ("%u", port);
  g_autofree char *uri = g_strdup_printf ("http://127.0.0.1:%u/", port);
  const char *argv[] = { "python3", "-m", "http.server", "--bind", "127.0.0.1", digits, NULL };
  g_autoptr (MkHttpExecutor) executor = mk_http_executor_new (argv, uri);

  mk_test_assert_starts (executor);
  mk_test_assert_stops (executor);
  mk_test_assert_nothing_left (digits);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);

  mk_test_add_everywhere ("/http/ready", test_ready);
  mk_test_add ("/http/forms-of-url", test_forms_of_url);
  mk_test_add ("/http/ipv6", test_ipv6);
  mk_test_add ("/http/request-line", test_request_line);
  mk_test_add ("/http/headers", test_headers);
  mk_test_add ("/http/basic-authentication", test_basic_authentication);
  mk_test_add ("/http/password-is-not-told", test_password_is_not_told);
  mk_test_add ("/http/body", test_body);
  mk_test_add ("/http/form", test_form);
  mk_test_add ("/http/status", test_status);
  mk_test_add ("/http/body-pattern", test_body_pattern);
  mk_test_add ("/http/already-running", test_already_running);
  mk_test_add ("/http/executor-with-probe", test_executor_with_probe);
  mk_test_add ("/http/probe-alone", test_probe_alone);
  mk_test_add ("/http/leaves-no-sockets", test_leaves_no_sockets);
  mk_test_add_once ("/http/no-proxy", test_no_proxy);
  mk_test_add ("/http/invalid/urls", test_invalid_urls);
  mk_test_add ("/http/invalid/settings", test_invalid_settings);
  mk_test_add ("/http/invalid/headers", test_invalid_headers);
  mk_test_add_once ("/http/properties", test_properties);
  mk_test_add ("/http/nginx/head", test_nginx);
  mk_test_add ("/http/nginx/not-yet", test_nginx_not_yet);
  mk_test_add ("/http/nginx/unix-socket", test_nginx_unix_socket);
  mk_test_add ("/http/https/certificate-file", test_https_certificate_file);
  mk_test_add ("/http/https/http2", test_https_http2);
  mk_test_add ("/http/https/untrusted", test_https_untrusted);
  mk_test_add ("/http/https/other-name", test_https_other_name);
  mk_test_add ("/http/https/useless-certificate-file", test_https_useless_certificate_file);
  mk_test_add ("/http/python", test_python);

  return g_test_run ();
}
