/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Linux only: what /proc shows. Where it is missing, or that of another PID namespace, nothing is found.
 */

#include "mk-proc-private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <time.h>
#include <unistd.h>

#include "base/mk-i18n-private.h"
#include "base/mk-message-private.h"

/* Of "st" in /proc/net/tcp, see TCP_LISTEN in the kernel's net/tcp_states.h. */
#define STATE_LISTEN 0x0A
/* More than one of its lines has, those of IPv6 included. */
#define TABLE_LINE 256
/* What a line of IPv4 has: with a larger buffer the kernel goes on to look for the next one. */
#define TABLE_BUFFER 150
/* More than the generations that a process can lose. */
#define MAX_WALKS 16
/* The supervisor as /proc/PID/comm names it */
#define SUPERVISOR_COMM "mk-supervisor\n"

/* What is read of one file at most: more than the kernel lets an environment have. */
#define MAX_FILE_SIZE (6 * 1024 * 1024)
#define CHUNK_SIZE    65536

typedef void (*ProcFunc) (int pid, gpointer user_data);

/*
 * Whether there is a /proc, and it is that of this program's PID namespace. Sandboxes and chroots often have
 * none, or keep that of their parent, in which the numbers mean other processes.
 */
static gboolean
proc_is_own (void)
{
  char target[16] = "";

  return readlink ("/proc/self", target, sizeof target - 1) > 0 && atoi (target) == getpid ();
}

static int
proc_compare_newest_first (gconstpointer a, gconstpointer b)
{
  return *(const int *) b - *(const int *) a;
}

/* The newest first: the older ones stay longer. */
static void
proc_for_each (ProcFunc func, gpointer user_data)
{
  g_autoptr (GArray) pids = g_array_new (FALSE, FALSE, sizeof (int));
  DIR *dir = proc_is_own () ? opendir ("/proc") : NULL;
  struct dirent *dirent;

  if (dir == NULL)
    return;

  while ((dirent = readdir (dir)) != NULL)
    {
      guint64 number;
      int pid;

      if (!g_ascii_string_to_unsigned (dirent->d_name, 10, 1, G_MAXINT, &number, NULL))
        continue;
      pid = (int) number;
      g_array_append_val (pids, pid);
    }
  closedir (dir);

  g_array_sort (pids, proc_compare_newest_first);
  for (guint i = 0; i < pids->len; i++)
    func (g_array_index (pids, int, i), user_data);
}

/* Bounded: other users' processes can make these files as large as they like. */
static gboolean
proc_read_file (int pid, const char *name, char **contents, gsize *length)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/%s", (int) pid, name);
  g_autoptr (GString) text = g_string_new (NULL);
  char chunk[CHUNK_SIZE];
  int fd = open (path, O_RDONLY | O_CLOEXEC);
  ssize_t n = -1;

  while (fd >= 0 && text->len < MAX_FILE_SIZE && (n = read (fd, chunk, sizeof chunk)) > 0)
    g_string_append_len (text, chunk, n);
  if (fd >= 0)
    close (fd);
  if (n < 0)
    return FALSE;

  if (length != NULL)
    *length = text->len;
  *contents = g_string_free (g_steal_pointer (&text), FALSE);
  return TRUE;
}

/* ---- the sweep ---- */

typedef struct
{
  const char *marker;
  gint64 deadline;
  guint n_found;
} Sweep;

/* The whole entry counts: one marker may be the beginning of another. */
static gboolean
proc_has_entry (const char *environ_block, gsize length, const char *marker)
{
  for (const char *entry = environ_block; entry < environ_block + length; entry += strlen (entry) + 1)
    {
      if (strcmp (entry, marker) == 0)
        return TRUE;
    }

  return FALSE;
}

static gboolean
proc_carries_marker (int pid, const char *marker)
{
  g_autofree char *environ_block = NULL;
  gsize length = 0;

  return proc_read_file (pid, "environ", &environ_block, &length) &&
         proc_has_entry (environ_block, length, marker);
}

