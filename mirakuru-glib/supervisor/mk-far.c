/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The far end of a launcher: the host of a supervisor, wherever the launcher's client has brought it.
 *
 * It talks to the near end over its standard input and output. When these end, or nothing comes for the time
 * of the lease, the near end is gone: then it lets go of the supervisor, which ends the service as it does
 * when a host is gone. It is a subreaper, so that the processes of a supervisor that was killed come to it.
 *
 * Frame START: MK_START_N_INTEGERS integers (stop signal, kill signal, stop timeout in milliseconds, flags,
 * lease in milliseconds, number of arguments, number of variables), then strings, each with its terminating
 * 0: the private folder (may be empty), the folder (may be empty), the arguments, the variables ("NAME=value"
 * sets one, "NAME" unsets it). The variables are laid over the environment that is found here.
 */

#include "mk-link-private.h"
#include "mk-roles-private.h"
#include "base/mk-remove-private.h"
#include "mk-calls-private.h"
#include "mk-marked-private.h"
#include "mk-tree-private.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __GLIBC__
#include <nss.h>
#endif

#define EXIT_BROKEN      125
#define DEFAULT_LEASE_US 15000000
#define MAX_STRINGS      65536
#define MAX_MESSAGE      4096
#define MESSAGES_A_TURN  16
#define MAX_ADDRESSES    8

/* How often the address of a forward is tried: on this machine, and elsewhere. The parts are of the time that
 * it was waited for already. */
#define NEAR_INTERVAL_US    1000
#define NEAR_PART           1000
#define FAR_INTERVAL_US     50000
#define FAR_PART            20
#define MAX_FAR_INTERVAL_US 1000000
#define NEAR_ATTEMPT_US     1000000
#define FAR_ATTEMPT_US      5000000
/* How long an output may be held open by somebody else once nothing of the service is left */
#define LAST_OUTPUT_US 1000000
/* What a supervisor that was killed has left is killed for so long; then so often in a row nothing was found.
 */
#define ORPHANS_LIMIT_US 5000000

#define NEVER INT64_MAX

/* Where a forward leads to. */
typedef struct
{
  bool used;
  bool is_ready;
  bool is_here; /* on this machine */
  char *host;   /* (owned) NULL for this machine */
  char *service;
  struct sockaddr_storage addresses[MAX_ADDRESSES];
  socklen_t sizes[MAX_ADDRESSES];
  int n_addresses;
  int tried;   /* the one that is tried */
  int fd;      /* of the attempt, or -1 */
  int name_fd; /* of the process that looks the name up, or -1 */
  int poll;
  int name_poll;
  int64_t begun;
  int64_t next;     /* attempt */
  int64_t deadline; /* of the attempt */
} Forward;

typedef struct
{
  MkLink link;
  Forward forwards[MK_LINK_MAX_FORWARDS];
  int signal_fd;
  int notify_fd;
  int control_fd; /* of the supervisor */
  pid_t supervisor;
  bool has_started;
  bool has_ended; /* the supervisor */
  bool is_empty;  /* the tree, as the supervisor has said */
  bool near_is_gone;
  bool is_over; /* the last frame is on its way */
  int64_t ended;
  int64_t lease_us;
  char *private_folder;
  bool keeps_folder;
} Far;

static void
far_close (int *fd)
{
  if (*fd >= 0)
    close (*fd);
  *fd = -1;
}

static void
far_say_hello (Far *self)
{
  MkHello hello;

  mk_link_describe_end (&hello);
  mk_buffer_append (&self->link.out, MK_LINK_MAGIC, strlen (MK_LINK_MAGIC));
  mk_link_send (&self->link, MK_FRAME_HELLO, 0, &hello, sizeof hello);
}

/* ---- the supervisor ---- */

typedef struct
{
  int32_t integers[MK_START_N_INTEGERS];
  char *private_folder;
  char *folder;
  char **argv; /* (owned) as mk-supervisor takes it, without its first arguments */
  int n_args;
  char **variables; /* (owned) */
  int n_variables;
} Order;

