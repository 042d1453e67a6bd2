/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Real web servers: nginx, with http and https, and that of Python.
 */

#include "mk-test-calls.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

/* For 127.0.0.1, signed by itself, and valid for a day of the year 2020 */
#define EXPIRED_CERTIFICATE                                                                                  \
  "-----BEGIN CERTIFICATE-----\n"                                                                            \
  "MIIBPjCB5aADAgECAgEBMAoGCCqGSM49BAMCMA8xDTALBgNVBAMMBHRlc3QwHhcN\n"                                       \
  "MjAwMTAxMDAwMDAwWhcNMjAwMTAyMDAwMDAwWjAPMQ0wCwYDVQQDDAR0ZXN0MFkw\n"                                       \
  "EwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEgAg2nNiwOXDVr3+6PGYqq0DTC4YQVR9n\n"                                       \
  "3g89D8BG6bq1qOBZLqMIFCjPv3MHhiPyo/ywKPVp5/wjHjIIMn/C7qMyMDAwDwYD\n"                                       \
  "VR0RBAgwBocEfwAAATAdBgNVHQ4EFgQU05tl59NiwzmP5WrrTcsXnwlhD4swCgYI\n"                                       \
  "KoZIzj0EAwIDSAAwRQIhAMzssrrs8nvWvv4SnSlcqo/N3xz+nFQK5A5Y/85Wa/dl\n"                                       \
  "AiBCfZW9MCI/lO+k9NaJDN/rM4Kkx+1E3mdefPPjZ8uoIg==\n"                                                       \
  "-----END CERTIFICATE-----\n"
#define EXPIRED_KEY                                                                                          \
  "-----BEGIN EC PRIVATE KEY-----\n"                                                                         \
  "MHcCAQEEIIaPcMXAMDmkqPHVoH4XMPskCeoW4MrLDdRxZs8aQtMjoAoGCCqGSM49\n"                                       \
  "AwEHoUQDQgAEgAg2nNiwOXDVr3+6PGYqq0DTC4YQVR9n3g89D8BG6bq1qOBZLqMI\n"                                       \
  "FCjPv3MHhiPyo/ywKPVp5/wjHjIIMn/C7g==\n"                                                                   \
  "-----END EC PRIVATE KEY-----\n"

/* ---- http ---- */

typedef struct
{
  MkTestFolder *folder;
  guint port;
  MkHttpExecutor *executor;
} Nginx;

/* @listen_options, @rules: of its only server; %s stands for its folder */
static gboolean
nginx_init (Nginx *self, const char *listen_options, const char *host, const char *rules)
{
  g_autofree char *program = g_find_program_in_path ("nginx");
  g_autofree char *text = NULL, *path = NULL, *uri = NULL, *options_here = NULL, *rules_here = NULL;
  g_auto (GStrv) option_parts = g_strsplit (listen_options, "%s", -1);
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
  options_here = g_strjoinv (self->folder, option_parts);
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
                          options_here,
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
  mk_test_assert_start_times_out_seeing (nginx.executor, "HTTP 503 Service");
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
  mk_test_assert_start_times_out_seeing (nginx.executor, "its certificate is not trusted");
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
  mk_test_assert_start_times_out_seeing (nginx.executor, "its certificate is not for localhost");
}

static void
test_https_expired (void)
{
  g_auto (Nginx) nginx = { 0 };
  g_autofree char *certificate = start_https (&nginx, "ssl", "127.0.0.1", "IP:127.0.0.1");
  g_autofree char *key = NULL;

  if (certificate == NULL)
    return;
  key = g_build_filename (nginx.folder, "key.pem", NULL);
  g_assert_true (g_file_set_contents (certificate, EXPIRED_CERTIFICATE, -1, NULL));
  g_assert_true (g_file_set_contents (key, EXPIRED_KEY, -1, NULL));
  mk_http_executor_set_ca_file (nginx.executor, certificate);
  mk_test_assert_start_times_out_seeing (nginx.executor, "its certificate has expired");
}

/* The certificate is that of the host, whatever is connected to. */
static void
test_https_over_unix_socket (void)
{
  g_auto (Nginx) nginx = { 0 };
  g_autofree char *certificate =
      start_https (&nginx, "ssl; listen unix:%s/socket ssl", "localhost", "DNS:localhost");
  g_autofree char *path = NULL;

  if (certificate == NULL)
    return;
  path = g_build_filename (nginx.folder, "socket", NULL);
  mk_http_executor_set_socket_path (nginx.executor, path);
  mk_http_executor_set_ca_file (nginx.executor, certificate);
  mk_test_assert_starts (nginx.executor);
  mk_test_assert_stops (nginx.executor);

  mk_http_executor_set_uri (nginx.executor, "https://example.org/");
  mk_test_assert_start_times_out_seeing (nginx.executor, "its certificate is not for example.org");
}

