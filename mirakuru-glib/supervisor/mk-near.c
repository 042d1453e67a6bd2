/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The near end of a launcher: it stands where a supervisor stands for a service of this machine, and has the
 * same standard streams and the same control socket.
 *
 * It runs the launcher's client (ssh, podman, …) with a shell at the other end, brings this very program
 * there, and passes on what the library and the supervisor at the far end say, and the streams. Nothing has
 * to be installed there, and both ends are of the same version.
 *
 * The client is left alone: it does not carry the marker of the service, and is not killed while there is
 * another way, for one that makes a container leaves that behind, or the container's monitor. Its end is not
 * the end of the connection either, for some pass their pipes on to a program that lives longer.
 *
 * Life: BOOTING (the client runs, until the far end says hello) → RUNNING → the far end has said that nothing
 * is left, or the connection is lost. A lost connection is made once more, to see what is left.
 */

#include "mk-calls-private.h"
#include "mk-link-private.h"
#include "mk-marked-private.h"
#include "mk-roles-private.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXIT_USAGE    125
#define ORDER_FD      (MK_CONTROL_FD + 1)
#define FIRST_FORWARD (MK_CONTROL_FD + 2)
#define BACKLOG       128
#define PIPE_SIZE     (1024 * 1024)

/* What a client has to end by itself once its input has ended, then after SIGTERM */
#define CLIENT_GRACE_US 5000000
#define CLIENT_TERM_US  1500000
/* What the far end has to end by itself when the host is gone */
#define HOST_GONE_US 6000000
/* A lost connection is made once more within this time. */
#define RECONNECT_US 5000000
/* That client has started nothing. */
#define SECOND_CLIENT_US 500000
/* Once nothing is left of the service, an output that nobody takes any for so long is given up. */
#define LAST_OUTPUT_US 1000000
#define ERRORS_US      50000
/* Its status comes a moment after the end of its output. */
#define STATUS_US 500000
#define POLL_US   1000

#define NEVER INT64_MAX

/* See the script: what it says, and what it is told. */
#define BOOT      "MK-BOOT "
#define AGAIN     "MK-AGAIN"
#define NO_FOLDER "MK-NO-FOLDER"
/* What each of its answers begins with, and that of the far end */
#define ANSWER "\nMK-"

/*
 * For the shell at the far end. The program comes over standard input once the shell has said what machine
 * this is, as a shell may read ahead; and once more if it could not be written. The folder must be one from
 * which programs can be run.
 */
static const char script[] =
    "{ printf '" BOOT "%s\\n' \"$(uname -m)\"; IFS=' ' read -r n t && [ -n \"$n\" ] || exit 1; a= f= g=; "
    "trap 'rm -f \"$f\" \"$g\"' EXIT; trap 'exit 1' HUP INT PIPE TERM; u=$(umask); umask 077; set -C; "
    "for d in \"$XDG_RUNTIME_DIR\" /tmp /var/tmp \"$HOME\" /dev/shm .; do "
    "[ -n \"$d\" ] && [ -d \"$d\" ] && [ -w \"$d\" ] || continue; f=$d/.mk-$t; "
    "if [ -z \"$g\" ]; then [ -z \"$a\" ] || { echo; echo " AGAIN "; }; a=1; "
    "head -c \"$n\" | { cat > \"$f\" || { cat > /dev/null; false; }; } 2> /dev/null || { rm -f \"$f\"; continue; }; "
    "else cat \"$g\" > \"$f\" && rm -f \"$g\" || continue; fi; "
    "chmod 700 \"$f\"; g=$f; \"$f\" check 2> /dev/null && break; done; umask \"$u\"; "
    "\"$f\" check 2> /dev/null || { echo; echo " NO_FOLDER "; exit 1; }; exec \"$f\" far \"$f\"; }\n";

typedef struct
{
  int fd;       /* where connections come in, -1 where both ends are the same */
  char *target; /* the address at the far end */
  bool listens;
  int poll;
} Forward;

typedef struct
{
  MkLink link;
  Forward forwards[MK_LINK_MAX_FORWARDS];
  int n_forwards;
  char **launcher;
  const char *helper; /* the program at the far end, NULL if it has to be brought there */
  const char *marker;
  const char *notify_path;
  int64_t lease_us;
  pid_t host;

  int control_fd; /* −1 once the host is gone */
  int host_fd;
  int signal_fd;
  int errors_fd; /* the client's standard error */
  MkBuffer errors;
  pid_t client; /* 0 when it has ended */
  int client_status;

  bool was_told_to_end;
  bool has_spawned;
  bool has_exited;
  bool is_empty;
  bool is_gone;    /* all that the far end had to say is said */
  bool is_running; /* START was sent */
  bool has_hello;
  MkHello hello; /* of the first far end */
  bool has_looked_again;
  bool is_same_place; /* the second one sees the same processes */
  int swept;          /* −1 until it is known */
  int killed;
  size_t n_waiting; /* bytes of output, when it was looked last */
  int64_t taken;    /* when there were others */
  int64_t deadline; /* to have ended after the host has */
  int64_t next_ping;
} Near;

