/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Leased ports: each is free in every way, given once at a time, and free again when its holder lets go of it
 * or ends. Workers are this program again, with the argument --worker.
 */

#define _GNU_SOURCE
#include "mk-test-calls.h"

#include <errno.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define SUBPROCESS_LIMIT_S 50
#define N_WORKERS          20
#define N_LEASES           20
#define N_ROUNDS           10
#define N_THREADS          8
/* Below the ports of clients, where the test enters a network of its own */
#define NARROW_RANGE "11000 65535"
#define N_NARROW     1000

static MkPortLease *
lease_port (void)
{
  g_autoptr (GError) error = NULL;
  MkPortLease *lease = mk_port_lease_new (&error);

  g_assert_no_error (error);
  g_assert_true (MK_IS_PORT_LEASE (lease));
  return lease;
}

static GPtrArray *
lease_ports (guint n)
{
  GPtrArray *leases = g_ptr_array_new_with_free_func (g_object_unref);

  for (guint i = 0; i < n; i++)
    g_ptr_array_add (leases, lease_port ());
  return leases;
}

/* Of anybody, in any process: the name that stands for it is promised to the versions of the library. */
static gboolean
is_leased (guint port)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  int length = snprintf (address.sun_path + 1, sizeof address.sun_path - 1, "mirakuru-glib-port-%u", port);
  int fd = socket (AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  gboolean is_bound = bind (fd,
                            (struct sockaddr *) &address,
                            (socklen_t) (offsetof (struct sockaddr_un, sun_path) + 1 + (gsize) length)) == 0;

  close (fd);
  return !is_bound;
}

static gboolean
is_not_leased (gpointer port)
{
  return !is_leased (GPOINTER_TO_UINT (port));
}

static void
assert_soon_free (guint port)
{
  g_assert_true (mk_test_poll_until (is_not_leased, GUINT_TO_POINTER (port), MK_TEST_LIMIT_MS));
}

/* Returns: −1 with errno set */
static int
bind_port (int family, int type, gboolean everywhere, guint port)
{
  struct sockaddr_in v4 = { .sin_family = AF_INET,
                            .sin_port = htons ((guint16) port),
                            .sin_addr = { htonl (everywhere ? INADDR_ANY : INADDR_LOOPBACK) } };
  struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons ((guint16) port) };
  struct sockaddr *address = family == AF_INET ? (struct sockaddr *) &v4 : (struct sockaddr *) &v6;
  int fd = socket (family, type | SOCK_CLOEXEC, 0);
  int only_v6 = 1, number;

  v6.sin6_addr = everywhere ? in6addr_any : in6addr_loopback;
  if (family == AF_INET6)
    setsockopt (fd, IPPROTO_IPV6, IPV6_V6ONLY, &only_v6, sizeof only_v6);
  if (fd >= 0 && bind (fd, address, family == AF_INET ? sizeof v4 : sizeof v6) == 0)
    return fd;

  number = errno;
  close (fd);
  errno = number;
  return -1;
}

/* What a service does, with nothing that makes it easier */
static void
assert_usable (guint port)
{
  const int families[] = { AF_INET, AF_INET6 }, types[] = { SOCK_STREAM, SOCK_DGRAM };

  for (guint i = 0; i < 8; i++)
    {
      int fd = bind_port (families[i & 1], types[i >> 1 & 1], i >> 2, port);

      if (fd < 0 && (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL))
        continue;
      g_assert_cmpint (fd, >=, 0);
      close (fd);
    }
}

/* Fails if one is there twice. */
static void
add_ports (GHashTable *seen, GPtrArray *leases)
{
  for (guint i = 0; i < leases->len; i++)
    g_assert_true (
        g_hash_table_add (seen, GUINT_TO_POINTER (mk_port_lease_get_port (g_ptr_array_index (leases, i)))));
}

/* ---- in one process ---- */

