/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What users rely on when they wait for a web server: requests and settings of all kinds.
 */

#include "mk-test-calls.h"

#include <glib/gstdio.h>
#include <string.h>

#define SUBPROCESS_LIMIT_S 50
#define PASSWORD           "pass-word"
#define BUSY_MS            2000
#define BUSY_LATE_MS       40

/* ---- services ---- */

typedef struct
{
  char *tag;
  guint port;
  char *uri;
  char *stamp_file;
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
  self->stamp_file = g_build_filename (g_get_tmp_dir (), self->tag, NULL);
  argv = mk_test_service_argv (
      self->tag, "--listen", address, "--after", "20", "--http", how, "--stamp", self->stamp_file, NULL);
  self->executor = mk_http_executor_new ((const char *const *) argv, self->uri);
  mk_simple_executor_set_start_timeout (MK_SIMPLE_EXECUTOR (self->executor), MK_TEST_LIMIT_MS);
}

static void
service_add_option (Service *self, const char *option, const char *value)
{
  MkSimpleExecutor *executor = MK_SIMPLE_EXECUTOR (self->executor);
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_auto (GStrv) argv = NULL;

  g_strv_builder_addv (builder, (const char **) mk_simple_executor_get_command (executor));
  g_strv_builder_add_many (builder, option, value, NULL);
  argv = g_strv_builder_end (builder);
  mk_simple_executor_set_command (executor, (const char *const *) argv);
}

static void
service_clear (Service *self)
{
  g_object_unref (self->executor);
  mk_test_assert_nothing_left (self->tag);
  g_unlink (self->stamp_file);
  g_free (self->stamp_file);
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
  assert_sends (&service, "(?s)^(?!.*(Cookie|Authorization))");
  mk_http_executor_set_headers (service.executor, headers);
  assert_sends (&service, "(?si)\r\nx-one: first\r\n.*x-one: second\r\n");
  assert_sends (&service, "\r\nAccept: text/\\*; q=0\\.5\r\n");
  assert_sends (&service, "(?s)(?i)^(?!.*user-agent.*user-agent).*\r\nuser-agent: me\r\n");
  assert_sends (&service, "(?s)(?i)^(?!.*host:.*host:).*\r\nhost: example.org\r\n");
}

/* There are servers that care. */
static void
test_case_of_header_names_is_kept (void)
{
  static const char *const headers[] = { "X-Auth-Token: a: b", "x-other: c", NULL };
  g_auto (Service) service = { 0 };

  service_init (&service, "127.0.0.1", "/", "echo");
  mk_http_executor_set_method (service.executor, "GET");
  mk_http_executor_set_headers (service.executor, headers);
  assert_sends (&service, "\r\nX-Auth-Token: a: b\r\nx-other: c\r\n");
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

  service_init (&service, "user:" PASSWORD "@127.0.0.1", "/", "401 Unauthorized");
  mk_test_assert_start_times_out_seeing (service.executor, "HTTP 401 Unauthorized");
  g_assert_false (mk_test_start (service.executor, NULL, &error));
  g_assert_null (strstr (error->message, PASSWORD));
}

/* Nor where it stands in a URL that is wrong, and perhaps has made it wrong. */
static void
test_password_of_bad_url_is_not_told (void)
{
  static const char *const urls[] = {
    "ftp://user:pass-word@127.0.0.1/",
    "http://user:pass-word@[::1/",
    "http://user:pass-word@",
    "http://user:pass-word@127.0.0.1:0/",
    "http://user:pass-word@127.0.0.1:99999/",
    "http://user:pass-word/@127.0.0.1:80",
    "http://user:pass-word x@127.0.0.1/",
    "user:pass-word@127.0.0.1",
  };

  for (guint i = 0; i < G_N_ELEMENTS (urls); i++)
    {
      g_autoptr (MkHttpProbe) probe = mk_http_probe_new (urls[i]);
      g_autofree char *description = mk_probe_describe (MK_PROBE (probe));
      g_autoptr (GError) error = NULL;

      g_assert_false (mk_test_check (probe, NULL, &error));
      g_assert_error (error, MK_ERROR, MK_ERROR_INVALID_ARGUMENT);
      g_assert_null (strstr (error->message, PASSWORD));
      g_assert_null (strstr (description, PASSWORD));
    }
}

