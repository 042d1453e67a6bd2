/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Without the option linux_features: see the headers. What is to be closed where another program is run is
 * marked a moment after it was opened, so a program that another thread forks meanwhile may inherit it.
 */

#include "mk-features-private.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mk-platform-private.h"

/* Returns: (nullable): a variable of the environment; a setuid program must not obey it, and gets NULL */
const char *
mk_platform_get_variable (const char *name)
{
  return getuid () == geteuid () && getgid () == getegid () ? g_getenv (name) : NULL;
}

static const struct
{
  const char *name;
  int number;
} signals[] = {
  { "ABRT", SIGABRT },   { "ALRM", SIGALRM }, { "BUS", SIGBUS },       { "CHLD", SIGCHLD },
  { "CONT", SIGCONT },   { "FPE", SIGFPE },   { "HUP", SIGHUP },       { "ILL", SIGILL },
  { "INT", SIGINT },     { "KILL", SIGKILL }, { "PIPE", SIGPIPE },     { "PROF", SIGPROF },
  { "QUIT", SIGQUIT },   { "SEGV", SIGSEGV }, { "STOP", SIGSTOP },     { "SYS", SIGSYS },
  { "TERM", SIGTERM },   { "TRAP", SIGTRAP }, { "TSTP", SIGTSTP },     { "TTIN", SIGTTIN },
  { "TTOU", SIGTTOU },   { "URG", SIGURG },   { "USR1", SIGUSR1 },     { "USR2", SIGUSR2 },
  { "WINCH", SIGWINCH }, { "XCPU", SIGXCPU }, { "VTALRM", SIGVTALRM }, { "XFSZ", SIGXFSZ },
};

/* Returns: (nullable): such as "INT" */
const char *
mk_platform_get_signal_name (int number)
{
  for (gsize i = 0; i < G_N_ELEMENTS (signals); i++)
    if (signals[i].number == number)
      return signals[i].name;

  return NULL;
}

/* ---- sockets ---- */

gboolean
mk_features_is_pipe (int fd)
{
  struct stat status;

  return fstat (fd, &status) == 0 && S_ISFIFO (status.st_mode);
}

static gboolean
features_set_flags (int fd, gboolean is_nonblocking)
{
  int flags = fcntl (fd, F_GETFL);

  return fcntl (fd, F_SETFD, FD_CLOEXEC) == 0 && flags >= 0 &&
         (!is_nonblocking || fcntl (fd, F_SETFL, flags | O_NONBLOCK) == 0);
}

/* Returns: one that does not block, and that no other program inherits, or −1 with errno */
int
mk_features_open_socket (int family, int type)
{
  int fd = socket (family, type, 0);

  if (fd >= 0)
    features_set_flags (fd, TRUE);
  return fd;
}

/* They block, and no other program inherits them. Returns: FALSE with errno */
gboolean
mk_features_open_socket_pair (int type, int fds[2])
{
  if (socketpair (AF_UNIX, type, 0, fds) < 0)
    return FALSE;

  features_set_flags (fds[0], FALSE);
  features_set_flags (fds[1], FALSE);
  return TRUE;
}

/* Returns: 0: it is not known */
int
mk_features_get_peer (int fd)
{
  return 0;
}

/* Each system has credentials of its own, if any; and services speak sd_notify() where there is systemd. */
gboolean
mk_features_ask_for_senders (GSocket *socket, GError **error)
{
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED, g_strerror (ENOTSUP));
  return FALSE;
}

/* ---- terminals ---- */

/* Returns: the host's end, which does not block, or −1 with errno */
int
mk_features_open_terminal (void)
{
  int fd = posix_openpt (O_RDWR | O_NOCTTY);

  if (fd >= 0)
    features_set_flags (fd, TRUE);
  return fd;
}

gboolean
mk_features_get_terminal_name (int fd, char *name, gsize size)
{
  const char *known = ptsname (fd);

  return known != NULL && g_strlcpy (name, known, size) < size;
}

/* ---- ports ---- */

/* Those from 49152 on by the rules, but not everywhere. */
void
mk_features_get_client_ports (guint *first, guint *last)
{
  *first = 32768;
  *last = G_MAXUINT16;
}

/*
 * A lock on one byte of a file stands for the port: it vanishes with its process, and a forked child does not
 * inherit it. Each user has a file. It stays open, for closing it anywhere in the process frees all locks.
 * Such locks do not keep a process from itself. All of this is guarded by the lock of mk-port.c.
 */
static int lock_fd = -1;
static struct stat lock_file;
static gboolean is_claimed[G_MAXUINT16 + 1];

/* Returns: FALSE with errno */
static gboolean
features_open_lock_file (void)
{
  g_autofree char *path = g_strdup_printf ("/tmp/mirakuru-glib-ports-%u", (guint) geteuid ());
  struct stat now;

  /* The program may have closed it, as daemons close all, and have another file there. */
  if (lock_fd >= 0 && fstat (lock_fd, &now) == 0 && now.st_dev == lock_file.st_dev &&
      now.st_ino == lock_file.st_ino)
    return TRUE;

  lock_fd = open (path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (lock_fd < 0 || fstat (lock_fd, &lock_file) < 0)
    return FALSE;
  if (lock_file.st_uid == geteuid () && S_ISREG (lock_file.st_mode))
    return TRUE;

  close (lock_fd);
  lock_fd = -1;
  errno = EPERM;
  return FALSE;
}

static gboolean
features_lock_byte (guint number, short type)
{
  struct flock range = { .l_type = type, .l_whence = SEEK_SET, .l_start = (off_t) number, .l_len = 1 };

  return fcntl (lock_fd, F_SETLK, &range) == 0;
}

/* Returns: what the port is released with, in a forked child too; −1 with errno, EADDRINUSE if somebody has
 * it
 */
int
mk_features_claim_port (guint number)
{
  if (!features_open_lock_file ())
    return -1;

  if (is_claimed[number] || !features_lock_byte (number, F_WRLCK))
    {
      if (is_claimed[number] || errno == EAGAIN || errno == EACCES)
        errno = EADDRINUSE;
      return -1;
    }

  is_claimed[number] = TRUE;
  return lock_fd;
}

void
mk_features_release_port (guint number, int claim)
{
  is_claimed[number] = FALSE;
  if (claim == lock_fd)
    features_lock_byte (number, F_UNLCK);
}