/* ---- news for the library ---- */

static void
near_tell (Near *self, int type, int a, int b)
{
  const MkMessage message = { type, a, b, 0 };

  if (self->control_fd >= 0)
    (void) !send (self->control_fd, &message, sizeof message, MSG_NOSIGNAL);
}

static void
near_close (int *fd)
{
  if (*fd >= 0)
    close (*fd);
  *fd = -1;
}

/* What the client has said may come a moment after its end. */
static void
near_read_errors (Near *self)
{
  char text[1024];
  ssize_t n = self->errors_fd >= 0 ? read (self->errors_fd, text, sizeof text) : 0;

  if (n < 0 && (errno == EAGAIN || errno == EINTR))
    return;
  if (n <= 0)
    near_close (&self->errors_fd);
  else
    mk_buffer_append (&self->errors, text, (size_t) n);
  if (mk_buffer_get_length (&self->errors) > MK_MAX_LOST_TEXT)
    mk_buffer_drop (&self->errors, mk_buffer_get_length (&self->errors) - MK_MAX_LOST_TEXT);
}

static void
near_read_last_errors (Near *self)
{
  int64_t limit = mk_link_now_us () + ERRORS_US;

  while (self->errors_fd >= 0 && mk_link_now_us () < limit)
    {
      struct pollfd item = { self->errors_fd, POLLIN, 0 };

      if (poll (&item, 1, 10) > 0)
        near_read_errors (self);
    }
}

/* @text: (nullable): what the client has said if it is NULL */
static void
near_tell_lost (Near *self, MkLauncherFailure failure, int b, int c, const char *text)
{
  size_t length = text != NULL ? strlen (text) : mk_buffer_get_length (&self->errors);
  const char *start = text != NULL ? text : mk_buffer_get_data (&self->errors);
  char packet[sizeof (MkMessage) + MK_MAX_LOST_TEXT];
  const MkMessage message = { MK_MESSAGE_LOST, (int32_t) failure, b, c };

  if (length > MK_MAX_LOST_TEXT)
    length = MK_MAX_LOST_TEXT;
  memcpy (packet, &message, sizeof message);
  if (length > 0)
    memcpy (packet + sizeof message, start, length);
  if (self->control_fd >= 0)
    (void) !send (self->control_fd, packet, sizeof message + length, MSG_NOSIGNAL);
}

/* ---- the client ---- */

/* Above those that programs expect to be free. */
static bool
near_open_pipe (int *fds)
{
  int pair[2];

  if (pipe2 (pair, O_CLOEXEC) < 0)
    return false;
  for (int i = 0; i < 2; i++)
    {
      fds[i] = fcntl (pair[i], F_DUPFD_CLOEXEC, FIRST_FORWARD + MK_LINK_MAX_FORWARDS);
      close (pair[i]);
    }
  return fds[0] >= 0 && fds[1] >= 0;
}

static void
near_run_client (Near *self, int in, int out, int errors, int report)
{
  int n = 0;
  char **argv;
  sigset_t none;
  int error;

  while (self->launcher[n] != NULL)
    n++;
  argv = calloc ((size_t) n + 3, sizeof *argv);
  if (argv == NULL)
    _exit (EXIT_USAGE);
  memcpy (argv, self->launcher, (size_t) n * sizeof *argv);
  if (self->helper != NULL)
    argv[n] = strdup ("far");
  else
    argv[n] = strdup ("sh");

  /* Nobody can be asked for a password, and no key reaches it. */
  setsid ();
  dup2 (in, STDIN_FILENO);
  dup2 (out, STDOUT_FILENO);
  dup2 (errors, STDERR_FILENO);
  mk_close_range (3, ~0U, CLOSE_RANGE_CLOEXEC);
  for (int i = 1; i < NSIG; i++)
    signal (i, SIG_DFL);
  sigemptyset (&none);
  sigprocmask (SIG_SETMASK, &none, NULL);

  execvp (argv[0], argv);
  error = errno;
  (void) !write (report, &error, sizeof error);
  _exit (127);
}

/* Returns false if it could not be run: errno says why. */
static bool
near_start_client (Near *self)
{
  int in[2] = { -1, -1 };
  int out[2] = { -1, -1 };
  int errors[2] = { -1, -1 };
  int report[2] = { -1, -1 };
  int error = 0;

  if (!near_open_pipe (in) || !near_open_pipe (out) || !near_open_pipe (errors) || !near_open_pipe (report))
    return false;
  fcntl (in[1], F_SETPIPE_SZ, PIPE_SIZE);
  fcntl (out[0], F_SETPIPE_SZ, PIPE_SIZE);

  self->client = fork ();
  if (self->client == 0)
    near_run_client (self, in[0], out[1], errors[1], report[1]);
  error = self->client < 0 ? errno : 0;
  close (in[0]);
  close (out[1]);
  close (errors[1]);
  close (report[1]);
  if (self->client > 0 && read (report[0], &error, sizeof error) != (ssize_t) sizeof error)
    error = 0;
  close (report[0]);

  self->link.fd_in = out[0];
  self->link.fd_out = in[1];
  self->errors_fd = errors[0];
  mk_link_set_nonblocking (out[0]);
  mk_link_set_nonblocking (in[1]);
  mk_link_set_nonblocking (errors[0]);
  self->link.heard_us = mk_link_now_us ();
  errno = error;
  return error == 0;
}