static void
test_each_is_given_once (void)
{
  g_autoptr (GPtrArray) leases = lease_ports (50);
  g_autoptr (GHashTable) seen = g_hash_table_new (NULL, NULL);

  if (!mk_test_has_linux_features ("a name stands for a lease"))
    return;
  add_ports (seen, leases);
  for (guint i = 0; i < leases->len; i++)
    {
      guint port;

      g_object_get (g_ptr_array_index (leases, i), "port", &port, NULL);
      g_assert_cmpuint (port, ==, mk_port_lease_get_port (g_ptr_array_index (leases, i)));
      g_assert_cmpuint (port, >=, 1024);
      g_assert_true (is_leased (port));
      assert_usable (port);
    }
}

static void
test_release (void)
{
  MkPortLease *lease = lease_port ();
  guint port = mk_port_lease_get_port (lease);

  if (!mk_test_has_linux_features ("a name stands for a lease"))
    return;
  mk_port_lease_release (lease);
  g_assert_false (is_leased (port));
  g_assert_cmpuint (mk_port_lease_get_port (lease), ==, port);
  mk_port_lease_release (lease);
  g_object_unref (lease);

  lease = lease_port ();
  port = mk_port_lease_get_port (lease);
  g_object_unref (lease);
  g_assert_false (is_leased (port));
}

static gpointer
lease_many (gpointer data)
{
  return lease_ports (100);
}

static void
test_threads (void)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (NULL, NULL);
  GPtrArray *leases[N_THREADS];
  GThread *threads[N_THREADS];

  for (guint i = 0; i < N_THREADS; i++)
    threads[i] = g_thread_new ("leaser", lease_many, NULL);
  for (guint i = 0; i < N_THREADS; i++)
    leases[i] = g_thread_join (threads[i]);
  for (guint i = 0; i < N_THREADS; i++)
    add_ports (seen, leases[i]);
  for (guint i = 0; i < N_THREADS; i++)
    g_ptr_array_unref (leases[i]);
}

static void
test_leaves_no_descriptors (void)
{
  g_autoptr (GPtrArray) leases G_GNUC_UNUSED = lease_ports (1);
  guint before = mk_test_count_entries ("/proc/self/fd");

  for (guint i = 0; i < 200; i++)
    {
      g_autoptr (GPtrArray) more = lease_ports (2);

      mk_port_lease_release (g_ptr_array_index (more, 0));
    }
  g_assert_cmpuint (mk_test_count_entries ("/proc/self/fd"), ==, before);
}

static void
test_no_descriptor_left (void)
{
  g_autoptr (GError) error = NULL;
  struct rlimit usual, none;

  if (!g_test_subprocess ())
    {
      g_test_trap_subprocess (NULL, SUBPROCESS_LIMIT_S * G_USEC_PER_SEC, G_TEST_SUBPROCESS_INHERIT_STDERR);
      g_test_trap_assert_passed ();
      return;
    }

  getrlimit (RLIMIT_NOFILE, &usual);
  none = usual;
  none.rlim_cur = 3;
  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &none), ==, 0);
  g_assert_null (mk_port_lease_new (&error));
  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &usual), ==, 0);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TOO_MANY_OPEN_FILES);
  mk_test_assert_contains (error->message, "ulimit -n");
}

/* ---- processes ---- */

static pid_t
fork_child (void)
{
  pid_t child = fork ();

  g_assert_cmpint (child, >=, 0);
  return child;
}

static void
wait_for_child (pid_t child, int expected_signal)
{
  int status = 0;

  while (waitpid (child, &status, 0) < 0 && errno == EINTR)
    continue;
  if (expected_signal != 0)
    g_assert_true (WIFSIGNALED (status) && WTERMSIG (status) == expected_signal);
  else
    g_assert_true (WIFEXITED (status) && WEXITSTATUS (status) == 0);
}