static void
proc_sweep (int pid, gpointer user_data)
{
  Sweep *sweep = user_data;
  int fd;

  if (pid == getpid () || g_get_monotonic_time () >= sweep->deadline ||
      !proc_carries_marker (pid, sweep->marker))
    return;

  /* Counts even if it is gone by now: it may have left a child. */
  sweep->n_found++;
  /* Look again once the pid cannot come to mean another process. */
  fd = pidfd_open (pid, 0);
  if (proc_carries_marker (pid, sweep->marker))
    {
      /* Old kernels, sandboxes and valgrind have no pidfds. */
      if (fd >= 0)
        pidfd_send_signal (fd, SIGKILL, NULL, 0);
      else if (errno != ESRCH)
        kill (pid, SIGKILL);
    }
  if (fd >= 0)
    close (fd);
}

/*
 * Kills what a supervisor has left that was killed: every process that has @marker ("NAME=value") in its
 * environment.
 *
 * @service: the first process of the service; what else is left need not be in its group
 * @deadline: monotonic time in microseconds after which no process is looked at any more, for each of them
 *   may take long
 *
 * Returns: how many there were
 */
guint
mk_proc_kill_left (const char *marker, int service, gint64 deadline)
{
  Sweep sweep = { marker, deadline, 0 };

  proc_for_each (proc_sweep, &sweep);
  return sweep.n_found;
}

/* ---- who listens ---- */

gboolean
mk_proc_can_find_listeners (void)
{
  return TRUE;
}

/* Addresses are printed as words of four bytes in the byte order of the machine. */
static gboolean
proc_matches_address (const char *hex, GInetAddress *address)
{
  guint8 bytes[16] = { 0 };
  gsize length = strlen (hex) / 2;
  gboolean any = TRUE;

  for (gsize i = 0; i + 4 <= length && i < sizeof bytes; i += 4)
    {
      guint32 word;

      if (sscanf (hex + i * 2, "%8x", &word) != 1)
        return FALSE;
      memcpy (bytes + i, &word, 4);
      any = any && word == 0;
    }

  if (any)
    return TRUE;
  return length == g_inet_address_get_native_size (address) &&
         memcmp (bytes, g_inet_address_to_bytes (address), length) == 0;
}

/*
 * @listens: (out): whether it is about a socket that listens
 *
 * Returns: the inode of the socket, 0 if @line is about something else
 */
static guint64
proc_match_line (const char *line, GInetAddress *address, guint wanted_port, gboolean *listens)
{
  char hex[33];
  guint port = 0, state = 0;
  guint64 inode = 0;
  int n_read = sscanf (line,
                       "%*u: %32[0-9A-F]:%x %*[0-9A-F]:%*x %x %*s %*s %*s %*u %*u %" G_GUINT64_FORMAT,
                       hex,
                       &port,
                       &state,
                       &inode);

  *listens = n_read == 4 && state == STATE_LISTEN;
  return *listens && port == wanted_port && proc_matches_address (hex, address) ? inode : 0;
}

/*
 * The table begins with the sockets that listen, and may go on with very many that do not, behind a search
 * that takes up to a millisecond. So no more of it is read than is needed.
 */
static guint64
proc_find_in_table (const char *table, GInetAddress *address, guint port)
{
  FILE *file = fopen (table, "re");
  char buffer[TABLE_BUFFER];
  char line[TABLE_LINE + 1];
  guint64 inode = 0;
  gboolean listens = TRUE;

  if (file == NULL)
    return 0;

  setvbuf (file, buffer, _IOFBF, sizeof buffer);
  if (fgets (line, sizeof line, file) == NULL) /* the heading */
    listens = FALSE;
  while (listens && inode == 0 && fgets (line, sizeof line, file) != NULL)
    inode = proc_match_line (line, address, port, &listens);

  fclose (file);
  return inode;
}