static void
near_reap_client (Near *self)
{
  int status;

  if (self->client <= 0 || waitpid (self->client, &status, WNOHANG) != self->client)
    return;

  self->client = 0;
  self->client_status = WIFSIGNALED (status) ? -WTERMSIG (status) : WEXITSTATUS (status);
}

static void
near_wait_for_client (Near *self, int64_t limit)
{
  char nothing[4096];

  while (self->client > 0 && mk_link_now_us () < limit)
    {
      struct pollfd item = { self->link.fd_in, POLLIN, 0 };

      near_reap_client (self);
      if (self->client <= 0)
        break;
      /* It must not wait for its last words to be taken. */
      if (self->link.fd_in < 0 || poll (&item, 1, 1) <= 0)
        usleep (POLL_US);
      else if (read (self->link.fd_in, nothing, sizeof nothing) == 0)
        near_close (&self->link.fd_in);
      near_read_errors (self);
    }
}

/* Its group: a client may be a script. */
static void
near_end_client (Near *self, int64_t grace)
{
  near_close (&self->link.fd_out);
  near_wait_for_client (self, mk_link_now_us () + grace);
  if (self->client > 0)
    kill (-self->client, SIGTERM);
  near_wait_for_client (self, mk_link_now_us () + CLIENT_TERM_US);
  if (self->client > 0)
    {
      kill (-self->client, SIGKILL);
      waitpid (self->client, NULL, 0);
      self->client = 0;
    }
  near_close (&self->link.fd_in);
}

/* ---- orders ---- */

/* Returns false if the host is gone. */
static bool
near_read_control (Near *self)
{
  MkMessage message;
  ssize_t n;

  do
    {
      n = recv (self->control_fd, &message, sizeof message, MSG_DONTWAIT);
      if (n != (ssize_t) sizeof message)
        continue;
      if (message.type != MK_MESSAGE_SIGNAL && message.type != MK_MESSAGE_SIGNAL_GROUP)
        self->was_told_to_end = true;
      if (self->is_running)
        mk_link_send_message (&self->link, &message);
    }
  while (n > 0 || (n < 0 && (errno == ECONNRESET || errno == EINTR)));

  return n < 0 && errno == EAGAIN;
}

static void
near_read_signals (Near *self)
{
  struct signalfd_siginfo info;

  while (read (self->signal_fd, &info, sizeof info) == (ssize_t) sizeof info)
    {
      if (info.ssi_signo == SIGCHLD)
        continue;
      self->was_told_to_end = true;
      if (self->is_running)
        mk_link_send (&self->link, MK_FRAME_TERM, 0, NULL, 0);
    }
  near_reap_client (self);
}

/* Without a host there is nobody to tell, and the far end does what a supervisor does then. */
static void
near_host_is_gone (Near *self)
{
  near_close (&self->control_fd);
  near_close (&self->host_fd);
  self->was_told_to_end = true;
  self->deadline = mk_link_now_us () + HOST_GONE_US;
  near_close (&self->link.fd_out);
}

/* ---- what the far end says ---- */

static void
near_take_message (Near *self, const MkMessage *message)
{
  if (message->type == MK_MESSAGE_SPAWNED)
    self->has_spawned = true;
  else if (message->type == MK_MESSAGE_EXITED)
    self->has_exited = true;
  else if (message->type == MK_MESSAGE_EMPTY)
    self->is_empty = true;
  else if (message->type != MK_MESSAGE_FAILED && message->type != MK_MESSAGE_DENIED)
    return;

  if (self->control_fd >= 0)
    (void) !send (self->control_fd, message, sizeof *message, MSG_NOSIGNAL);
}

/* Clients are let in once the far address accepts connections; before, they are refused. */
static bool
near_take_ready (Near *self, int i)
{
  if (i >= self->n_forwards)
    return false;

  if (self->forwards[i].fd >= 0 && !self->forwards[i].listens && listen (self->forwards[i].fd, BACKLOG) == 0)
    self->forwards[i].listens = true;
  return true;
}

static void
near_take_notify (Near *self, const char *data, size_t length)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  size_t size = strlen (self->notify_path);
  int fd;

  if (size == 0 || size >= sizeof address.sun_path)
    return;
  memcpy (address.sun_path, self->notify_path, size);
  if (address.sun_path[0] == '@')
    address.sun_path[0] = '\0';

  fd = socket (AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd >= 0)
    (void) !sendto (fd,
                    data,
                    length,
                    MSG_NOSIGNAL | MSG_DONTWAIT,
                    (struct sockaddr *) &address,
                    (socklen_t) (offsetof (struct sockaddr_un, sun_path) + size));
  near_close (&fd);
}