/* What a server says about itself may be no text at all. */
static void
test_message_is_text (void)
{
  g_auto (Service) service = { 0 };

  service_init (&service, "127.0.0.1", "/", "503 D\xe9j\xe0 \x1b[31m");
  mk_test_assert_start_times_out_seeing (service.executor, "HTTP 503 D\xef\xbf\xbdj\xef\xbf\xbd \\x1b[31m");
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
    { "404 Not Found", NULL, FALSE },   { "422 Unprocessable", "22", FALSE },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_auto (Service) service = { 0 };

      service_init (&service, "127.0.0.1", "/", cases[i].answer);
      mk_http_executor_set_status (service.executor, cases[i].status);
      if (cases[i].matches)
        assert_starts_and_stops (&service);
      else
        mk_test_assert_start_times_out_seeing (service.executor, cases[i].answer);
    }
}

static void
test_body_pattern (void)
{
  g_auto (Service) service = { 0 };

  service_init (&service, "127.0.0.1", "/", "echo");
  mk_http_executor_set_method (service.executor, "GET");
  mk_http_executor_set_body_pattern (service.executor, "status\":\\s*\"green");
  mk_test_assert_start_times_out_seeing (service.executor, "HTTP 200 OK with a body that does not match");
}

static void
test_empty_body (void)
{
  g_auto (Service) service = { 0 };

  service_init (&service, "127.0.0.1", "/", "ok");
  mk_http_executor_set_body_pattern (service.executor, "^$");
  assert_starts_and_stops (&service);
  mk_http_executor_set_body_pattern (service.executor, "x");
  mk_test_assert_start_times_out_seeing (service.executor, "HTTP 200 OK with a body that does not match “x”");
}

static void
test_compressed_body (void)
{
  g_auto (Service) service = { 0 };

  service_init (&service, "127.0.0.1", "/", "gzip");
  mk_http_executor_set_body_pattern (service.executor, "^ready: gzip$");
  assert_starts_and_stops (&service);
}

/* Some servers implement only GET. */
static void
test_head_is_refused (void)
{
  g_auto (Service) service = { 0 };

  service_init (&service, "127.0.0.1", "/", "no-head");
  assert_starts_and_stops (&service);
  g_assert_cmpuint (mk_test_count_stamps (service.stamp_file, "request"), ==, 2);

  /* Unless that is just what is wanted. */
  mk_http_executor_set_status (service.executor, "405");
  assert_starts_and_stops (&service);
  g_assert_cmpuint (mk_test_count_stamps (service.stamp_file, "request"), ==, 3);

  /* The message says which of them it was. */
  mk_http_executor_set_status (service.executor, "204");
  mk_test_assert_start_times_out_seeing (service.executor, "GET: HTTP 200 OK");
}

/* ---- how often it is asked ---- */

/* Some servers log each of them. */
static void
test_connections (void)
{
  g_auto (Service) service = { 0 };

  service_init (&service, "127.0.0.1", "/", "ok");
  assert_starts_and_stops (&service);
  g_assert_cmpuint (mk_test_count_stamps (service.stamp_file, "request"), ==, 1);
  g_assert_cmpuint (mk_test_count_stamps (service.stamp_file, "connection"), <=, 2);
}