/* The strings stay in @data, one behind the other, where the supervisor erases them. */
static bool
far_parse_order (Order *order, char *data, size_t length)
{
  char *end = data + length;
  char *at = data + MK_START_N_INTEGERS * 4;
  char **strings;
  size_t n = 0;

  if (length <= MK_START_N_INTEGERS * 4 || end[-1] != '\0')
    return false;
  for (int i = 0; i < MK_START_N_INTEGERS; i++)
    order->integers[i] = mk_link_get_integer (data + 4 * i);
  order->n_args = order->integers[5];
  order->n_variables = order->integers[6];
  if (order->n_args < 1 || order->n_args > MAX_STRINGS || order->n_variables < 0 ||
      order->n_variables > MAX_STRINGS)
    return false;

  strings = calloc ((size_t) (order->n_args + order->n_variables + 2), sizeof *strings);
  if (strings == NULL)
    return false;
  for (; at < end && n < (size_t) (order->n_args + order->n_variables + 2); at += strlen (at) + 1)
    strings[n++] = at;
  if (n < (size_t) (order->n_args + order->n_variables + 2))
    {
      free (strings);
      return false;
    }

  order->private_folder = strings[0];
  order->folder = strings[1];
  order->argv = strings + 2;
  order->variables = strings + 2 + order->n_args;
  return true;
}

static void
far_set_variables (char **variables, int n)
{
  for (int i = 0; i < n; i++)
    {
      if (strchr (variables[i], '=') != NULL)
        putenv (variables[i]);
      else
        unsetenv (variables[i]);
    }
}

static char *
far_print_integer (int32_t value)
{
  char *text = malloc (16);

  if (text == NULL)
    _exit (EXIT_BROKEN);
  snprintf (text, 16, "%d", value);
  return text;
}

/* The arguments have been erased from memory once it has returned, so nothing shows them. */
static void
far_run_supervisor (const Order *order, pid_t host, bool keeps_folder, const int *fds)
{
  char **argv = calloc ((size_t) order->n_args + 11, sizeof *argv);
  char *private_folder = malloc (strlen (order->private_folder) + 2);
  static char name[] = "mk-supervisor";
  static char protocol[] = MK_SUPERVISOR_PROTOCOL;
  static char leader[] = MK_SUPERVISOR_STOP_LEADER;
  static char tree[] = MK_SUPERVISOR_STOP_TREE;
  static char nothing[] = "";

  if (argv == NULL || private_folder == NULL)
    _exit (EXIT_BROKEN);
  sprintf (private_folder, "%s%s", keeps_folder ? MK_SUPERVISOR_KEEP : "", order->private_folder);

  argv[0] = name;
  argv[1] = protocol;
  argv[2] = far_print_integer (host);
  argv[3] = far_print_integer (order->integers[0]);
  argv[4] = far_print_integer (order->integers[1]);
  argv[5] = far_print_integer (order->integers[2]);
  argv[6] = order->integers[3] & MK_START_STOP_TREE ? tree : leader;
  argv[7] = nothing;
  argv[8] = order->folder;
  argv[9] = private_folder;
  memcpy (argv + 10, order->argv, (size_t) order->n_args * sizeof *argv);

  for (int i = 0; i < 4; i++)
    {
      if (dup2 (fds[i], i) < 0)
        _exit (EXIT_BROKEN);
    }
  far_set_variables (order->variables, order->n_variables);
  _exit (mk_supervisor_main (order->n_args + 10, argv));
}

/* Above those that the supervisor is given. */
static bool
far_move_up (int *fds, int n)
{
  for (int i = 0; i < n; i++)
    {
      int moved = fds[i] < 0 ? -1 : fcntl (fds[i], F_DUPFD_CLOEXEC, 10);

      if (fds[i] >= 0 && moved < 0)
        return false;
      far_close (&fds[i]);
      fds[i] = moved;
    }

  return true;
}

/* Pairs of descriptors: control, standard input, output, error; here and of the supervisor. */
static bool
far_open_streams (int *here, int *there, bool merge)
{
  int pairs[4][2] = { { -1, -1 }, { -1, -1 }, { -1, -1 }, { -1, -1 } };

  if (socketpair (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pairs[0]) < 0 ||
      pipe2 (pairs[1], O_CLOEXEC) < 0 || pipe2 (pairs[2], O_CLOEXEC) < 0 ||
      (!merge && pipe2 (pairs[3], O_CLOEXEC) < 0))
    return false;

  here[0] = pairs[0][0];
  here[1] = pairs[1][1];
  here[2] = pairs[2][0];
  here[3] = pairs[3][0];
  there[0] = pairs[1][0];
  there[1] = pairs[2][1];
  there[2] = pairs[3][1];
  there[3] = pairs[0][1];
  return far_move_up (here, 4) && far_move_up (there, 4);
}