static bool
near_take_hello (Near *self, const char *data, size_t length)
{
  MkHello hello;

  if (length != sizeof hello || self->has_hello)
    return false;
  memcpy (&hello, data, sizeof hello);
  hello.machine[sizeof hello.machine - 1] = '\0';
  hello.network[sizeof hello.network - 1] = '\0';
  hello.processes[sizeof hello.processes - 1] = '\0';
  hello.files[sizeof hello.files - 1] = '\0';
  self->is_same_place = *hello.processes != '\0' && strcmp (hello.processes, self->hello.processes) == 0;
  self->hello = hello;
  self->has_hello = true;
  return true;
}

static bool
near_take_swept (Near *self, const char *data, size_t length)
{
  if (length != 8)
    return false;

  self->killed = mk_link_get_integer (data);
  self->swept = mk_link_get_integer (data + 4);
  return self->killed >= 0 && self->swept >= 0;
}

static bool
near_on_frame (void *owner, int type, int channel, const char *data, size_t length)
{
  Near *self = owner;
  MkMessage message;

  switch (type)
    {
    case MK_FRAME_HELLO:
      return near_take_hello (self, data, length);

    case MK_FRAME_CONTROL:
      if (!mk_link_parse_message (data, length, &message))
        return false;
      near_take_message (self, &message);
      return true;

    case MK_FRAME_READY:
      return near_take_ready (self, channel);

    case MK_FRAME_NOTIFY:
      near_take_notify (self, data, length);
      return true;

    case MK_FRAME_GONE:
      self->is_gone = true;
      return true;

    case MK_FRAME_SWEPT:
      return near_take_swept (self, data, length);

    default:
      return false;
    }
}

/* ---- the beginning of a connection ---- */

/* Returns false if the client or the host has ended, or somebody wants an end. */
static bool
near_wait_for_more (Near *self, int64_t limit)
{
  struct pollfd items[] = {
    { self->link.fd_in, POLLIN, 0 },
    { self->errors_fd, POLLIN, 0 },
    { self->control_fd, POLLIN, 0 },
    { self->signal_fd, POLLIN, 0 },
    { self->host_fd, POLLIN, 0 },
    { mk_buffer_get_length (&self->link.out) > 0 ? self->link.fd_out : -1, POLLOUT, 0 },
  };
  int64_t left = limit - mk_link_now_us ();

  if (left <= 0 || poll (items, 6, limit == NEVER ? -1 : (int) (left / 1000) + 1) < 0)
    return false;

  if (items[1].revents != 0)
    near_read_errors (self);
  if (items[3].revents != 0)
    near_read_signals (self);
  if ((items[2].revents != 0 && !near_read_control (self)) || items[4].revents != 0)
    near_host_is_gone (self);
  if (self->was_told_to_end && limit == NEVER)
    return false;
  if (items[5].revents != 0 && !mk_link_flush (&self->link))
    near_close (&self->link.fd_out);
  return items[0].revents == 0 || mk_link_read (&self->link);
}

/*
 * Waits for @word among what the other end says, which may have said other things before. What stands before
 * and behind the word is left in the buffer.
 *
 * Returns where the word is, NULL if it does not come
 */
static char *
near_wait_for_word (Near *self, const char *word, int64_t limit)
{
  for (;;)
    {
      size_t length = mk_buffer_get_length (&self->link.in);
      char *at =
          length > 0 ? memmem (mk_buffer_get_data (&self->link.in), length, word, strlen (word)) : NULL;

      if (at != NULL)
        return at;
      /* Whoever says so much is no shell. */
      if (length > MK_LINK_WINDOW || !near_wait_for_more (self, limit))
        return NULL;
    }
}

static bool
near_wait_for_length (Near *self, size_t length, int64_t limit)
{
  while (mk_buffer_get_length (&self->link.in) < length)
    {
      if (!near_wait_for_more (self, limit))
        return false;
    }

  return true;
}

static bool
near_has_said (Near *self, const char *word)
{
  size_t length = mk_buffer_get_length (&self->link.in);

  return length > 0 && memmem (mk_buffer_get_data (&self->link.in), length, word, strlen (word)) != NULL;
}

static bool
near_skip_to (Near *self, const char *at)
{
  mk_buffer_drop (&self->link.in, (size_t) (at - mk_buffer_get_data (&self->link.in)));
  return true;
}

/* Looks beside this program for that of another machine. Returns -1 if it is missing */
static int
near_open_program (const char *machine)
{
  MkHello here;
  char path[4096];
  ssize_t n;

  mk_link_describe_end (&here);
  if (strcmp (here.machine, machine) == 0)
    return open ("/proc/self/exe", O_RDONLY | O_CLOEXEC);

  n = readlink ("/proc/self/exe", path, sizeof path - 1);
  if (n <= 0)
    return -1;
  path[n] = '\0';
  if ((size_t) n + strlen (machine) + 2 > sizeof path)
    return -1;
  strcat (path, "-");
  strcat (path, machine);
  return open (path, O_RDONLY | O_CLOEXEC);
}