static void
test_busy (void)
{
  double late_ms = BUSY_LATE_MS;

  /* On a busy machine it may take a second round. */
  for (guint round = 0; round < 3 && late_ms >= BUSY_LATE_MS; round++)
    {
      g_auto (Service) service = { 0 };
      gint64 listens;

      service_init (&service, "127.0.0.1", "/", "ok");
      service_add_option (&service, "--busy", G_STRINGIFY (BUSY_MS));
      mk_test_assert_starts (service.executor);
      listens = mk_test_read_stamp (service.stamp_file, "listen");
      late_ms = (g_get_monotonic_time () - listens) / 1000.0 - BUSY_MS;
      mk_test_assert_stops (service.executor);

      g_assert_cmpuint (mk_test_count_stamps (service.stamp_file, "request"), <, 400);
      g_assert_cmpuint (mk_test_count_stamps (service.stamp_file, "connection"),
                        <=,
                        mk_test_count_stamps (service.stamp_file, "request") + 1);
    }
  g_assert_cmpfloat (late_ms, <, BUSY_LATE_MS);
}

/* On this machine a server may ask for a pause of a second at most. */
static void
test_retry_after (void)
{
  static const char *const texts[] = { "1", "300", "Fri, 01 Jan 2100 00:00:00 GMT" };

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_auto (Service) service = { 0 };
      gint64 begin = g_get_monotonic_time ();

      service_init (&service, "127.0.0.1", "/", "ok");
      service_add_option (&service, "--busy", "300");
      service_add_option (&service, "--retry-after", texts[i]);
      assert_starts_and_stops (&service);
      g_assert_cmpuint (mk_test_count_stamps (service.stamp_file, "request"), ==, 2);
      g_assert_cmpint (g_get_monotonic_time () - begin, >=, G_TIME_SPAN_SECOND);
    }
}

/* One that does not say when to come again is left in peace all the same. */
static void
test_too_many_requests (void)
{
  g_auto (Service) service = { 0 };

  service_init (&service, "127.0.0.1", "/", "429 Too Many Requests");
  mk_test_assert_start_times_out_seeing (service.executor, "HEAD: HTTP 429 Too Many Requests");
  g_assert_cmpuint (mk_test_count_stamps (service.stamp_file, "request"), <, 10);
}

/* Knows no name, and counts who asks. */
#define TEST_TYPE_RESOLVER (test_resolver_get_type ())
G_DECLARE_FINAL_TYPE (TestResolver, test_resolver, TEST, RESOLVER, GResolver)

struct _TestResolver
{
  GResolver parent_instance;

  guint n_lookups;
};

G_DEFINE_FINAL_TYPE (TestResolver, test_resolver, G_TYPE_RESOLVER)

static void
test_resolver_lookup_with_flags_async (GResolver *resolver,
                                       const char *hostname,
                                       GResolverNameLookupFlags flags,
                                       GCancellable *cancellable,
                                       GAsyncReadyCallback callback,
                                       gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (resolver, cancellable, callback, user_data);

  TEST_RESOLVER (resolver)->n_lookups++;
  g_task_return_new_error (task, G_RESOLVER_ERROR, G_RESOLVER_ERROR_NOT_FOUND, "unknown to the test");
}

static void
test_resolver_lookup_async (GResolver *resolver,
                            const char *hostname,
                            GCancellable *cancellable,
                            GAsyncReadyCallback callback,
                            gpointer user_data)
{
  test_resolver_lookup_with_flags_async (resolver, hostname, 0, cancellable, callback, user_data);
}