/* A holder that is killed, while a child that it has forked lives on, and one that it has spawned */
static void
test_holder_is_killed (void)
{
  int port_pipe[2], life_pipe[2];
  guint ports[N_LEASES];
  pid_t holder, others[2];
  char c;

  if (!mk_test_has_linux_features ("a name stands for a lease"))
    return;
  g_assert_cmpint (pipe (port_pipe), ==, 0);
  g_assert_cmpint (pipe (life_pipe), ==, 0);
  holder = fork_child ();
  if (holder == 0)
    {
      g_autoptr (GPtrArray) leases = lease_ports (N_LEASES);

      for (guint i = 0; i < N_LEASES; i++)
        ports[i] = mk_port_lease_get_port (g_ptr_array_index (leases, i));
      for (guint i = 0; i < 2; i++)
        {
          others[i] = fork ();
          if (others[i] == 0)
            {
              close (life_pipe[1]);
              if (i == 1)
                {
                  dup2 (life_pipe[0], STDIN_FILENO);
                  execlp ("cat", "cat", NULL);
                }
              _exit (read (life_pipe[0], &c, 1) != 0);
            }
        }
      if (write (port_pipe[1], ports, sizeof ports) != sizeof ports)
        _exit (1);
      for (;;)
        pause ();
    }

  close (life_pipe[0]);
  g_assert_cmpint (read (port_pipe[0], ports, sizeof ports), ==, sizeof ports);
  for (guint i = 0; i < N_LEASES; i++)
    g_assert_true (is_leased (ports[i]));
  g_assert_cmpint (kill (holder, SIGKILL), ==, 0);
  wait_for_child (holder, SIGKILL);
  for (guint i = 0; i < N_LEASES; i++)
    assert_soon_free (ports[i]);

  close (life_pipe[1]);
  close (port_pipe[0]);
  close (port_pipe[1]);
}

/* A forked child has no lease of what the parent has, and can neither end it nor be in its way. */
static void
test_forked_child (void)
{
  MkPortLease *lease = lease_port ();
  guint port = mk_port_lease_get_port (lease);
  pid_t child;

  if (!mk_test_has_linux_features ("a name stands for a lease"))
    return;
  child = fork_child ();
  if (child == 0)
    {
      g_autoptr (GPtrArray) leases = lease_ports (N_LEASES);
      gboolean ok = mk_port_lease_get_port (lease) == port && is_leased (port);

      mk_port_lease_release (lease);
      g_object_unref (lease);
      ok = ok && is_leased (port);
      for (guint i = 0; i < N_LEASES; i++)
        ok = ok && is_leased (mk_port_lease_get_port (g_ptr_array_index (leases, i)));
      g_ptr_array_set_size (leases, 0);
      _exit (!ok);
    }

  wait_for_child (child, 0);
  g_assert_true (is_leased (port));
  g_object_unref (lease);
  g_assert_false (is_leased (port));
}

/* ---- parallel workers ---- */

/* For each line: lets go of its ports, leases others, and prints them. */
static int
run_worker (const char *user)
{
  GPtrArray *leases = NULL;
  char line[8];

  if (setuid ((uid_t) atoi (user)) < 0)
    return 1;

  while (fgets (line, sizeof line, stdin) != NULL)
    {
      g_clear_pointer (&leases, g_ptr_array_unref);
      leases = lease_ports (N_LEASES);
      for (guint i = 0; i < N_LEASES; i++)
        {
          guint port = mk_port_lease_get_port (g_ptr_array_index (leases, i));

          assert_usable (port);
          printf ("%u ", port);
        }
      putchar ('\n');
      fflush (stdout);
    }
  g_clear_pointer (&leases, g_ptr_array_unref);
  return 0;
}

typedef struct
{
  GSubprocess *process;     /* (owned) */
  GDataInputStream *output; /* (owned) */
  char *line;               /* (owned) (nullable) */
} Worker;

/* Where the test runs as root, each is another user. */
static void
worker_start (Worker *self, guint number)
{
  g_autofree char *program = g_file_read_link ("/proc/self/exe", NULL);
  g_autofree char *user = g_strdup_printf ("%u", getuid () == 0 ? 20000 + number : (guint) getuid ());
  g_autoptr (GError) error = NULL;

  self->process = g_subprocess_new (G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_PIPE,
                                    &error,
                                    program,
                                    "--worker",
                                    user,
                                    NULL);
  g_assert_no_error (error);
  self->output = g_data_input_stream_new (g_subprocess_get_stdout_pipe (self->process));
}

static void
worker_order (Worker *self)
{
  g_assert_true (
      g_output_stream_write_all (g_subprocess_get_stdin_pipe (self->process), "\n", 1, NULL, NULL, NULL));
}

