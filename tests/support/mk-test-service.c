/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The service that the tests start: one program that behaves as badly as it is told to.
 *
 * Its life, each step only if an option asks for it: it becomes a daemon; says what --print and its
 * like want said; leaves children and orphans behind; waits (--after); listens; says --ready; floods;
 * stops itself; and then serves until it is told to end, or ends itself.
 *
 * Every process of it, forked or executed anew, keeps "--tag TOKEN" among its arguments, so that a test
 * finds what is left by an exact match in /proc/PID/cmdline. No process of it outlives --lifetime, so
 * that a failing test does not leave a machine forking for ever.
 *
 * Plain C: it must start quickly, and must not depend on what it tests.
 */

#define _GNU_SOURCE
#include "mk-test-service-backlog.h"
#include "mk-test-service-http.h"
#include "mk-test-service-options.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t terminated;
static long long born_us, listens_us;

static void
die (const char *what)
{
  fprintf (stderr, "mk-test-service: %s: %s\n", what, strerror (errno));
  _exit (99);
}

static long long
now_us (void)
{
  struct timespec now;

  clock_gettime (CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

static void
say (int fd, const char *text, size_t length)
{
  while (length > 0)
    {
      ssize_t n = write (fd, text, length);

      if (n < 0 && errno != EINTR)
        return;
      if (n > 0)
        {
          text += n;
          length -= n;
        }
    }
}

static void
stamp_at (const char *what, long long us)
{
  static int fd = -1;
  char line[64];
  int length;

  if (opt.stamp == NULL)
    return;
  /* Once, as it takes longer than what is measured. */
  if (fd < 0)
    fd = open (opt.stamp, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
  if (fd < 0)
    die (opt.stamp);
  length = snprintf (line, sizeof line, "%s %lld\n", what, us);
  say (fd, line, length);
}

void
stamp (const char *what)
{
  stamp_at (what, now_us ());
}

/* The end */

static void __attribute__ ((noreturn)) end (int status)
{
  sigset_t none;

  stamp ("exit");
  if (status < 0)
    {
      sigemptyset (&none);
      signal (-status, SIG_DFL);
      sigprocmask (SIG_SETMASK, &none, NULL);
      raise (-status);
    }
  _exit (status);
}

static void
on_sigterm (int signal_number)
{
  terminated++;
}

/* SIGTERM stays blocked but for the calls to ppoll(), so that none is missed between two of them. */
static void
set_up_signals (void)
{
  sigset_t set;

  if (opt.deaf)
    {
      signal (SIGTERM, SIG_IGN);
      signal (SIGINT, SIG_IGN);
      signal (SIGHUP, SIG_IGN);
    }
  else if (opt.stamp != NULL || opt.on_term != NEVER || opt.term_delay > 0)
    {
      struct sigaction action = { .sa_handler = on_sigterm };

      sigaction (SIGTERM, &action, NULL);
      sigemptyset (&set);
      sigaddset (&set, SIGTERM);
      sigprocmask (SIG_BLOCK, &set, NULL);
    }
}

/* Stamps each SIGTERM, those that come while it is about to end as well. */
static void
end_on_sigterm (void)
{
  long long until_us = now_us () + opt.term_delay * 1000LL;
  int n_stamped = 0;
  sigset_t none;

  if (!terminated)
    return;
  sigemptyset (&none);
  for (;;)
    {
      long long left_us = until_us - now_us ();
      struct timespec left = { left_us / 1000000, left_us % 1000000 * 1000 };

      for (; n_stamped < terminated; n_stamped++)
        stamp ("term");
      if (left_us <= 0)
        break;
      ppoll (NULL, 0, &left, &none);
    }
  end (opt.on_term != NEVER ? opt.on_term : -SIGTERM);
}

/* Waits for @fds, until @until_us of the monotonic clock (NEVER: without end), or for SIGTERM. */
static int
await (struct pollfd *fds, int n_fds, long long until_us)
{
  struct timespec left = { 0, 0 };
  sigset_t none;
  int n;

  sigemptyset (&none);
  if (until_us != NEVER)
    {
      long long us = until_us - now_us ();

      us = us < 0 ? 0 : us;
      left.tv_sec = us / 1000000;
      left.tv_nsec = us % 1000000 * 1000;
    }
  n = ppoll (fds, n_fds, until_us == NEVER ? NULL : &left, &none);
  end_on_sigterm ();
  return n < 0 ? 0 : n;
}

static void
nap (int ms)
{
  long long until_us = now_us () + ms * 1000LL;

  while (now_us () < until_us)
    await (NULL, 0, until_us);
}

/* As with vfork(), the parent of a child that has not ended is in state D. ThreadSanitizer makes vfork() a
 * fork(). */
static void
wait_in_kernel (void)
{
  if (syscall (SYS_clone, CLONE_VFORK | SIGCHLD, 0, 0, 0, 0) == 0)
    {
      usleep (opt.held * 1000);
      _exit (0);
    }
}

static void __attribute__ ((noreturn)) linger (void)
{
  if (opt.stopped)
    raise (SIGSTOP);
  for (;;)
    await (NULL, 0, NEVER);
}

/* Processes */

/* fork() clears the alarm. */
static void
limit_lifetime (void)
{
  long long left_s = opt.lifetime - (now_us () - born_us) / 1000000;

  if (left_s <= 0)
    raise (SIGKILL);
  alarm (left_s);
}

static pid_t
fork_copy (void)
{
  pid_t pid = fork ();

  if (pid < 0)
    die ("fork");
  if (pid == 0)
    limit_lifetime ();
  return pid;
}

static void __attribute__ ((noreturn)) execute_anew (char **argv)
{
  char *arguments[MAX_WORDS * 4], *environment[] = { NULL };
  int n = 0;

  for (int i = 0; argv[i] != NULL && n < MAX_WORDS * 4 - 2; i++)
    {
      if (strcmp (argv[i], "--daemon") == 0)
        arguments[n++] = (char *) "--daemonised";
      else if (strcmp (argv[i], "--scrub-env") != 0)
        arguments[n++] = argv[i];
    }
  arguments[n] = NULL;
  execve ("/proc/self/exe", arguments, environment);
  die ("execve");
  _exit (99);
}

static void
become_daemon (char **argv)
{
  if (fork_copy () > 0)
    _exit (0);
  setsid ();
  if (fork_copy () > 0)
    _exit (0);
  if (opt.scrub_env)
    execute_anew (argv);
}

/* Returns when the child has left the session, so that who sees the service ready sees that too. */
static void
leave_child (int detach)
{
  char byte = 0;
  int sync_pipe[2];

  if (pipe2 (sync_pipe, O_CLOEXEC) < 0)
    die ("pipe2");
  if (fork_copy () == 0)
    {
      if (detach)
        setsid ();
      say (sync_pipe[1], &byte, 1);
      close (sync_pipe[0]);
      close (sync_pipe[1]);
      linger ();
    }
  close (sync_pipe[1]);
  while (read (sync_pipe[0], &byte, 1) < 0 && errno == EINTR)
    continue;
  close (sync_pipe[0]);
}

static void
leave_orphan (void)
{
  pid_t middle = fork_copy ();

  if (middle == 0)
    {
      leave_child (1);
      _exit (0);
    }
  while (waitpid (middle, NULL, 0) < 0 && errno == EINTR)
    continue;
}

static void __attribute__ ((noreturn)) fork_forever (void)
{
  for (;;)
    {
      if (fork_copy () > 0)
        _exit (0);
      if (opt.setsid_children)
        setsid ();
      if (opt.fork_pause > 0)
        nap (opt.fork_pause);
    }
}

static void __attribute__ ((noreturn)) fork_children (void)
{
  signal (SIGCHLD, SIG_IGN);
  for (;;)
    {
      if (fork_copy () == 0)
        {
          if (opt.setsid_children)
            setsid ();
          nap (5);
          _exit (0);
        }
      nap (opt.fork_pause);
    }
}

/* What it says */

static void
say_signals (void)
{
  char *line = NULL;
  size_t size = 0;
  FILE *file = fopen ("/proc/self/status", "re");

  if (file == NULL)
    die ("/proc/self/status");
  while (getline (&line, &size, file) > 0)
    if (strncmp (line, "SigIgn:", 7) == 0 || strncmp (line, "SigBlk:", 7) == 0)
      say (STDOUT_FILENO, line, strlen (line));
  free (line);
  fclose (file);
}

static void
say_line (int fd, const char *text)
{
  char *line = NULL;
  int length = asprintf (&line, "%s%s", text, opt.no_newline ? "" : "\n");

  if (length >= 0)
    say (fd, line, length);
  free (line);
}

static void
say_variable (const char *name)
{
  const char *value = getenv (name);
  char *text = NULL;
  int length = asprintf (&text, value != NULL ? "%s=%s" : "%s is not set", name, value);

  if (length >= 0)
    say_line (STDOUT_FILENO, text);
  free (text);
}

static void
say_word (const Word *word)
{
  char cwd[PATH_MAX];

  switch (word->kind)
    {
    case WORD_STDOUT:
      say_line (STDOUT_FILENO, word->text);
      break;
    case WORD_STDERR:
      say_line (STDERR_FILENO, word->text);
      break;
    case WORD_ENV:
      say_variable (word->text);
      break;
    case WORD_CWD:
      say_line (STDOUT_FILENO, getcwd (cwd, sizeof cwd) != NULL ? cwd : strerror (errno));
      break;
    case WORD_SIGNALS:
      say_signals ();
      break;
    default:
      abort ();
    }
}

/* Numbered lines: who reads the newest of them can tell that none is missing. */
static void
flood (void)
{
  char lines[4096 + 1];
  int n_lines = opt.flood / 16;

  for (int i = 0; i < n_lines;)
    {
      int length = 0;

      for (; i < n_lines && length < 4096; i++)
        length += snprintf (lines + length, 17, "%015d\n", i);
      say (STDOUT_FILENO, lines, length);
    }
  stamp ("flooded");
}

/* Serving */

static struct addrinfo *
resolve (const char *address)
{
  struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE }, *info = NULL;
  const char *colon = strrchr (address, ':');
  char *host = NULL;
  int status;

  if (colon == NULL)
    {
      fprintf (stderr, "mk-test-service: %s: HOST:PORT is wanted\n", address);
      _exit (99);
    }
  if (address[0] == '[' && colon[-1] == ']')
    host = strndup (address + 1, colon - address - 2);
  else
    host = strndup (address, colon - address);
  status = getaddrinfo (host, colon + 1, &hints, &info);
  free (host);
  if (status == 0)
    return info;
  fprintf (stderr, "mk-test-service: %s: %s\n", address, gai_strerror (status));
  _exit (99);
}

static int
bind_inet (void)
{
  struct addrinfo *info = resolve (opt.listen);
  int fd = socket (info->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), one = 1;

  setsockopt (fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (fd < 0 || bind (fd, info->ai_addr, info->ai_addrlen) < 0)
    die (opt.listen);
  freeaddrinfo (info);
  return fd;
}

static int
bind_unix (void)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  int abstract = opt.listen[0] == '@';
  socklen_t length = offsetof (struct sockaddr_un, sun_path) + strlen (opt.listen) + !abstract;
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

  strncpy (address.sun_path, opt.listen, sizeof address.sun_path - 1);
  if (abstract)
    address.sun_path[0] = '\0';
  if (fd < 0 || bind (fd, (struct sockaddr *) &address, length) < 0)
    die (opt.listen);
  return fd;
}

static int
open_listener (void)
{
  int fd = opt.listen[0] == '@' || strchr (opt.listen, '/') != NULL ? bind_unix () : bind_inet ();

  if (opt.bind_only)
    return fd;
  if (opt.full_backlog ? !listen_with_full_backlog (fd, opt.listen) : listen (fd, 128) < 0)
    die (opt.listen);
  listens_us = now_us ();
  stamp_at ("listen", listens_us);
  return fd;
}

static void
answer (int listener)
{
  int fd = accept4 (listener, NULL, NULL, SOCK_CLOEXEC);

  if (fd < 0)
    return;
  if (opt.http == NULL)
    send (fd, "ok\n", 3, MSG_NOSIGNAL | MSG_DONTWAIT);
  else
    {
      stamp ("connection");
      serve_http (fd, now_us () < listens_us + opt.busy * 1000LL);
    }
  close (fd);
}

/* FALSE at the end of the input. */
static int
echo (void)
{
  char buffer[4096];
  ssize_t n = read (STDIN_FILENO, buffer, sizeof buffer);

  if (n > 0)
    say (STDOUT_FILENO, buffer, n);
  return n > 0 || (n < 0 && errno == EINTR);
}

static void __attribute__ ((noreturn)) serve (int listener)
{
  long long until_us = opt.exit_after == NEVER ? NEVER : now_us () + opt.exit_after * 1000LL;
  struct pollfd fds[] = {
    { .fd = opt.bind_only || opt.full_backlog ? -1 : listener, .events = POLLIN },
    { .fd = opt.echo ? STDIN_FILENO : -1, .events = POLLIN },
  };

  while (until_us == NEVER || now_us () < until_us)
    {
      if (await (fds, 2, until_us) == 0)
        continue;
      if (fds[0].revents != 0)
        answer (listener);
      if (fds[1].revents != 0 && !echo ())
        {
          fds[1].fd = -1;
          if (listener < 0)
            break;
        }
    }
  end (opt.status == NEVER ? 0 : opt.status);
}

static void
write_pid_file (void)
{
  char incomplete[PATH_MAX];
  FILE *file;

  snprintf (incomplete, sizeof incomplete, "%s%s", opt.pid_file, opt.rename ? ".new" : "");
  if (!opt.rename)
    stamp ("pid-file");
  file = fopen (incomplete, "we");
  if (file == NULL || fprintf (file, "%d\n", (int) getpid ()) < 0 || fclose (file) != 0)
    die (incomplete);
  if (!opt.rename)
    return;
  stamp ("pid-file");
  if (rename (incomplete, opt.pid_file) < 0)
    die (opt.pid_file);
}

/* Options */

static void
notify (void)
{
  const char *name = getenv ("NOTIFY_SOCKET");
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  int fd = socket (AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

  if (name == NULL || *name != '@' || strlen (name) >= sizeof address.sun_path)
    {
      errno = EINVAL;
      die ("NOTIFY_SOCKET");
    }
  memcpy (address.sun_path + 1, name + 1, strlen (name) - 1);
  stamp ("ready");
  if (sendto (fd,
              opt.notify,
              strlen (opt.notify),
              0,
              (struct sockaddr *) &address,
              (socklen_t) (offsetof (struct sockaddr_un, sun_path) + strlen (name))) < 0)
    die ("NOTIFY_SOCKET");
  close (fd);
}

static int
get_ready (void)
{
  int listener = -1;

  for (int i = 0; i < opt.n_words; i++)
    say_word (&opt.words[i]);
  for (int i = 0; i < opt.children; i++)
    leave_child (opt.setsid_children);
  if (opt.orphan)
    leave_orphan ();
  nap (opt.after);
  if (opt.listen != NULL)
    listener = open_listener ();
  if (opt.pid_file != NULL)
    write_pid_file ();
  if (opt.ready != NULL)
    {
      stamp ("ready");
      say_line (STDOUT_FILENO, opt.ready);
    }
  if (opt.notify != NULL)
    notify ();
  if (opt.flood > 0)
    flood ();
  if (opt.held > 0)
    wait_in_kernel ();
  return listener;
}

int
main (int argc, char **argv)
{
  int listener;

  born_us = now_us ();
  parse_options (argc, argv);
  stamp_at ("start", born_us);
  limit_lifetime ();
  set_up_signals ();
  if (opt.daemon)
    become_daemon (argv);
  listener = get_ready ();
  if (opt.stopped)
    raise (SIGSTOP);
  if (opt.fork_forever)
    fork_forever ();
  if (opt.fork_children)
    fork_children ();
  serve (listener);
}