/* It is removed with all that is in it, so it must be one that the library has named. */
static bool
far_may_have_folder (const char *folder)
{
  size_t length = strlen (MK_REMOVE_FAR_PREFIX);

  return *folder == '\0' || (strncmp (folder, MK_REMOVE_FAR_PREFIX, length) == 0 && folder[length] != '\0' &&
                             strchr (folder + length, '/') == NULL);
}

/* It may be there from the command that has prepared it, and belong to another user by now. Nobody else could
 * know its name. */
static bool
far_make_folder (const char *folder)
{
  struct stat info;

  return *folder == '\0' || mkdir (folder, 0700) == 0 ||
         (errno == EEXIST && lstat (folder, &info) == 0 && S_ISDIR (info.st_mode));
}

static bool
far_open_notify_socket (Far *self)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  socklen_t size = sizeof (sa_family_t);
  const int yes = 1;
  char text[2 + sizeof address.sun_path];

  /* Without a name the kernel chooses one, which is no file. */
  self->notify_fd = socket (AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (self->notify_fd < 0 || bind (self->notify_fd, (struct sockaddr *) &address, size) < 0 ||
      setsockopt (self->notify_fd, SOL_SOCKET, SO_PASSCRED, &yes, sizeof yes) < 0)
    return false;
  size = sizeof address;
  if (getsockname (self->notify_fd, (struct sockaddr *) &address, &size) < 0 ||
      size <= offsetof (struct sockaddr_un, sun_path) + 1)
    return false;

  snprintf (text,
            sizeof text,
            "@%.*s",
            (int) (size - offsetof (struct sockaddr_un, sun_path) - 1),
            address.sun_path + 1);
  return setenv ("NOTIFY_SOCKET", text, 1) == 0;
}

static void
far_fail (Far *self, MkSpawnStep step, int error)
{
  const MkMessage failed = { MK_MESSAGE_FAILED, (int32_t) step, error, 0 };

  mk_link_send_message (&self->link, &failed);
  self->has_ended = self->is_empty = true;
  self->ended = mk_link_now_us ();
}

static void
far_fork_supervisor (Far *self, Order *order)
{
  bool merge = order->integers[3] & MK_START_MERGE;
  int here[4] = { -1, -1, -1, -1 };
  int there[4] = { -1, -1, -1, -1 };
  pid_t host = getpid ();
  sigset_t none;

  if (!far_open_streams (here, there, merge) ||
      (order->integers[3] & MK_START_NOTIFY && !far_open_notify_socket (self)))
    {
      far_fail (self, MK_SPAWN_STEP_FORK, errno);
      return;
    }
  if (merge)
    there[2] = there[1];

  self->supervisor = fork ();
  if (self->supervisor == 0)
    {
      sigemptyset (&none);
      sigprocmask (SIG_SETMASK, &none, NULL);
      far_run_supervisor (order, host, self->keeps_folder, there);
    }
  if (self->supervisor < 0)
    {
      far_fail (self, MK_SPAWN_STEP_FORK, errno);
      return;
    }

  for (int i = 0; i < 4; i++)
    {
      if (i != 2 || !merge)
        close (there[i]);
    }
  self->control_fd = here[0];
  for (int i = 1; i < 4; i++)
    {
      if (here[i] < 0)
        continue;
      mk_link_set_nonblocking (here[i]);
      mk_link_open_stream (&self->link, i - 1, i == 1 ? -1 : here[i], i == 1 ? here[i] : -1, false);
    }
}

static bool
far_start (Far *self, const char *data, size_t length)
{
  char *copy = malloc (length + 1);
  Order order = { 0 };

  if (copy == NULL || self->has_started)
    {
      free (copy);
      return false;
    }
  memcpy (copy, data, length);
  if (!far_parse_order (&order, copy, length))
    {
      free (copy);
      return false;
    }
  if (!far_may_have_folder (order.private_folder))
    {
      free (order.argv - 2);
      free (copy);
      return false;
    }

  self->has_started = true;
  self->lease_us = (int64_t) order.integers[4] * 1000;
  self->private_folder = strdup (order.private_folder);
  self->keeps_folder = order.integers[3] & MK_START_KEEP;
  if (far_make_folder (order.private_folder))
    far_fork_supervisor (self, &order);
  else
    far_fail (self, MK_SPAWN_STEP_FOLDER, errno);

  free (order.argv - 2);
  free (copy);
  return true;
}