static void
worker_add_ports (Worker *self, GHashTable *seen)
{
  g_autofree char *line = g_data_input_stream_read_line (self->output, NULL, NULL, NULL);
  g_auto (GStrv) words = NULL;

  g_assert_nonnull (line);
  words = g_strsplit (g_strchomp (line), " ", -1);
  g_assert_cmpuint (g_strv_length (words), ==, N_LEASES);
  for (guint i = 0; i < N_LEASES; i++)
    g_assert_true (g_hash_table_add (seen, GUINT_TO_POINTER ((guint) atoi (words[i]))));
}

static void
worker_end (Worker *self)
{
  g_assert_true (g_output_stream_close (g_subprocess_get_stdin_pipe (self->process), NULL, NULL));
  g_assert_true (g_subprocess_wait_check (self->process, NULL, NULL));
  g_object_unref (self->output);
  g_object_unref (self->process);
}

static void
test_workers (void)
{
  Worker workers[N_WORKERS];
  g_autoptr (GHashTable) seen = g_hash_table_new (NULL, NULL);

  if (!mk_test_has_linux_features ("users respect each other's leases"))
    return;
  for (guint i = 0; i < N_WORKERS; i++)
    worker_start (&workers[i], i);

  for (guint round = 0; round < N_ROUNDS; round++)
    {
      for (guint i = 0; i < N_WORKERS; i++)
        worker_order (&workers[i]);
      /* Each lets go of the ports of the last round first, so that others may have had them in this one
       * already. */
      g_hash_table_remove_all (seen);
      for (guint i = 0; i < N_WORKERS; i++)
        worker_add_ports (&workers[i], seen);
      g_assert_cmpuint (g_hash_table_size (seen), ==, N_WORKERS * N_LEASES);
    }

  for (guint i = 0; i < N_WORKERS; i++)
    worker_end (&workers[i]);
}

/* ---- a network of its own, in which there are few ports ---- */

/* Not g_file_set_contents(), which would put another file in the place of this one. */
static gboolean
set_client_ports (const char *range)
{
  FILE *file = fopen ("/proc/sys/net/ipv4/ip_local_port_range", "we");
  gboolean is_written = file != NULL && fputs (range, file) >= 0;

  return file != NULL && fclose (file) == 0 && is_written;
}

static gboolean
enter_network (const char *range)
{
  return unshare (getuid () == 0 ? CLONE_NEWNET : CLONE_NEWUSER | CLONE_NEWNET) == 0 &&
         set_client_ports (range);
}

static gboolean
may_enter_network (void)
{
  int status = -1;
  pid_t child = fork_child ();

  if (child == 0)
    _exit (!enter_network (NARROW_RANGE));
  while (waitpid (child, &status, 0) < 0 && errno == EINTR)
    continue;
  return status == 0;
}

static gboolean
may_have_descriptors (guint n)
{
  struct rlimit limit;

  getrlimit (RLIMIT_NOFILE, &limit);
  limit.rlim_cur = MIN (limit.rlim_max, n);
  return limit.rlim_cur >= n && setrlimit (RLIMIT_NOFILE, &limit) == 0;
}

/* Returns whether this is the subprocess that has entered it. */
static gboolean
continue_in_network (const char *range)
{
  if (g_test_subprocess ())
    {
      g_assert_true (enter_network (range));
      g_assert_true (may_have_descriptors (2 * N_NARROW + 100));
      return TRUE;
    }

  if (!may_enter_network () || !may_have_descriptors (2 * N_NARROW + 100))
    g_test_skip ("a network of its own, or so many files, are not permitted here");
  else
    {
      g_test_trap_subprocess (NULL, SUBPROCESS_LIMIT_S * G_USEC_PER_SEC, G_TEST_SUBPROCESS_INHERIT_STDERR);
      g_test_trap_assert_passed ();
    }
  return FALSE;
}

static void
assert_exhausted (void)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (mk_port_lease_new (&error));
  g_assert_error (error, MK_ERROR, MK_ERROR_FAILED);
  mk_test_assert_contains (error->message, "No port is free: all 1000 ");
}

