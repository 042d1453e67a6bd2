/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * From the listen() on a Unix socket, or the making of a pid file, to the return of start().
 */

#include "mk-bench.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "mk-test-util.h"

#define PEER_INTERVAL_US (100 * 1000)

/* What a service does when it is ready, and how it is asked whether it is. */
typedef struct
{
  const char *option;
  const char *other_option; /* (nullable) */
  const char *stamp;
  gboolean (*is_there) (const char *path);
  MkSimpleExecutor *(*new_executor) (const char *const *argv, const char *path);
} Kind;

typedef struct
{
  const Kind *kind;
  char *folder;
  char *path;
  char *stamp_file;
  char **argv;
} Service;

static gboolean
socket_is_there (const char *path)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  gboolean accepted;

  g_strlcpy (address.sun_path, path, sizeof address.sun_path);
  accepted = connect (fd, (struct sockaddr *) &address, sizeof address) == 0;
  close (fd);
  return accepted;
}

static gboolean
file_is_there (const char *path)
{
  return g_file_test (path, G_FILE_TEST_IS_REGULAR);
}

static MkSimpleExecutor *
new_socket_executor (const char *const *argv, const char *path)
{
  return MK_SIMPLE_EXECUTOR (mk_unix_socket_executor_new (argv, path));
}

static MkSimpleExecutor *
new_pid_executor (const char *const *argv, const char *path)
{
  return MK_SIMPLE_EXECUTOR (mk_pid_executor_new (argv, path));
}

static const Kind socket_kind = { "--listen", NULL, "listen", socket_is_there, new_socket_executor };
static const Kind file_kind = { "--pid-file", NULL, "pid-file", file_is_there, new_pid_executor };
static const Kind renamed_kind = { "--pid-file", "--rename", "pid-file", file_is_there, new_pid_executor };

static void
service_init (Service *service, const Kind *kind)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autofree char *after = g_strdup_printf ("%d", g_random_int_range (50, 251));

  service->kind = kind;
  service->folder = mk_test_new_folder ();
  service->path = g_build_filename (service->folder, "path", NULL);
  service->stamp_file = g_build_filename (service->folder, "stamps", NULL);
  service->argv = mk_test_service_argv (tag,
                                        kind->option,
                                        service->path,
                                        "--after",
                                        after,
                                        "--stamp",
                                        service->stamp_file,
                                        kind->other_option,
                                        NULL);
}

static void
service_clear (Service *service)
{
  g_strfreev (service->argv);
  g_free (service->stamp_file);
  g_free (service->path);
  mk_test_remove_folder (service->folder);
}

static void
add_lag (GArray *lag_ms, const Service *service)
{
  gint64 now_us = g_get_monotonic_time ();

  mk_bench_add (lag_ms,
                (now_us - mk_bench_wait_for_stamp (service->stamp_file, service->kind->stamp)) / 1000.0);
}

static void
measure_ours (GArray *lag_ms, const Kind *kind)
{
  g_autoptr (MkSimpleExecutor) executor = NULL;
  Service service;

  service_init (&service, kind);
  executor = kind->new_executor ((const char *const *) service.argv, service.path);
  mk_bench_start (executor);
  add_lag (lag_ms, &service);
  mk_bench_stop (executor);
  service_clear (&service);
}

static void
measure_peer (GArray *lag_ms, const Kind *kind)
{
  Service service;
  pid_t pid;

  service_init (&service, kind);
  pid = mk_bench_spawn ((const char *const *) service.argv);
  while (!kind->is_there (service.path))
    g_usleep (PEER_INTERVAL_US);
  add_lag (lag_ms, &service);
  mk_bench_end (pid);
  service_clear (&service);
}

static void
measure_kind (const Kind *kind, const char *what, double median_limit, double p95_limit)
{
  g_autoptr (GArray) ours = mk_bench_figures_new ();
  g_autoptr (GArray) peer = mk_bench_figures_new ();

  for (guint i = 0; i < 40; i++)
    measure_ours (ours, kind);
  for (guint i = 0; i < 30; i++)
    measure_peer (peer, kind);
  mk_bench_print_row (what, "ms", ours, median_limit, p95_limit, "polled every 100 ms", peer);
}

void
mk_bench_paths (void)
{
  measure_kind (&socket_kind, "Unix socket: listen() to start() returning", 0.7, 3);
  measure_kind (&file_kind, "pid file: made to start() returning", 0.7, 3);
  measure_kind (&renamed_kind, "pid file: renamed into place to start() returning", 2, NO_LIMIT);
}