/* ---- what was left ---- */

static void
far_kill_found (pid_t pid, pid_t parent, void *data)
{
  kill (pid, SIGKILL);
}

static bool
far_reap (Far *self)
{
  int status;
  pid_t pid;

  while ((pid = waitpid (-1, &status, WNOHANG | __WALL)) > 0)
    {
      if (pid != self->supervisor)
        continue;
      self->supervisor = 0;
      self->has_ended = true;
      self->ended = mk_link_now_us ();
      self->is_empty = WIFEXITED (status) && WEXITSTATUS (status) == 0;
    }

  return pid < 0;
}

/* The supervisor was killed: what it watched over is ours now. */
static void
far_kill_orphans (Far *self)
{
  int64_t limit = mk_link_now_us () + ORPHANS_LIMIT_US;
  int children_fd = open ("/proc/thread-self/children", O_RDONLY | O_CLOEXEC);

  while (!far_reap (self) && mk_link_now_us () < limit)
    {
      if (!mk_tree_walk ("/proc", getpid (), far_kill_found, NULL))
        mk_tree_list_children (children_fd, getpid (), far_kill_found, NULL);
      usleep (1000);
    }
  far_close (&children_fd);
}

/* After a lost connection */
static bool
far_sweep (Far *self, const char *data, size_t length)
{
  int killed;
  int left;
  char result[8];

  if (self->has_started || length < 2 || data[length - 1] != '\0')
    return false;

  left = mk_marked_end (data, &killed);
  mk_link_put_integer (result, killed);
  mk_link_put_integer (result + 4, left);
  mk_link_send (&self->link, MK_FRAME_SWEPT, 0, result, sizeof result);
  self->is_over = true;
  return true;
}

/* ---- forwards ---- */

static void
forward_add_address (Forward *self, const void *address, socklen_t size)
{
  if (self->n_addresses == MAX_ADDRESSES || size > sizeof self->addresses[0])
    return;

  memcpy (&self->addresses[self->n_addresses], address, size);
  self->sizes[self->n_addresses++] = size;
}

static void
forward_add_loopback (Forward *self)
{
  in_port_t port = htons ((uint16_t) atoi (self->service));
  const struct sockaddr_in v4 = { .sin_family = AF_INET,
                                  .sin_port = port,
                                  .sin_addr = { htonl (INADDR_LOOPBACK) } };
  const struct sockaddr_in6 v6 = { .sin6_family = AF_INET6,
                                   .sin6_port = port,
                                   .sin6_addr = IN6ADDR_LOOPBACK_INIT };

  forward_add_address (self, &v4, sizeof v4);
  forward_add_address (self, &v6, sizeof v6);
}

/* @target: "6379", "db:5432", "[::1]:5432" or a path */
static bool
forward_parse (Forward *self, const char *target)
{
  struct sockaddr_un path = { .sun_family = AF_UNIX };
  const char *colon = strrchr (target, ':');
  bool is_bracketed = *target == '[' && colon > target + 1 && colon[-1] == ']';

  *self = (Forward){ .used = true, .is_here = true, .fd = -1, .name_fd = -1, .begun = mk_link_now_us () };
  if (*target == '/')
    {
      if (strlen (target) >= sizeof path.sun_path)
        return false;
      strcpy (path.sun_path, target);
      forward_add_address (self, &path, sizeof path);
      return true;
    }

  self->service = strdup (colon != NULL ? colon + 1 : target);
  if (colon == NULL)
    forward_add_loopback (self);
  else
    {
      self->host = strndup (target + is_bracketed, (size_t) (colon - target) - 2 * is_bracketed);
      self->is_here = false;
    }
  return self->service != NULL && (colon == NULL || self->host != NULL);
}