/* Returns: the inode of the socket that listens on the port of this machine, or 0 */
guint64
mk_proc_find_listener (GInetAddress *address, guint port)
{
  guint64 inode = 0;

  if (g_inet_address_get_family (address) == G_SOCKET_FAMILY_IPV4)
    inode = proc_find_in_table ("/proc/net/tcp", address, port);
  /* A socket of IPv6's wildcard address takes IPv4 connections too. */
  if (inode == 0)
    inode = proc_find_in_table ("/proc/net/tcp6", address, port);
  return inode;
}

typedef struct
{
  const char *link;
  int pid;
} Holder;

static void
proc_find_holder (int pid, gpointer user_data)
{
  Holder *holder = user_data;
  g_autofree char *directory = g_strdup_printf ("/proc/%d/fd", (int) pid);
  DIR *dir = opendir (directory);
  struct dirent *dirent;
  char target[64];

  if (dir == NULL)
    return;

  while (holder->pid != pid && (dirent = readdir (dir)) != NULL)
    {
      ssize_t n = readlinkat (dirfd (dir), dirent->d_name, target, sizeof target - 1);

      if (n <= 0)
        continue;
      target[n] = '\0';
      /* The oldest is the one that comes last. */
      if (strcmp (target, holder->link) == 0)
        holder->pid = pid;
    }

  closedir (dir);
}

static char *
proc_describe (int pid)
{
  g_autofree char *name = NULL;
  g_autofree char *shown = NULL;

  if (!proc_read_file (pid, "comm", &name, NULL))
    return g_strdup_printf (_ ("process %d"), (int) pid);

  shown = mk_message_shown (g_strchomp (name));
  return g_strdup_printf (_ ("%s (pid %d)"), shown, (int) pid);
}

/*
 * Blocks for as long as it takes to look at every process: for messages only.
 *
 * Returns: (transfer full) (nullable): the program and the pid of the oldest process that has the socket
 */
char *
mk_proc_describe_holder (guint64 inode)
{
  int holder = mk_proc_find_holder (inode);

  return holder != 0 ? proc_describe (holder) : NULL;
}

/* Blocks, as above. Returns: 0 if it is not known */
int
mk_proc_find_holder (guint64 inode)
{
  g_autofree char *link = g_strdup_printf ("socket:[%" G_GUINT64_FORMAT "]", inode);
  Holder holder = { .link = link };

  proc_for_each (proc_find_holder, &holder);
  return holder.pid;
}

/* ---- pids ---- */

/* What /proc/PID/stat says */
typedef struct
{
  char state; /* of the first thread: 'R' */
  int parent;
  guint64 started; /* in clock ticks since the system was booted */
} ProcStat;

static gboolean
proc_parse_stat (const char *text, ProcStat *stat)
{
  /* The name stands in parentheses, and may contain anything. */
  const char *end_of_name = strrchr (text, ')');

  return end_of_name != NULL && sscanf (end_of_name + 1,
                                        " %c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d "
                                        "%*d %*d %" G_GUINT64_FORMAT,
                                        &stat->state,
                                        &stat->parent,
                                        &stat->started) == 3;
}

/* Returns: FALSE if there is no such process, or nothing can be known */
static gboolean
proc_read_stat (int pid, ProcStat *stat)
{
  g_autofree char *text = NULL;

  return proc_is_own () && proc_read_file (pid, "stat", &text, NULL) && proc_parse_stat (text, stat);
}

/* Returns: the state of the first thread, as "R" of /proc/PID/stat; "X" if there is no such process, 0 if
 * nothing can be known */
char
mk_proc_get_state (int pid)
{
  ProcStat stat;

  if (proc_read_stat (pid, &stat))
    return stat.state;

  return kill (pid, 0) < 0 && errno == ESRCH ? 'X' : 0;
}

/* Returns: for how long its first thread has been on a processor, in microseconds; −1 if it cannot be known
 */
gint64
mk_proc_get_work_time (int pid)
{
  g_autofree char *schedstat = NULL;
  guint64 ns;

  if (!proc_is_own () || !proc_read_file (pid, "schedstat", &schedstat, NULL) ||
      sscanf (schedstat, "%" G_GUINT64_FORMAT, &ns) != 1)
    return -1;

  return (gint64) (ns / 1000);
}