static GList *
test_resolver_lookup_finish (GResolver *resolver, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

static void
test_resolver_class_init (TestResolverClass *klass)
{
  GResolverClass *resolver_class = G_RESOLVER_CLASS (klass);

  resolver_class->lookup_by_name_async = test_resolver_lookup_async;
  resolver_class->lookup_by_name_finish = test_resolver_lookup_finish;
  resolver_class->lookup_by_name_with_flags_async = test_resolver_lookup_with_flags_async;
  resolver_class->lookup_by_name_with_flags_finish = test_resolver_lookup_finish;
}

static void
test_resolver_init (TestResolver *self)
{
}

static void
test_unknown_host (void)
{
  g_autoptr (GResolver) before = g_resolver_get_default ();
  g_autoptr (TestResolver) resolver = g_object_new (TEST_TYPE_RESOLVER, NULL);
  MkProbe *probes[] = {
    MK_PROBE (mk_http_probe_new ("http://name.invalid/")),
    MK_PROBE (mk_tcp_probe_new ("name.invalid", 80)),
  };

  g_resolver_set_default (G_RESOLVER (resolver));
  for (guint i = 0; i < G_N_ELEMENTS (probes); i++)
    {
      g_autoptr (GError) error = NULL;

      resolver->n_lookups = 0;
      g_assert_false (mk_probe_wait (probes[i], 5000, NULL, &error));
      g_assert_error (error, MK_ERROR, MK_ERROR_TIMED_OUT);
      mk_test_assert_contains (error->message, "Cannot find the address of “name.invalid”");
      g_assert_cmpuint (resolver->n_lookups, <, 20);
      g_object_unref (probes[i]);
    }
  g_resolver_set_default (before);
}

/* ---- redirects ---- */

static void
test_redirects (void)
{
  g_auto (Service) service = { 0 };

  service_init (&service, "user:" PASSWORD "@127.0.0.1", "/", "moved");
  mk_test_assert_start_times_out_seeing (service.executor,
                                         "HTTP 302 Found to “/there”, which is not followed");
  mk_simple_executor_set_start_timeout (MK_SIMPLE_EXECUTOR (service.executor), MK_TEST_LIMIT_MS);
  mk_http_executor_set_follow_redirects (service.executor, TRUE);
  assert_starts_and_stops (&service);
}

static void
test_redirect_loop (void)
{
  g_auto (Service) service = { 0 };

  service_init (&service, "127.0.0.1", "/", "redirect");
  mk_http_executor_set_follow_redirects (service.executor, TRUE);
  mk_test_assert_start_times_out_seeing (service.executor, "too many redirects");
}

/* The password is for the host of the URL only. */
static void
test_redirect_to_another_host (void)
{
  g_auto (Service) service = { 0 };
  g_auto (Service) other = { 0 };
  g_autofree char *how = NULL;

  service_init (&other, "127.0.0.1", "/", "echo");
  how = g_strdup_printf ("302 Found\r\nLocation: %s", other.uri);
  service_init (&service, "user:" PASSWORD "@127.0.0.1", "/", how);
  mk_http_executor_set_follow_redirects (service.executor, TRUE);
  mk_test_assert_starts (other.executor);
  assert_sends (&service, "(?s)^GET / (?!.*Authorization)");
  mk_test_assert_stops (other.executor);
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
  if (!mk_test_has_linux_features ("it is known who listens"))
    return;
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
  g_assert_true (mk_test_wait_descriptors (n_before));
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
    { "status", "100", "No status matches" },
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
    { "certificate-file", "/nonexistent/me.pem", "/nonexistent/me.pem" },
    { "socket-path", "", "socket" },
    { "socket-path", "@", "socket" },
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
count_line (MkSimpleExecutor *executor, MkStream stream, const char *text, gpointer n_lines)
{
  ++*(guint *) n_lines;
}

/* The context is never idle then. */
static void
test_beside_a_flood_of_lines (void)
{
  g_auto (Service) service = { 0 };
  g_autofree char *command = NULL;
  g_autofree char *script = NULL;
  guint n_lines = 0;

  service_init (&service, "127.0.0.1", "/", "ok");
  command =
      g_strjoinv (" ", (char **) mk_simple_executor_get_command (MK_SIMPLE_EXECUTOR (service.executor)));
  script = g_strdup_printf ("%s & exec yes", command);
  mk_simple_executor_set_command (MK_SIMPLE_EXECUTOR (service.executor),
                                  (const char *const[]){ "sh", "-c", script, NULL });
  g_signal_connect (service.executor, "line", G_CALLBACK (count_line), &n_lines);
  assert_starts_and_stops (&service);
  if (mk_test_is_async ())
    g_assert_cmpuint (n_lines, >, 0);
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

static void
test_host_follows_uri (void)
{
  static const char *const argv[] = { "true", NULL };
  g_autoptr (MkHttpExecutor) executor = mk_http_executor_new (argv, "http://127.0.0.1:8000/");
  MkTcpExecutor *tcp = MK_TCP_EXECUTOR (executor);
  g_autofree char *host = NULL;
  guint port = 0, n = 0;

  g_signal_connect (executor, "notify::host", G_CALLBACK (count), &n);
  g_signal_connect (executor, "notify::port", G_CALLBACK (count), &n);
  mk_http_executor_set_uri (executor, "http://127.0.0.1:8001/");
  g_assert_cmpuint (n, ==, 1);
  mk_http_executor_set_uri (executor, "https://localhost/");
  g_assert_cmpuint (n, ==, 3);

  g_test_expect_message ("mirakuru-glib", G_LOG_LEVEL_MESSAGE, "*port*cannot be set*");
  mk_tcp_executor_set_port (tcp, 9);
  g_test_expect_message ("mirakuru-glib", G_LOG_LEVEL_MESSAGE, "*host*cannot be set*");
  mk_tcp_executor_set_host (tcp, "example.org");
  g_test_assert_expected_messages ();

  g_object_get (executor, "host", &host, "port", &port, NULL);
  g_assert_cmpstr (host, ==, "localhost");
  g_assert_cmpuint (port, ==, 443);
  g_assert_false (g_object_class_find_property (G_OBJECT_GET_CLASS (executor), "host")->flags &
                  G_PARAM_WRITABLE);
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
  mk_test_add ("/http/case-of-header-names-is-kept", test_case_of_header_names_is_kept);
  mk_test_add ("/http/basic-authentication", test_basic_authentication);
  mk_test_add ("/http/password-is-not-told", test_password_is_not_told);
  mk_test_add ("/http/password-of-bad-url-is-not-told", test_password_of_bad_url_is_not_told);
  mk_test_add ("/http/message-is-text", test_message_is_text);
  mk_test_add ("/http/body", test_body);
  mk_test_add ("/http/form", test_form);
  mk_test_add ("/http/status", test_status);
  mk_test_add ("/http/body-pattern", test_body_pattern);
  mk_test_add ("/http/empty-body", test_empty_body);
  mk_test_add ("/http/compressed-body", test_compressed_body);
  mk_test_add ("/http/head-is-refused", test_head_is_refused);
  mk_test_add ("/http/connections", test_connections);
  /* Nothing of these depends on how it is waited for, and they take seconds. */
  mk_test_add_once ("/http/busy", test_busy);
  mk_test_add_once ("/http/retry-after", test_retry_after);
  mk_test_add_once ("/http/too-many-requests", test_too_many_requests);
  mk_test_add_once ("/http/unknown-host", test_unknown_host);
  mk_test_add ("/http/redirects", test_redirects);
  mk_test_add ("/http/redirect-loop", test_redirect_loop);
  mk_test_add ("/http/redirect-to-another-host", test_redirect_to_another_host);
  mk_test_add ("/http/already-running", test_already_running);
  mk_test_add ("/http/executor-with-probe", test_executor_with_probe);
  mk_test_add ("/http/probe-alone", test_probe_alone);
  mk_test_add ("/http/leaves-no-sockets", test_leaves_no_sockets);
  mk_test_add_once ("/http/no-proxy", test_no_proxy);
  mk_test_add ("/http/invalid/urls", test_invalid_urls);
  mk_test_add ("/http/invalid/settings", test_invalid_settings);
  mk_test_add ("/http/invalid/headers", test_invalid_headers);
  mk_test_add ("/http/beside-a-flood-of-lines", test_beside_a_flood_of_lines);
  mk_test_add_once ("/http/properties", test_properties);
  mk_test_add_once ("/http/host-follows-uri", test_host_follows_uri);

  return g_test_run ();
}
