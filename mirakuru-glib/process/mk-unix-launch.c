/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Unix only: the words for why a service was not started, or where its launcher did not lead. */

#include "mk-launch-private.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "mk-error.h"
#include "base/mk-descriptor-private.h"
#include "base/mk-i18n-private.h"
#include "base/mk-message-private.h"
#include "supervisor/mk-supervisor-protocol-private.h"

/* Looks as the supervisor did, but only to explain. */
static char *
launch_find_program (MkLaunch *self)
{
  const char *path = g_environ_getenv (self->environment, "PATH");
  g_autofree char *base = g_canonicalize_filename (self->cwd ? self->cwd : ".", NULL);
  g_auto (GStrv) directories = NULL;

  if (strchr (self->argv[0], '/') != NULL)
    return g_canonicalize_filename (self->argv[0], base);

  directories = g_strsplit (path ? path : "/usr/local/bin:/usr/bin:/bin", ":", -1);
  for (char **directory = directories; *directory != NULL; directory++)
    {
      g_autofree char *relative = g_build_filename (**directory ? *directory : ".", self->argv[0], NULL);
      g_autofree char *file = g_canonicalize_filename (relative, base);

      if (g_file_test (file, G_FILE_TEST_EXISTS))
        return g_steal_pointer (&file);
    }

  return NULL;
}