static void
test_exhausted (void)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (NULL, NULL);
  g_autoptr (GPtrArray) leases = NULL;
  g_autoptr (MkPortLease) lease = NULL;
  guint port;

  if (!mk_test_has_linux_features ("the ports of clients are known"))
    return;
  if (!continue_in_network (NARROW_RANGE))
    return;

  leases = lease_ports (N_NARROW);
  add_ports (seen, leases);
  assert_exhausted ();

  port = mk_port_lease_get_port (g_ptr_array_index (leases, 500));
  mk_port_lease_release (g_ptr_array_index (leases, 500));
  lease = lease_port ();
  g_assert_cmpuint (mk_port_lease_get_port (lease), ==, port);
  assert_exhausted ();

  /* Another network has all of its ports. */
  g_assert_true (enter_network (NARROW_RANGE));
  g_ptr_array_unref (lease_ports (N_NARROW));
}

/* All ports but one are in use, each in one of eight ways. */
static void
test_not_one_in_use (void)
{
  const int families[] = { AF_INET, AF_INET6 }, types[] = { SOCK_STREAM, SOCK_DGRAM };
  g_autoptr (MkPortLease) lease = NULL;
  const guint left = 10777;

  if (!mk_test_has_linux_features ("the ports of clients are known"))
    return;
  if (!continue_in_network (NARROW_RANGE))
    return;

  for (guint port = 10000; port < 10000 + N_NARROW; port++)
    if (port != left && bind_port (families[port & 1], types[port >> 1 & 1], port >> 2 & 1, port) < 0)
      {
        /* Its loopback interface is down, and a machine without IPv6 has no such ports. */
        g_assert_true (errno == EADDRNOTAVAIL || errno == EAFNOSUPPORT);
        g_assert_cmpint (bind_port (AF_INET, types[port >> 1 & 1], TRUE, port), >=, 0);
      }

  lease = lease_port ();
  g_assert_cmpuint (mk_port_lease_get_port (lease), ==, left);
  assert_exhausted ();
}

static void
test_ports_of_clients (gconstpointer range)
{
  guint first, last, lowest = 65535, highest = 0;
  g_autoptr (GPtrArray) leases = NULL;

  if (!mk_test_has_linux_features ("the ports of clients are known"))
    return;
  if (!continue_in_network (range))
    return;

  g_assert_cmpint (sscanf (range, "%u %u", &first, &last), ==, 2);
  leases = lease_ports (300);
  for (guint i = 0; i < leases->len; i++)
    {
      guint port = mk_port_lease_get_port (g_ptr_array_index (leases, i));

      g_assert_true (port < first || port > last || last - first > 64000);
      lowest = MIN (lowest, port);
      highest = MAX (highest, port);
    }
  g_test_message ("from %u to %u", lowest, highest);
  g_assert_cmpuint (lowest, >=, first > 2023 && first < 11000 && last > 64535 ? 1024 : 10000);
}

int
main (int argc, char **argv)
{
  if (argc == 3 && g_str_equal (argv[1], "--worker"))
    return run_worker (argv[2]);

  g_test_init (&argc, &argv, NULL);

  mk_test_add_once ("/port-lease/given-once", test_each_is_given_once);
  mk_test_add_once ("/port-lease/release", test_release);
  mk_test_add_once ("/port-lease/leaves-no-descriptors", test_leaves_no_descriptors);
  mk_test_add_once ("/port-lease/no-descriptor-left", test_no_descriptor_left);
  mk_test_add_once ("/port-lease/holder-is-killed", test_holder_is_killed);
  mk_test_add_once ("/port-lease/forked-child", test_forked_child);
  mk_test_add_once ("/port-lease/workers", test_workers);
  mk_test_add_once ("/port-lease/exhausted", test_exhausted);
  mk_test_add_once ("/port-lease/not-one-in-use", test_not_one_in_use);
  g_test_add_data_func ("/port-lease/clients/usual", "32768 60999", test_ports_of_clients);
  g_test_add_data_func ("/port-lease/clients/low", "1024 60000", test_ports_of_clients);
  g_test_add_data_func ("/port-lease/clients/high", "9000 65535", test_ports_of_clients);
  g_test_add_data_func ("/port-lease/clients/all", "1024 65535", test_ports_of_clients);
  mk_test_add_once ("/port-lease/threads", test_threads);

  return g_test_run ();
}