/* Whoever looks names up may have to wait, so another process does it. */
static void
forward_look_up (Forward *self)
{
  int fds[2];
  pid_t pid;

  self->next = NEVER;
  if (pipe2 (fds, O_CLOEXEC) < 0)
    return;
  pid = fork ();
  if (pid == 0)
    {
      const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
      struct addrinfo *found = NULL;

      prctl (PR_SET_PDEATHSIG, SIGKILL);
#ifdef __GLIBC__
      /* Other sources are modules of the C library that is here, which fit this program only by chance. */
      __nss_configure_lookup ("hosts", "files dns");
#endif
      if (getaddrinfo (self->host, self->service, &hints, &found) == 0)
        {
          for (struct addrinfo *info = found; info != NULL; info = info->ai_next)
            forward_add_address (self, info->ai_addr, info->ai_addrlen);
        }
      (void) !write (fds[1], self, sizeof *self);
      _exit (0);
    }

  close (fds[1]);
  self->name_fd = fds[0];
}

static void
forward_wait (Forward *self)
{
  int64_t now = mk_link_now_us ();
  int64_t interval = (now - self->begun) / (self->is_here ? NEAR_PART : FAR_PART);
  int64_t minimum = self->is_here ? NEAR_INTERVAL_US : FAR_INTERVAL_US;

  if (!self->is_here && interval > MAX_FAR_INTERVAL_US)
    interval = MAX_FAR_INTERVAL_US;
  self->next = now + (interval > minimum ? interval : minimum);
  self->tried = 0;
}

static void
forward_take_addresses (Forward *self)
{
  Forward found;
  ssize_t n = read (self->name_fd, &found, sizeof found);

  far_close (&self->name_fd);
  self->n_addresses = 0;
  for (int i = 0; n == (ssize_t) sizeof found && i < found.n_addresses && i < MAX_ADDRESSES; i++)
    forward_add_address (self, &found.addresses[i], found.sizes[i]);
  if (self->n_addresses > 0)
    self->next = mk_link_now_us ();
  else
    forward_wait (self);
}