/* Returns: for how long it has lived, in microseconds; −1 if there is no such process */
gint64
mk_proc_get_age (int pid)
{
  struct timespec now;
  ProcStat stat;

  if (!proc_read_stat (pid, &stat))
    return -1;

  clock_gettime (CLOCK_BOOTTIME, &now);
  return now.tv_sec * G_TIME_SPAN_SECOND + now.tv_nsec / 1000 -
         (gint64) (stat.started * G_USEC_PER_SEC / (guint64) sysconf (_SC_CLK_TCK));
}

/* Returns: the parent (0 if that is outside of the container), −1 if there is no such process, or it has
 * ended and was not reaped yet, or nothing can be known */
static int
proc_get_parent (int pid)
{
  ProcStat stat;

  return proc_read_stat (pid, &stat) && stat.state != 'Z' && stat.state != 'X' ? stat.parent : -1;
}

/* Whether it is one of @programs, or was started by one, as npm starts node. */
gboolean
mk_proc_is_of_program (int pid, const char *const *programs)
{
  for (guint depth = 0; pid > 1 && depth < MAX_WALKS; depth++, pid = proc_get_parent (pid))
    {
      g_autofree char *name = NULL;

      if (!proc_read_file (pid, "comm", &name, NULL))
        return FALSE;
      g_strchomp (name);
      /* The kernel keeps 15 bytes. */
      for (const char *const *program = programs; *program != NULL; program++)
        if (strncmp (name, *program, 15) == 0)
          return TRUE;
    }

  return FALSE;
}

/*
 * Whether the process lives and descends from @ancestor.
 *
 * A daemon loses its parents while it becomes one: where the line breaks, it is followed from the beginning.
 */
gboolean
mk_proc_is_descendant (int pid, int ancestor)
{
  for (guint i = 0; ancestor > 0 && i < MAX_WALKS; i++)
    {
      int first = proc_get_parent (pid), parent = first;

      while (parent > 1 && parent != ancestor)
        parent = proc_get_parent (parent);
      if (parent == ancestor || parent >= 0 || first < 0)
        return parent == ancestor;
    }

  return FALSE;
}

static void
proc_for_each_descendant (int pid, guint depth, ProcFunc func, gpointer user_data)
{
  g_autofree char *name = g_strdup_printf ("task/%d/children", (int) pid);
  g_autofree char *contents = NULL;
  g_auto (GStrv) children = NULL;

  if (depth == 0 || !proc_read_file (pid, name, &contents, NULL))
    return;

  children = g_strsplit (contents, " ", -1);
  for (char **child = children; *child != NULL; child++)
    {
      guint64 number;

      if (!g_ascii_string_to_unsigned (*child, 10, 1, G_MAXINT, &number, NULL))
        continue;
      func ((int) number, user_data);
      proc_for_each_descendant ((int) number, depth - 1, func, user_data);
    }
}

typedef struct
{
  void (*func) (int pid, int parent, const char *name, gpointer user_data);
  gpointer user_data;
} ProcTeller;

static void
proc_tell (int pid, gpointer user_data)
{
  ProcTeller *teller = user_data;
  g_autofree char *name = NULL;
  gsize length = 0;

  if (!proc_read_file (pid, "comm", &name, &length))
    return;
  g_strchomp (name);
  teller->func (pid, proc_get_parent (pid), name, teller->user_data);
}

/* @name: of the program, at most 15 bytes */
void
mk_proc_for_each_descendant (int pid,
                             void (*func) (int pid, int parent, const char *name, gpointer user_data),
                             gpointer user_data)
{
  ProcTeller teller = { func, user_data };

  proc_for_each_descendant (pid, MAX_WALKS, proc_tell, &teller);
}

/* Whether it is a service of whatever executor, but not only one of which this program is a part. Its
 * environment need not tell. */