/* And a name for it that nobody else has */
static void
near_say_size (Near *self, int fd)
{
  char line[64];
  struct stat info;

  if (fstat (fd, &info) < 0)
    return;
  snprintf (line,
            sizeof line,
            "%lld %d-%lld\n",
            (long long) info.st_size,
            (int) getpid (),
            (long long) mk_link_now_us ());
  mk_buffer_append (&self->link.out, line, strlen (line));
}

static bool
near_send_program (Near *self, int fd)
{
  char chunk[MK_LINK_CHUNK];
  off_t offset = 0;
  ssize_t n;

  while ((n = pread (fd, chunk, sizeof chunk, offset)) > 0)
    {
      mk_buffer_append (&self->link.out, chunk, (size_t) n);
      offset += n;
    }
  return n == 0;
}

/*
 * Tells the library why there is no far end. An order to end is a reason of which it knows.
 *
 * @machine: (nullable): that of the far end
 */
static void
near_explain_no_far_end (Near *self, const char *machine)
{
  near_read_last_errors (self);
  if (self->was_told_to_end)
    return;
  near_wait_for_client (self, mk_link_now_us () + STATUS_US);
  /* What is said on standard output tells more than nothing. */
  if (mk_buffer_get_length (&self->errors) == 0)
    mk_buffer_append (
        &self->errors, mk_buffer_get_data (&self->link.in), mk_buffer_get_length (&self->link.in));

  if (near_has_said (self, BOOT "%s"))
    near_tell_lost (self, MK_LAUNCHER_TERMINAL, 0, 0, NULL);
  else if (near_has_said (self, NO_FOLDER))
    near_tell_lost (self, MK_LAUNCHER_NO_FOLDER, 0, 0, NULL);
  else if (machine != NULL && self->client_status == 0)
    near_tell_lost (self, MK_LAUNCHER_FOREIGN, 0, 0, NULL);
  else if (self->client_status == 0 && mk_buffer_get_length (&self->errors) == 0)
    near_tell_lost (self, MK_LAUNCHER_SILENT, 0, 0, NULL);
  else
    near_tell_lost (self, MK_LAUNCHER_ENDED, self->client_status, 0, NULL);
}

/* Returns false if there is no shell; then that was told, and @machine is empty. */
static bool
near_find_shell (Near *self, char *machine, size_t size, int64_t limit)
{
  char *at;
  char *end;
  size_t length;

  mk_buffer_append (&self->link.out, script, sizeof script - 1);
  *machine = '\0';
  at = near_wait_for_word (self, BOOT, limit);
  if (at == NULL)
    return false;
  near_skip_to (self, at);
  /* A terminal gives back what it gets, and nothing ends with its input: an empty answer ends the script. */
  if (near_has_said (self, BOOT "%s"))
    {
      mk_buffer_append (&self->link.out, "\n", 1);
      mk_link_flush (&self->link);
      return false;
    }

  at = near_wait_for_word (self, "\n", limit);
  if (at == NULL)
    return false;
  length = (size_t) (at - mk_buffer_get_data (&self->link.in)) - strlen (BOOT);
  snprintf (machine,
            size,
            "%.*s",
            (int) (length < size ? length : size - 1),
            mk_buffer_get_data (&self->link.in) + strlen (BOOT));
  for (end = machine; *end > ' ' && *end < 127; end++)
    ;
  *end = '\0';
  return near_skip_to (self, at + 1);
}

/* Returns whether the far end is there; what stands before its first frame is taken. */
static bool
near_wait_for_far_end (Near *self, int program_fd, int64_t limit)
{
  size_t length = strlen (MK_LINK_MAGIC);

  for (;;)
    {
      char *at = near_wait_for_word (self, ANSWER, limit);
      bool is_again;

      if (at == NULL)
        return false;
      near_skip_to (self, at);
      if (near_wait_for_length (self, length, limit) &&
          memcmp (mk_buffer_get_data (&self->link.in), MK_LINK_MAGIC, length) == 0)
        {
          mk_buffer_drop (&self->link.in, length);
          return true;
        }

      is_again = near_has_said (self, "\n" AGAIN "\n");
      if (!is_again || program_fd < 0 || !near_send_program (self, program_fd))
        return false;
      mk_buffer_drop (&self->link.in, strlen (ANSWER));
    }
}

/* Brings this program to the far end. Returns false if there is no connection; then the library was told why.
 */
static bool
near_connect (Near *self, int64_t limit)
{
  char machine[64] = "";
  int fd = -1;
  bool is_there;

  if (self->helper == NULL)
    {
      if (!near_find_shell (self, machine, sizeof machine, limit))
        {
          if (limit == NEVER)
            near_explain_no_far_end (self, NULL);
          return false;
        }
      fd = near_open_program (machine);
      if (fd < 0)
        {
          if (limit == NEVER)
            near_tell_lost (self, MK_LAUNCHER_MACHINE, 0, 0, machine);
          return false;
        }
      near_say_size (self, fd);
      near_send_program (self, fd);
    }

  is_there = near_wait_for_far_end (self, fd, limit);
  near_close (&fd);
  if (!is_there && limit == NEVER)
    near_explain_no_far_end (self, self->helper == NULL ? machine : NULL);
  self->has_hello = false;
  return is_there;
}