static int
forward_connect (Forward *self, int i)
{
  const struct sockaddr *address = (const struct sockaddr *) &self->addresses[i];
  int fd = socket (address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const int yes = 1;

  if (fd < 0)
    return -1;
  if (address->sa_family != AF_UNIX)
    setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  if (connect (fd, address, self->sizes[i]) == 0 || errno == EINPROGRESS)
    return fd;

  close (fd);
  return -1;
}

/* A connection to a port of this machine that nobody listens on can reach itself. */
static bool
forward_is_own (int fd)
{
  struct sockaddr_storage here = { 0 };
  struct sockaddr_storage there = { 0 };
  socklen_t here_size = sizeof here;
  socklen_t there_size = sizeof there;

  return getsockname (fd, (struct sockaddr *) &here, &here_size) == 0 && here.ss_family != AF_UNIX &&
         getpeername (fd, (struct sockaddr *) &there, &there_size) == 0 && here_size == there_size &&
         memcmp (&here, &there, here_size) == 0;
}

static void
forward_end_attempt (Forward *self)
{
  const struct linger linger = { 1, 0 };

  if (self->fd >= 0)
    setsockopt (self->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
  far_close (&self->fd);
}

static void
forward_try (Forward *self)
{
  if (self->n_addresses == 0)
    {
      forward_look_up (self);
      return;
    }

  while (self->fd < 0 && self->tried < self->n_addresses)
    self->fd = forward_connect (self, self->tried++);
  if (self->fd < 0)
    {
      forward_wait (self);
      return;
    }
  self->deadline = mk_link_now_us () + (self->is_here ? NEAR_ATTEMPT_US : FAR_ATTEMPT_US);
  self->next = self->deadline;
}

/* Returns whether it accepts connections. */
static bool
forward_on_attempt (Forward *self)
{
  socklen_t size = sizeof (int);
  int error = 0;
  bool accepts = getsockopt (self->fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0 &&
                 !forward_is_own (self->fd);
  int tried = self->tried;

  forward_end_attempt (self);
  if (accepts)
    {
      self->tried = tried - 1;
      self->is_ready = true;
      self->next = NEVER;
    }
  else
    forward_try (self);
  return accepts;
}

static void
forward_check_time (Forward *self)
{
  if (self->is_ready || self->name_fd >= 0 || mk_link_now_us () < self->next)
    return;

  forward_end_attempt (self);
  forward_try (self);
}

static bool
far_watch (Far *self, int i, const char *data, size_t length)
{
  return i < MK_LINK_MAX_FORWARDS && !self->forwards[i].used && length > 1 && data[length - 1] == '\0' &&
         forward_parse (&self->forwards[i], data);
}

static bool
far_open (Far *self, int channel, const char *data, size_t length)
{
  int i = length == 4 ? mk_link_get_integer (data) : -1;
  Forward *forward = i >= 0 && i < MK_LINK_MAX_FORWARDS ? &self->forwards[i] : NULL;
  int fd;

  if (forward == NULL || !forward->used || !forward->is_ready || channel < MK_LINK_FIRST_TUNNEL ||
      channel >= MK_LINK_MAX_CHANNELS || self->link.channels[channel].used)
    return false;

  fd = forward_connect (forward, forward->tried);
  if (fd < 0)
    mk_link_refuse (&self->link, channel);
  else
    mk_link_open_socket (&self->link, channel, fd, true);
  return true;
}

/* ---- messages of the service ---- */

/* One whose sender has ended already counts. */
static bool
far_is_ours (pid_t pid)
{
  for (pid_t at = pid; at > 0; at = mk_tree_read_parent ("/proc", at))
    {
      if (at == getpid ())
        return true;
      if (at == 1)
        return getpid () == 1;
    }

  return pid > 0 && kill (pid, 0) < 0 && errno == ESRCH;
}

static void
far_close_passed (struct msghdr *message)
{
  const struct linger none = { 0, 0 };

  for (struct cmsghdr *part = CMSG_FIRSTHDR (message); part != NULL; part = CMSG_NXTHDR (message, part))
    {
      size_t n = part->cmsg_type == SCM_RIGHTS && part->cmsg_level == SOL_SOCKET
                     ? (part->cmsg_len - CMSG_LEN (0)) / sizeof (int)
                     : 0;

      for (size_t i = 0; i < n; i++)
        {
          int fd = ((int *) CMSG_DATA (part))[i];

          /* The close of a socket would last as long as its owner has set. */
          (void) !setsockopt (fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
          close (fd);
        }
    }
}

static pid_t
far_get_sender (struct msghdr *message)
{
  for (struct cmsghdr *part = CMSG_FIRSTHDR (message); part != NULL; part = CMSG_NXTHDR (message, part))
    {
      if (part->cmsg_level == SOL_SOCKET && part->cmsg_type == SCM_CREDENTIALS)
        return ((struct ucred *) CMSG_DATA (part))->pid;
    }

  return 0;
}

static void
far_read_notify (Far *self)
{
  char text[MAX_MESSAGE];
  char control[CMSG_SPACE (sizeof (struct ucred)) + CMSG_SPACE (64 * sizeof (int))];
  struct iovec vector = { text, sizeof text };
  ssize_t n = 0;

  for (int i = 0; i < MESSAGES_A_TURN && n >= 0; i++)
    {
      struct msghdr message = {
        .msg_iov = &vector, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control
      };

      n = recvmsg (self->notify_fd, &message, MSG_CMSG_CLOEXEC);
      if (n < 0)
        break;
      if (n > 0 && far_is_ours (far_get_sender (&message)))
        mk_link_send (&self->link, MK_FRAME_NOTIFY, 0, text, (size_t) n);
      /* Who waits for a descriptor to be closed waits until the message was taken. */
      far_close_passed (&message);
    }
}

/* ---- the loop ---- */

static bool
far_obey (Far *self, const char *data, size_t length)
{
  MkMessage message;

  if (!mk_link_parse_message (data, length, &message))
    return false;
  if (self->control_fd >= 0)
    (void) !send (self->control_fd, &message, sizeof message, MSG_NOSIGNAL);
  return true;
}

static bool
far_on_frame (void *owner, int type, int channel, const char *data, size_t length)
{
  Far *self = owner;

  switch (type)
    {
    case MK_FRAME_START:
      return far_start (self, data, length);

    case MK_FRAME_CONTROL:
      return far_obey (self, data, length);

    case MK_FRAME_WATCH:
      return far_watch (self, channel, data, length);

    case MK_FRAME_OPEN:
      return far_open (self, channel, data, length);

    case MK_FRAME_TERM:
      if (self->supervisor > 0)
        kill (self->supervisor, SIGTERM);
      return true;

    case MK_FRAME_SWEEP:
      return far_sweep (self, data, length);

    default:
      return false;
    }
}

/* The supervisor then does what it does at home. */
static void
far_near_is_gone (Far *self)
{
  self->near_is_gone = true;
  far_close (&self->control_fd);
  far_close (&self->notify_fd);
  mk_link_clear (&self->link);
}

static void
far_read_supervisor (Far *self)
{
  MkMessage message;
  ssize_t n;

  if (self->control_fd < 0)
    return;

  /* As at home: if it ended with an order unread, ECONNRESET comes once, before the news. */
  do
    {
      n = recv (self->control_fd, &message, sizeof message, MSG_DONTWAIT);
      if (n == (ssize_t) sizeof message)
        mk_link_send_message (&self->link, &message);
    }
  while (n > 0 || (n < 0 && (errno == ECONNRESET || errno == EINTR)));
  if (n == 0 || errno != EAGAIN)
    far_close (&self->control_fd);
}

static void
far_read_signals (Far *self)
{
  struct signalfd_siginfo info;

  while (read (self->signal_fd, &info, sizeof info) == (ssize_t) sizeof info)
    {
      /* As somebody stops a container */
      if (info.ssi_signo != SIGCHLD && self->supervisor > 0)
        kill (self->supervisor, SIGTERM);
    }
  far_reap (self);
}

static void
far_read_near (Far *self)
{
  bool is_there = mk_link_read (&self->link) && mk_link_parse (&self->link);

  if (!is_there)
    far_near_is_gone (self);
}

/* What the service has said must be on its way before it is said that nothing is left. */
static void
far_end_outputs (Far *self)
{
  bool are_over = true;

  for (int i = 1; i <= 2; i++)
    {
      MkChannel *channel = &self->link.channels[i];

      while (mk_link_read_channel (&self->link, i))
        ;
      if (channel->used && !channel->has_sent)
        are_over = false;
      /* What the near end has not taken yet is waited for. */
      if (channel->used && !channel->has_sent && channel->credit == 0)
        self->ended = mk_link_now_us ();
    }

  if (!are_over && mk_link_now_us () < self->ended + LAST_OUTPUT_US)
    return;
  mk_link_send_integer (&self->link, MK_FRAME_GONE, 0, self->is_empty);
  self->is_over = true;
}

static void
far_check_end (Far *self)
{
  if (!self->has_ended || self->is_over)
    return;

  if (!self->is_empty)
    far_kill_orphans (self);
  if (!self->near_is_gone)
    {
      far_read_supervisor (self);
      if (self->notify_fd >= 0)
        far_read_notify (self);
      far_end_outputs (self);
    }
}

static int64_t
far_get_wait (Far *self)
{
  int64_t now = mk_link_now_us ();
  int64_t next = self->near_is_gone ? NEVER : self->link.heard_us + self->lease_us;

  for (int i = 0; i < MK_LINK_MAX_FORWARDS && !self->near_is_gone; i++)
    {
      Forward *forward = &self->forwards[i];

      if (forward->used && !forward->is_ready && forward->name_fd < 0 && forward->next < next)
        next = forward->next;
    }
  if (self->has_ended && !self->is_over && next > now + 10000)
    next = now + 10000;

  if (next == NEVER)
    return NEVER;
  return next > now ? next - now : 0;
}

static void
far_wait (Far *self, MkPollSet *set)
{
  int64_t wait = far_get_wait (self);
  const struct timespec limit = { wait / 1000000, wait % 1000000 * 1000 };

  if (ppoll (set->fds, (nfds_t) set->n_fds, wait == NEVER ? NULL : &limit, NULL) < 0)
    {
      for (int i = 0; i < set->n_fds; i++)
        set->fds[i].revents = 0;
    }
}

static void
far_dispatch_forwards (Far *self, MkPollSet *set)
{
  for (int i = 0; i < MK_LINK_MAX_FORWARDS; i++)
    {
      Forward *forward = &self->forwards[i];

      if (!forward->used || forward->is_ready)
        continue;
      if (mk_poll_set_is_ready (set, forward->name_poll) && forward->name_fd >= 0)
        forward_take_addresses (forward);
      else if (mk_poll_set_is_ready (set, forward->poll) && forward->fd >= 0)
        {
          if (forward_on_attempt (forward))
            mk_link_send (&self->link, MK_FRAME_READY, i, NULL, 0);
        }
      forward_check_time (forward);
    }
}

static void
far_run_once (Far *self)
{
  static MkPollSet set;
  int near = -1;
  int signals;
  int control;
  int notify = -1;

  set.n_fds = 0;
  signals = mk_poll_set_add (&set, self->signal_fd, POLLIN);
  control = mk_poll_set_add (&set, self->control_fd, POLLIN);
  /* A service that says very much waits, as it does at home. */
  if (mk_buffer_get_length (&self->link.out) < MK_LINK_CHUNK)
    notify = mk_poll_set_add (&set, self->notify_fd, POLLIN);
  if (!self->near_is_gone)
    {
      bool has_frames = mk_buffer_get_length (&self->link.out) > 0;

      near = mk_poll_set_add (&set, self->link.fd_in, POLLIN);
      if (has_frames)
        mk_poll_set_add (&set, self->link.fd_out, POLLOUT);
      for (int i = 0; i < MK_LINK_MAX_FORWARDS; i++)
        {
          self->forwards[i].poll =
              self->forwards[i].used ? mk_poll_set_add (&set, self->forwards[i].fd, POLLOUT) : -1;
          self->forwards[i].name_poll =
              self->forwards[i].used ? mk_poll_set_add (&set, self->forwards[i].name_fd, POLLIN) : -1;
        }
      mk_link_add_to_poll (&self->link, &set);
    }

  far_wait (self, &set);
  if (mk_poll_set_is_ready (&set, notify))
    far_read_notify (self);
  if (mk_poll_set_is_ready (&set, control))
    far_read_supervisor (self);
  if (!self->near_is_gone)
    {
      mk_link_dispatch (&self->link, &set);
      far_dispatch_forwards (self, &set);
    }
  if (mk_poll_set_is_ready (&set, signals))
    far_read_signals (self);
  if (!self->near_is_gone && mk_poll_set_is_ready (&set, near))
    far_read_near (self);
  far_check_end (self);

  if (!self->near_is_gone &&
      (!mk_link_flush (&self->link) || mk_link_now_us () >= self->link.heard_us + self->lease_us))
    far_near_is_gone (self);
}

static bool
far_is_done (Far *self)
{
  if (self->near_is_gone)
    return self->supervisor <= 0;
  return self->is_over && mk_buffer_get_length (&self->link.out) == 0;
}

static void
far_set_up (Far *self)
{
  sigset_t wanted;

  for (int i = 0; i < MK_LINK_MAX_FORWARDS; i++)
    self->forwards[i].fd = self->forwards[i].name_fd = -1;
  self->signal_fd = self->notify_fd = self->control_fd = -1;
  self->lease_us = DEFAULT_LEASE_US;
  mk_link_init (&self->link, true, far_on_frame, self);

  /* The client holds what it has given to its child; nothing else is ours. */
  mk_close_range (3, ~0U, 0);
  self->link.fd_in = fcntl (STDIN_FILENO, F_DUPFD_CLOEXEC, 10);
  self->link.fd_out = fcntl (STDOUT_FILENO, F_DUPFD_CLOEXEC, 10);
  mk_link_set_nonblocking (self->link.fd_in);
  mk_link_set_nonblocking (self->link.fd_out);

  /* The end of the connection says more than its terminal. */
  signal (SIGHUP, SIG_IGN);
  signal (SIGPIPE, SIG_IGN);
  sigemptyset (&wanted);
  sigaddset (&wanted, SIGCHLD);
  sigaddset (&wanted, SIGINT);
  sigaddset (&wanted, SIGQUIT);
  sigaddset (&wanted, SIGTERM);
  sigprocmask (SIG_BLOCK, &wanted, NULL);
  self->signal_fd = signalfd (-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK);
}

int
mk_far_main (int argc, char **argv)
{
  static Far self;

  if (argc > 2)
    unlink (argv[2]);
  far_set_up (&self);
  setsid ();
  prctl (PR_SET_CHILD_SUBREAPER, 1);
  far_say_hello (&self);
  prctl (PR_SET_DUMPABLE, 0);
  close (STDIN_FILENO);
  close (STDOUT_FILENO);
  (void) !open ("/dev/null", O_RDWR);
  (void) !open ("/dev/null", O_RDWR);

  if (!mk_link_flush (&self.link))
    return 0;
  while (!far_is_done (&self))
    far_run_once (&self);

  if (!self.is_empty && self.has_ended)
    far_kill_orphans (&self);
  if (self.private_folder != NULL && *self.private_folder != '\0' &&
      (self.near_is_gone || !self.keeps_folder))
    mk_remove_tree (self.private_folder);
  return 0;
}