static char *
launch_read_interpreter (const char *file)
{
  char line[256] = { 0 };
  int fd = open (file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  ssize_t n = fd >= 0 ? read (fd, line, sizeof line - 1) : -1;

  if (fd >= 0)
    close (fd);
  if (n < 2 || line[0] != '#' || line[1] != '!')
    return NULL;

  line[strcspn (line, "\n")] = '\0';
  return g_strdup (line + 2 + strspn (line + 2, " \t"));
}

static char *
launch_explain_exec (MkLaunch *self, int error_number)
{
  g_autofree char *file = self->launcher == NULL ? launch_find_program (self) : NULL;
  g_autofree char *name = mk_message_filename (file ? file : self->argv[0]);
  g_autofree char *interpreter = NULL;
  g_autofree char *interpreter_name = NULL;

  if (error_number == ENOENT && self->launcher != NULL)
    return g_strdup (_ ("there is no such program where the launcher runs it"));
  if (error_number == ENOENT && (file == NULL || !g_file_test (file, G_FILE_TEST_EXISTS)))
    return g_strdup (
        strchr (self->argv[0], '/')
            ? _ ("there is no such file")
            : _ ("there is no such program in the directories of PATH; install it, or give its path"));
  if (file != NULL && g_file_test (file, G_FILE_TEST_IS_DIR))
    return g_strdup_printf (_ ("“%s” is a directory, not a program"), name);
  if (error_number == EACCES && file != NULL && g_file_test (file, G_FILE_TEST_EXISTS) &&
      !g_file_test (file, G_FILE_TEST_IS_EXECUTABLE))
    return g_strdup_printf (_ ("“%s” is not executable (chmod +x makes it so)"), name);

  interpreter = file ? launch_read_interpreter (file) : NULL;
  if (interpreter != NULL && g_str_has_suffix (interpreter, "\r"))
    return g_strdup_printf (
        _ ("the first line of “%s” ends as lines do on Windows, with a carriage return (dos2unix removes it)"),
        name);
  interpreter_name = interpreter ? mk_message_filename (g_strchomp (interpreter)) : NULL;
  if (interpreter_name != NULL)
    return g_strdup_printf (_ ("the interpreter “%s” in the first line of “%s” cannot be run: %s"),
                            interpreter_name,
                            name,
                            g_strerror (error_number));
  if (error_number == ENOEXEC)
    return g_strdup_printf (
        _ ("“%s” is not a program for this machine; a script needs a first line such as #!/bin/sh"), name);
  if (error_number == ENOENT)
    return g_strdup_printf (_ ("the dynamic loader that “%s” needs is missing; it may be for another system"),
                            name);

  return g_strdup (g_strerror (error_number));
}

/* @step: an MkSpawnStep, as reported by the supervisor */
GError *
mk_launch_spawn_error (MkLaunch *self, int step, int error_number)
{
  g_autofree char *program = mk_message_filename (self->argv[0]);
  g_autofree char *directory = mk_message_filename (self->cwd ? self->cwd : "");
  g_autofree char *reason = NULL;

  self->spawn_errno = error_number;
  switch (step)
    {
    case MK_SPAWN_STEP_CHDIR:
      return g_error_new (MK_ERROR,
                          MK_ERROR_SPAWN_FAILED,
                          _ ("Cannot run “%s” in the directory “%s”: %s"),
                          program,
                          directory,
                          g_strerror (error_number));

    case MK_SPAWN_STEP_DESCRIPTORS:
      /* Translators: the words of the system for an error */
      reason = g_strdup_printf (_ ("it cannot be given its open files (%s)"), g_strerror (error_number));
      break;

    case MK_SPAWN_STEP_FOLDER:
      /* Translators: the words of the system for an error */
      reason = g_strdup_printf (_ ("a directory cannot be made for it (%s)"), g_strerror (error_number));
      break;

    case MK_SPAWN_STEP_EXEC:
      reason = launch_explain_exec (self, error_number);
      break;

    case MK_SPAWN_STEP_SUPERVISE:
      /* Translators: the words of the system for an error */
      reason = g_strdup_printf (_ ("the system does not let mk-supervisor watch over its processes (%s)"),
                                g_strerror (error_number));
      break;

    case MK_SPAWN_STEP_FORK:
    default:
      reason = error_number == EAGAIN
                   /* Translators: follows the words of the system for an error */
                   ? g_strdup_printf (_ ("%s; the limit of processes is reached (ulimit -u)"),
                                      g_strerror (error_number))
                   : mk_descriptor_explain (error_number);
      break;
    }

  return g_error_new (MK_ERROR, MK_ERROR_SPAWN_FAILED, _ ("Cannot run “%s”: %s"), program, reason);
}

/* ---- the launcher ---- */

/* Returns: (transfer full): a colon and the last lines of what the client has said, or nothing */
static char *
launch_quote_client (const char *text)
{
  g_autofree char *clean = mk_message_clean (text);

  g_strstrip (clean);
  /* Translators: stands behind a clause; what a launcher has printed */
  return *clean != '\0' ? g_strdup_printf (_ (": %s"), clean) : g_strdup ("");
}

static char *
launch_explain_launcher (MkLaunch *self, int failure, int b, const char *text)
{
  g_autofree char *said = launch_quote_client (text);
  g_autofree char *machine = mk_message_shown (text);
  g_autofree char *status = NULL;

  switch (failure)
    {
    case MK_LAUNCHER_NOT_RUN:
      if (b == ENOENT)
        return g_strdup (
            _ ("there is no such program in the directories of PATH; install it, or give its path"));
      return g_strdup (g_strerror (b));

    case MK_LAUNCHER_SILENT:
      return g_strdup (
          _ ("it ended and printed nothing. It has to pass on its standard input (podman, docker and kubectl "
             "do so with -i)"));

    case MK_LAUNCHER_TERMINAL:
      return g_strdup (
          _ ("it opens a terminal, which changes the data that passes through: remove its option -t"));

    case MK_LAUNCHER_MACHINE:
      return g_strdup_printf (
          _ ("the machine at the other end has the architecture “%s”, but there is no mk-supervisor-%s "
             "beside mk-supervisor"),
          machine,
          machine);

    case MK_LAUNCHER_NO_FOLDER:
      return g_strdup (_ (
          "at the other end, no directory allows a program to be written and run: neither $XDG_RUNTIME_DIR "
          "nor /tmp, /var/tmp, $HOME, /dev/shm. Make mk-supervisor available there, and add its path to the "
          "launcher"));

    case MK_LAUNCHER_FOREIGN:
      /* Translators: what the launcher has said, after a colon, or nothing */
      return g_strdup_printf (_ ("the program at the other end is not mk-supervisor of this version%s"),
                              said);

    case MK_LAUNCHER_ENDED:
    default:
      status = mk_message_status (b);
      /* Translators: “exited with status 1” or “was ended by signal 9 (Killed)”; what the launcher has said,
       * after a colon, or nothing */
      return g_strdup_printf (_ ("it %s before there was a connection%s"), status, said);
    }
}

/* Returns: (transfer full): a sentence about what has become of the processes of the service */
static char *
launch_describe_left (int n_left, int n_killed)
{
  g_autofree char *lease = NULL;

  if (n_left > 0)
    return g_strdup_printf (mk_ngettext ("%d process of the service is left at the other end",
                                         "%d processes of the service are left at the other end",
                                         (gulong) n_left),
                            n_left);
  if (n_left == 0 && n_killed > 0)
    return g_strdup_printf (
        mk_ngettext ("%d process of the service was left at the other end, and was killed",
                     "%d processes of the service were left at the other end, and were killed",
                     (gulong) n_killed),
        n_killed);
  if (n_left == 0)
    return g_strdup (_ ("Nothing of the service is left at the other end"));

  lease = mk_message_duration (mk_launch_get_lease () * G_TIME_SPAN_MILLISECOND);
  /* Translators: a duration */
  return g_strdup_printf (_ ("What is left of the service at the other end stops by itself within %s"),
                          lease);
}

/*
 * @failure: an MkLauncherFailure, as reported by the near end; @b and @c belong to it
 * @text: what the launcher has said
 */
GError *
mk_launch_launcher_error (MkLaunch *self, int failure, int b, int c, const char *text)
{
  g_autofree char *program = mk_message_filename (self->argv[0]);
  g_autofree char *launcher = mk_message_command ((const char *const *) self->launcher);
  g_autofree char *said = launch_quote_client (text);
  g_autofree char *lease = mk_message_duration (mk_launch_get_lease () * G_TIME_SPAN_MILLISECOND);
  g_autofree char *reason = NULL;
  g_autofree char *left = NULL;

  self->spawn_errno = failure == MK_LAUNCHER_NOT_RUN ? b : 0;
  if (failure != MK_LAUNCHER_LOST_END && failure != MK_LAUNCHER_LOST_SILENT)
    {
      reason = launch_explain_launcher (self, failure, b, text);
      return g_error_new (MK_ERROR,
                          MK_ERROR_LAUNCHER,
                          /* Translators: a program, a command that leads elsewhere, why not */
                          _ ("Cannot run “%s” with the launcher “%s”: %s"),
                          program,
                          launcher,
                          reason);
    }

  left = launch_describe_left (b, c);
  reason = failure == MK_LAUNCHER_LOST_END
               /* Translators: stands in “The connection to … was lost: it ended” */
               ? g_strdup (_ ("it ended"))
               /* Translators: stands in “The connection to … was lost: nothing was received for 15 s” */
               : g_strdup_printf (_ ("nothing was received for %s"), lease);
  return g_error_new (
      MK_ERROR,
      MK_ERROR_LAUNCHER,
      /* Translators: a program, a command that leads elsewhere, “it ended” or “nothing was
       * received for 15 s”, what the launcher has said after a colon, or nothing; a sentence */
      _ ("The connection to “%s” through the launcher “%s” was lost: %s%s. %s"),
      program,
      launcher,
      reason,
      said,
      left);
}