static void
test_https_client_certificate (void)
{
  g_auto (Nginx) nginx = { 0 };
  g_autofree char *certificate = start_https (
      &nginx, "ssl; ssl_verify_client on; ssl_client_certificate %s/cert.pem", "127.0.0.1", "IP:127.0.0.1");
  g_autofree char *key = NULL, *path = NULL, *text = NULL, *both = NULL;

  if (certificate == NULL)
    return;
  mk_http_executor_set_ca_file (nginx.executor, certificate);
  mk_test_assert_start_times_out_seeing (nginx.executor, "the server requires a client certificate");
  mk_http_executor_set_accept_any_certificate (nginx.executor, TRUE);
  mk_test_assert_start_times_out_seeing (nginx.executor, "the server requires a client certificate");
  mk_http_executor_set_accept_any_certificate (nginx.executor, FALSE);

  key = g_build_filename (nginx.folder, "key.pem", NULL);
  g_assert_true (g_file_get_contents (certificate, &text, NULL, NULL));
  g_assert_true (g_file_get_contents (key, &both, NULL, NULL));
  path = g_build_filename (nginx.folder, "both.pem", NULL);
  g_free (g_steal_pointer (&key));
  key = g_strconcat (text, both, NULL);
  g_assert_true (g_file_set_contents (path, key, -1, NULL));
  mk_http_executor_set_certificate_file (nginx.executor, path);
  mk_simple_executor_set_start_timeout (MK_SIMPLE_EXECUTOR (nginx.executor), MK_TEST_LIMIT_MS);
  mk_test_assert_starts (nginx.executor);
  mk_test_assert_stops (nginx.executor);
}

/* Each of these refuses in its own way a client that has no certificate. */
static void
test_https_client_certificate_in_handshake (gconstpointer version)
{
  static const char server[] =
      "import http.server, ssl, sys\n"
      "context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)\n"
      "context.load_cert_chain('cert.pem', 'key.pem')\n"
      "context.load_verify_locations('cert.pem')\n"
      "context.verify_mode = ssl.CERT_REQUIRED\n"
      "context.maximum_version = getattr(ssl.TLSVersion, sys.argv[2])\n"
      "server = http.server.HTTPServer(('127.0.0.1', int(sys.argv[1])), http.server.SimpleHTTPRequestHandler)\n"
      "server.socket = context.wrap_socket(server.socket, server_side=True)\n"
      "server.serve_forever()\n";
  guint port = mk_test_free_port ();
  g_autofree char *port_text = g_strdup_printf ("%u", port);
  const char *const argv[] = { "python3", "-c", server, port_text, version, NULL };
  g_autofree char *uri = g_strdup_printf ("https://127.0.0.1:%u/", port);
  g_autoptr (MkTestFolder) folder = mk_test_new_folder ();
  g_autoptr (MkHttpExecutor) executor = NULL;
  g_autofree char *certificate = NULL;

  if (!mk_test_has_program (argv[0]) || !g_tls_backend_supports_tls (g_tls_backend_get_default ()))
    {
      g_test_skip ("there is no python3 or no TLS module");
      return;
    }
  certificate = make_certificate (folder, "IP:127.0.0.1");
  if (certificate == NULL)
    return;
  executor = mk_http_executor_new (argv, uri);
  mk_simple_executor_set_cwd (MK_SIMPLE_EXECUTOR (executor), folder);
  mk_http_executor_set_ca_file (executor, certificate);
  mk_test_assert_start_times_out_seeing (executor, "the server requires a client certificate");
  mk_http_executor_set_ca_file (executor, NULL);
  mk_http_executor_set_accept_any_certificate (executor, TRUE);
  mk_test_assert_start_times_out_seeing (executor, "the server requires a client certificate");
}

/* Something else than TLS listens there. */
static void
test_https_to_http (void)
{
  g_auto (Nginx) nginx = { 0 };
  g_autofree char *uri = NULL;

  if (!g_tls_backend_supports_tls (g_tls_backend_get_default ()))
    {
      g_test_skip ("GLib has no TLS module here");
      return;
    }
  if (!nginx_init (&nginx, "", "127.0.0.1", "return 200;"))
    return;
  uri = g_strdup_printf ("https://127.0.0.1:%u/", nginx.port);
  mk_http_executor_set_uri (nginx.executor, uri);
  mk_test_assert_start_times_out_seeing (nginx.executor, "no TLS connection");
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

  mk_test_add ("/http-servers/nginx/head", test_nginx);
  mk_test_add ("/http-servers/nginx/not-yet", test_nginx_not_yet);
  mk_test_add ("/http-servers/nginx/unix-socket", test_nginx_unix_socket);
  mk_test_add ("/http-servers/https/certificate-file", test_https_certificate_file);
  mk_test_add_with_data (
      "/http-servers/https/handshake/tls-1.2", test_https_client_certificate_in_handshake, "TLSv1_2");
  mk_test_add_with_data (
      "/http-servers/https/handshake/tls-1.3", test_https_client_certificate_in_handshake, "TLSv1_3");
  mk_test_add ("/http-servers/https/http2", test_https_http2);
  mk_test_add ("/http-servers/https/untrusted", test_https_untrusted);
  mk_test_add ("/http-servers/https/other-name", test_https_other_name);
  mk_test_add ("/http-servers/https/expired", test_https_expired);
  mk_test_add ("/http-servers/https/over-unix-socket", test_https_over_unix_socket);
  mk_test_add ("/http-servers/https/client-certificate", test_https_client_certificate);
  mk_test_add ("/http-servers/https/to-http", test_https_to_http);
  mk_test_add ("/http-servers/https/useless-certificate-file", test_https_useless_certificate_file);
  mk_test_add ("/http-servers/python", test_python);

  return g_test_run ();
}