/* ---- the start ---- */

/* Where both ends are the same, the service takes the address itself. */
static void
near_let_go_of_shared (Near *self)
{
  MkHello here;

  mk_link_describe_end (&here);
  for (int i = 0; i < self->n_forwards; i++)
    {
      Forward *forward = &self->forwards[i];
      struct sockaddr_storage address = { 0 };
      socklen_t size = sizeof address;
      const struct sockaddr_in *v4 = (const struct sockaddr_in *) &address;
      const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *) &address;
      const struct sockaddr_un *path = (const struct sockaddr_un *) &address;
      bool is_shared = false;

      if (getsockname (forward->fd, (struct sockaddr *) &address, &size) < 0)
        continue;
      if (address.ss_family == AF_UNIX)
        is_shared = *here.files != '\0' && strcmp (here.files, self->hello.files) == 0 &&
                    strncmp (path->sun_path, forward->target, sizeof path->sun_path) == 0;
      else if (*here.network != '\0' && strcmp (here.network, self->hello.network) == 0)
        is_shared =
            /* NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage): the analyzer forgets what was set to 0 */
            atoi (forward->target) == ntohs (address.ss_family == AF_INET ? v4->sin_port : v6->sin6_port) &&
            strspn (forward->target, "0123456789") == strlen (forward->target);

      if (!is_shared)
        continue;
      if (address.ss_family == AF_UNIX)
        unlink (path->sun_path);
      near_close (&forward->fd);
    }
}

static bool
near_send_order (Near *self)
{
  struct stat info;
  void *order;

  if (fstat (ORDER_FD, &info) < 0 || info.st_size <= 0)
    return false;
  order = mmap (NULL, (size_t) info.st_size, PROT_READ, MAP_PRIVATE, ORDER_FD, 0);
  if (order == MAP_FAILED)
    return false;
  mk_link_send (&self->link, MK_FRAME_START, 0, order, (size_t) info.st_size);
  munmap (order, (size_t) info.st_size);
  close (ORDER_FD);

  for (int i = 0; i < self->n_forwards; i++)
    {
      const char *target = self->forwards[i].target;

      if (self->forwards[i].fd >= 0)
        mk_link_send (&self->link, MK_FRAME_WATCH, i, target, strlen (target) + 1);
    }
  self->is_running = true;
  return true;
}

/*
 * What this program is given may be shared with others, so that it cannot be made nonblocking; the same pipe
 * or terminal opened again can.
 */