static gboolean
proc_has_supervisor (int pid)
{
  while ((pid = proc_get_parent (pid)) > 1)
    {
      g_autofree char *name = NULL;

      if (proc_read_file (pid, "comm", &name, NULL) && strcmp (name, SUPERVISOR_COMM) == 0)
        return !mk_proc_is_descendant (getpid (), pid);
    }

  return FALSE;
}

/*
 * Blocks for as long as it takes to look at every process only where the service has not got the socket.
 *
 * Returns: (transfer full) (nullable): who holds a socket, if that is certainly not the service: this
 * program, or the service of another executor. Others may listen for a service, as those do that start
 * containers.
 */
char *
mk_proc_describe_rival (guint64 inode, int service, int supervisor)
{
  g_autofree char *link = g_strdup_printf ("socket:[%" G_GUINT64_FORMAT "]", inode);
  Holder holder = { .link = link };

  proc_find_holder (service, &holder);
  if (holder.pid == 0)
    proc_for_each_descendant (supervisor, MAX_WALKS, proc_find_holder, &holder);
  if (holder.pid != 0)
    return NULL;

  proc_for_each (proc_find_holder, &holder);
  if (holder.pid == 0 || mk_proc_is_descendant (holder.pid, supervisor))
    return NULL;

  return holder.pid == getpid () || proc_has_supervisor (holder.pid) ? proc_describe (holder.pid) : NULL;
}

/* Returns: (transfer full) (nullable): the program and the pid, NULL if there is no such process */
char *
mk_proc_describe_living (int pid)
{
  if (!proc_is_own () && (kill (pid, 0) == 0 || errno == EPERM))
    return g_strdup_printf (_ ("process %d"), (int) pid);

  return proc_get_parent (pid) >= 0 ? proc_describe (pid) : NULL;
}

/* ---- what does not end ---- */

typedef struct
{
  int service;
  int found;
} Living;

/* The first process of the service is the one that people know. */
static void
proc_find_living (int pid, gpointer user_data)
{
  Living *living = user_data;

  if (proc_get_parent (pid) >= 0 && (living->found == 0 || pid == living->service))
    living->found = pid;
}

/*
 * @supervisor: or 0
 * @service: the first process of the service, or 0
 *
 * Returns: a process below the supervisor that lives, or 0
 */
int
mk_proc_find_living (int supervisor, int service)
{
  Living living = { service, 0 };

  if (service > 0 && !proc_is_own ())
    return kill (service, 0) == 0 || errno == EPERM ? service : 0;

  if (supervisor > 0)
    proc_for_each_descendant (supervisor, MAX_WALKS, proc_find_living, &living);
  return living.found;
}

/* @status: /proc/PID/status. Returns: the pid of its debugger, 0 if it has none */
static int
proc_parse_tracer (const char *status)
{
  const char *line = strstr (status, "\nTracerPid:");
  int tracer = 0;

  return line != NULL && sscanf (line, "\nTracerPid: %d", &tracer) == 1 ? tracer : 0;
}

/* Returns: (transfer full) (nullable): what keeps a process that was killed from its end, if that can be seen
 */
char *
mk_proc_describe_hold (int pid)
{
  g_autofree char *status = NULL;
  int tracer;

  if (!proc_is_own () || !proc_read_file (pid, "status", &status, NULL))
    return NULL;

  tracer = proc_parse_tracer (status);
  if (tracer > 0)
    /* Translators: in parentheses, why a process does not end; the number of a debugger's process */
    return g_strdup_printf (_ ("process %d traces it"), tracer);
  if (mk_proc_get_state (pid) == 'D')
    /* Translators: in parentheses, why a process does not end */
    return g_strdup (_ ("it waits in the kernel, state D"));

  return NULL;
}

/* A process that has become another user's outlives its supervisor, and the sweep. */
gboolean
mk_proc_is_of_another_user (int pid)
{
  return pid > 0 && kill (pid, 0) < 0 && errno == EPERM;
}