static bool
near_reopen (int *fd)
{
  char path[32];
  struct stat info;
  int opened;

  if (fstat (*fd, &info) < 0 || (!S_ISFIFO (info.st_mode) && !isatty (*fd)))
    return false;
  snprintf (path, sizeof path, "/proc/self/fd/%d", *fd);
  opened = open (path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (opened < 0)
    return false;
  close (*fd);
  *fd = opened;
  return true;
}

static void
near_open_streams (Near *self)
{
  mk_link_open_stream (&self->link, 0, STDIN_FILENO, -1, false);
  for (int i = 1; i <= 2; i++)
    {
      int fd = i;
      bool blocks = !near_reopen (&fd);

      mk_link_open_stream (&self->link, i, -1, fd, blocks);
    }
}

/* ---- the loop ---- */

static void
near_accept (Near *self, int i)
{
  const int yes = 1;
  int channel = mk_link_find_channel (&self->link);
  int fd = channel > 0 ? accept4 (self->forwards[i].fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK) : -1;

  if (fd < 0)
    {
      /* Without a descriptor it goes on being ready. */
      usleep (POLL_US);
      return;
    }
  setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  mk_link_open_socket (&self->link, channel, fd, false);
  mk_link_send_integer (&self->link, MK_FRAME_OPEN, channel, i);
}

/* A reader that has fallen asleep must not keep the library waiting. */
static void
near_give_output_up (Near *self)
{
  size_t n_waiting = mk_buffer_get_length (&self->link.channels[1].pending) +
                     mk_buffer_get_length (&self->link.channels[2].pending);

  if (n_waiting != self->n_waiting || !self->is_empty)
    self->taken = mk_link_now_us ();
  self->n_waiting = n_waiting;
  if (n_waiting == 0 || mk_link_now_us () < self->taken + LAST_OUTPUT_US)
    return;

  for (int i = 1; i <= 2; i++)
    {
      if (self->link.channels[i].fd_out >= 0)
        mk_link_reset (&self->link, i);
    }
}

static int
near_get_timeout (Near *self)
{
  int64_t next = self->next_ping < self->deadline ? self->next_ping : self->deadline;
  int64_t silence = self->link.heard_us + self->lease_us;
  int64_t now = mk_link_now_us ();

  if (silence < next)
    next = silence;
  if (self->is_empty && self->n_waiting > 0 && self->taken + LAST_OUTPUT_US < next)
    next = self->taken + LAST_OUTPUT_US;
  return next > now ? (int) ((next - now) / 1000) + 1 : 0;
}

/* Returns false if the connection is lost. */
static bool
near_run_once (Near *self)
{
  static MkPollSet set;
  bool has_room = mk_link_find_channel (&self->link) > 0;
  bool is_there = true;
  int link, control, host, signals, errors;

  near_give_output_up (self);
  if (mk_link_now_us () >= self->next_ping && self->link.fd_out >= 0)
    mk_link_send (&self->link, MK_FRAME_PING, 0, NULL, 0);
  if (mk_link_now_us () >= self->next_ping)
    self->next_ping = mk_link_now_us () + self->lease_us / 3;
  if (!mk_link_flush (&self->link))
    near_close (&self->link.fd_out);

  set.n_fds = 0;
  link = mk_poll_set_add (&set, self->link.fd_in, POLLIN);
  control = mk_poll_set_add (&set, self->control_fd, POLLIN);
  host = mk_poll_set_add (&set, self->host_fd, POLLIN);
  signals = mk_poll_set_add (&set, self->signal_fd, POLLIN);
  errors = mk_poll_set_add (&set, self->errors_fd, POLLIN);
  if (mk_buffer_get_length (&self->link.out) > 0)
    mk_poll_set_add (&set, self->link.fd_out, POLLOUT);
  for (int i = 0; i < self->n_forwards; i++)
    self->forwards[i].poll =
        self->forwards[i].listens && has_room ? mk_poll_set_add (&set, self->forwards[i].fd, POLLIN) : -1;
  mk_link_add_to_poll (&self->link, &set);

  if (poll (set.fds, (nfds_t) set.n_fds, near_get_timeout (self)) < 0)
    return true;

  if (mk_poll_set_is_ready (&set, errors))
    near_read_errors (self);
  mk_link_dispatch (&self->link, &set);
  if (mk_poll_set_is_ready (&set, link))
    is_there = mk_link_read (&self->link) && mk_link_parse (&self->link);
  if (mk_poll_set_is_ready (&set, signals))
    near_read_signals (self);
  if ((mk_poll_set_is_ready (&set, control) && !near_read_control (self)) ||
      mk_poll_set_is_ready (&set, host))
    near_host_is_gone (self);
  for (int i = 0; i < self->n_forwards; i++)
    {
      if (mk_poll_set_is_ready (&set, self->forwards[i].poll))
        near_accept (self, i);
    }
  return is_there;
}

/* What has come is for the streams, however slowly these take it. */
static void
near_drain_outputs (Near *self)
{
  static MkPollSet set;

  self->is_empty = true;
  near_give_output_up (self);
  while (self->n_waiting > 0)
    {
      set.n_fds = 0;
      mk_link_add_to_poll (&self->link, &set);
      if (poll (set.fds, (nfds_t) set.n_fds, 100) > 0)
        mk_link_dispatch (&self->link, &set);
      mk_buffer_drop (&self->link.out, mk_buffer_get_length (&self->link.out));
      near_give_output_up (self);
    }
}

static void
near_look_again (Near *self)
{
  int64_t limit = mk_link_now_us () + RECONNECT_US;
  self->has_looked_again = true;
  near_end_client (self, 0);
  near_close (&self->errors_fd);
  mk_buffer_drop (&self->link.in, mk_buffer_get_length (&self->link.in));
  mk_buffer_drop (&self->link.out, mk_buffer_get_length (&self->link.out));
  self->is_running = false;
  if (!near_start_client (self) || !near_connect (self, limit))
    return;

  mk_link_send (&self->link, MK_FRAME_SWEEP, 0, self->marker, strlen (self->marker) + 1);
  while (self->swept == -1 && mk_link_now_us () < limit)
    {
      struct pollfd item = { self->link.fd_in, POLLIN, 0 };

      if (!mk_link_flush (&self->link) || !mk_link_parse (&self->link) || self->swept != -1)
        break;
      if (poll (&item, 1, 100) > 0 && !mk_link_read (&self->link))
        break;
    }
  if (self->swept >= 0 && !self->is_same_place)
    self->swept = MK_LEFT_ELSEWHERE;
}

/* Goes there once more, to see what is left, and to end it. Where that cannot be, it may be seen from here.
 */
static void
near_end_what_is_left (Near *self)
{
  int killed;

  near_look_again (self);
  if (self->swept < 0 && mk_marked_end (self->marker, &killed) == 0)
    self->killed += killed;
}

static void
near_connection_is_lost (Near *self, bool was_silent)
{
  near_read_last_errors (self);
  if (self->control_fd >= 0)
    {
      near_end_what_is_left (self);
      near_tell_lost (
          self, was_silent ? MK_LAUNCHER_LOST_SILENT : MK_LAUNCHER_LOST_END, self->swept, self->killed, NULL);
    }
  near_tell (self, MK_MESSAGE_EMPTY, true, 0);
}

static void
near_run (Near *self)
{
  bool was_silent = false;
  bool was_empty;
  bool is_there = mk_link_parse (&self->link);

  self->next_ping = mk_link_now_us () + self->lease_us / 3;
  while (is_there && !self->is_gone)
    {
      is_there = near_run_once (self);
      was_silent = mk_link_now_us () >= self->link.heard_us + self->lease_us;
      if (was_silent || mk_link_now_us () >= self->deadline)
        break;
    }

  was_empty = self->is_empty;
  near_drain_outputs (self);
  if (was_empty)
    return;
  if (!self->is_gone)
    {
      near_connection_is_lost (self, was_silent);
      return;
    }
  /* Its supervisor was killed, and what that has left, too. */
  if (self->has_spawned && !self->has_exited)
    near_tell (self, MK_MESSAGE_EXITED, -SIGKILL, 0);
  near_tell (self, MK_MESSAGE_EMPTY, true, 0);
}

/* ---- the program ---- */

static bool
near_read_arguments (Near *self, int argc, char **argv)
{
  int first = 8;
  const char *last;
  size_t length;

  if (argc < 9 || strcmp (argv[2], MK_SUPERVISOR_PROTOCOL) != 0)
    return false;
  self->host = atoi (argv[3]);
  self->lease_us = (int64_t) atoi (argv[4]) * 1000;
  self->marker = argv[5];
  self->notify_path = argv[6];
  self->n_forwards = atoi (argv[7]);
  if (self->n_forwards < 0 || self->n_forwards > MK_LINK_MAX_FORWARDS || first + self->n_forwards >= argc)
    return false;

  for (int i = 0; i < self->n_forwards; i++)
    self->forwards[i] = (Forward){ FIRST_FORWARD + i, argv[first + i], false, -1 };
  self->launcher = argv + first + self->n_forwards;

  last = argv[argc - 1];
  length = strlen (last);
  if (length >= strlen ("/mk-supervisor") &&
      strcmp (last + length - strlen ("/mk-supervisor"), "/mk-supervisor") == 0)
    self->helper = last;
  return true;
}

static void
near_set_up (Near *self)
{
  sigset_t all, wanted;

  self->control_fd = MK_CONTROL_FD;
  self->host_fd = self->signal_fd = self->errors_fd = -1;
  self->swept = MK_LEFT_UNKNOWN;
  self->deadline = NEVER;
  mk_link_init (&self->link, false, near_on_frame, self);

  setpgid (0, 0);
  mk_close_range ((unsigned) (FIRST_FORWARD + self->n_forwards), ~0U, 0);
  for (int fd = MK_CONTROL_FD; fd < FIRST_FORWARD + self->n_forwards; fd++)
    fcntl (fd, F_SETFD, FD_CLOEXEC);

  sigfillset (&all);
  sigprocmask (SIG_SETMASK, &all, NULL);
  sigemptyset (&wanted);
  sigaddset (&wanted, SIGCHLD);
  sigaddset (&wanted, SIGHUP);
  sigaddset (&wanted, SIGINT);
  sigaddset (&wanted, SIGQUIT);
  sigaddset (&wanted, SIGTERM);
  self->signal_fd = signalfd (-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK);
  self->host_fd = mk_pidfd_open (self->host);
}

/* The files of the sockets: the near end has taken their addresses. */
static void
near_remove_sockets (Near *self)
{
  for (int i = 0; i < self->n_forwards; i++)
    {
      struct sockaddr_un address = { 0 };
      socklen_t size = sizeof address - 1;

      if (self->forwards[i].fd >= 0 &&
          getsockname (self->forwards[i].fd, (struct sockaddr *) &address, &size) == 0 &&
          address.sun_family == AF_UNIX && address.sun_path[0] != '\0')
        unlink (address.sun_path);
    }
}

int
mk_near_main (int argc, char **argv)
{
  static Near self;
  bool is_connected;

  if (!near_read_arguments (&self, argc, argv))
    return EXIT_USAGE;
  near_set_up (&self);
  /* Once the pidfd is open, the pid cannot come to mean another process; before, it may have. */
  if (getppid () != self.host)
    return 0;

  if (!near_start_client (&self))
    {
      near_tell_lost (&self, MK_LAUNCHER_NOT_RUN, errno, 0, NULL);
      near_remove_sockets (&self);
      return 0;
    }

  is_connected = near_connect (&self, NEVER);
  if (is_connected)
    {
      /* HELLO comes right behind the magic word. */
      while (!self.has_hello && mk_link_parse (&self.link) && !self.has_hello)
        {
          if (!near_wait_for_more (&self, NEVER))
            break;
        }
      is_connected = self.has_hello;
      if (!is_connected && !self.was_told_to_end)
        near_tell_lost (&self, MK_LAUNCHER_FOREIGN, 0, 0, NULL);
    }

  if (is_connected && !self.was_told_to_end)
    {
      near_let_go_of_shared (&self);
      if (near_send_order (&self))
        {
          near_open_streams (&self);
          near_run (&self);
        }
    }
  else
    near_tell (&self, MK_MESSAGE_EMPTY, false, 0);
  near_remove_sockets (&self);
  mk_link_clear (&self.link);
  near_end_client (&self, self.has_looked_again ? SECOND_CLIENT_US : CLIENT_GRACE_US);
  return 0;
}
