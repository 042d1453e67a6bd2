/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Looks whether a file is there, with one stat() every millisecond at first. A monitor makes a wait look
 * sooner.
 */

#include "mk-file-probe-private.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mk-error.h"
#include "base/mk-descriptor-private.h"
#include "base/mk-i18n-private.h"
#include "base/mk-message-private.h"
#include "base/mk-platform-private.h"
#include "base/mk-values-private.h"
#include "mk-path-monitor-private.h"
#include "mk-probe-private.h"
#include "process/mk-proc-private.h"

/* How long an empty file is given to be written to, where something is expected in it. */
#define WRITING_US (50 * G_TIME_SPAN_MILLISECOND)
/* More than any pid needs. */
#define PID_LENGTH 32
/* What the clock of a file system and that of process start times may differ by. */
#define START_TIME_SLACK_US (100 * G_TIME_SPAN_MILLISECOND)

/**
 * MkFileProbe:
 *
 * A probe that checks whether a file exists.
 *
 * See [Which readiness can be trusted](readiness.html) for what this proves.
 *
 * A regular file counts, even if it is empty, and so does a symbolic link to a regular file. A directory, a
 * socket or a device does not count. The directory of the file need not exist yet.
 *
 * Since: 1.0
 */

struct _MkFileProbe
{
  MkProbe parent_instance;

  char *path; /* (owned) (nullable) */
  gboolean expects_content;
};

enum
{
  PROP_PATH = 1,
  N_PROPS
};

static GParamSpec *props[N_PROPS];

G_DEFINE_FINAL_TYPE (MkFileProbe, mk_file_probe, MK_TYPE_PROBE)

/* ---- one attempt ---- */

typedef struct
{
  MkPathMonitor *monitor; /* (owned) */
  GStatBuf last;          /* of the file at the last attempt; all 0 if it was not there */
} FileState;

static gpointer
mk_file_probe_begin (MkProbe *probe)
{
  FileState *state = g_new0 (FileState, 1);

  state->monitor = mk_path_monitor_new (probe);
  return state;
}

static void
mk_file_probe_end (MkProbe *probe, gpointer data)
{
  FileState *state = data;

  mk_path_monitor_free (state->monitor);
  g_free (state);
}

/* Whether it is another file than at the last attempt, or was written to since. */
static gboolean
file_state_take_change (FileState *self, const GStatBuf *status)
{
  gboolean changed = self->last.st_nlink != 0 &&
                     (status->st_ino != self->last.st_ino || status->st_dev != self->last.st_dev ||
                      status->st_size != self->last.st_size ||
                      mk_platform_get_change_time (status) != mk_platform_get_change_time (&self->last));

  self->last = *status;
  return changed;
}

static gboolean
file_probe_validate (MkFileProbe *self, GError **error)
{
  if (self->path != NULL && *self->path != '\0')
    return TRUE;

  g_set_error_literal (error,
                       MK_ERROR,
                       MK_ERROR_INVALID_ARGUMENT,
                       _ ("The name of the file is empty: give a path, for example /run/my.pid"));
  return FALSE;
}

/* Returns: (transfer full): why it is not there */
static char *
file_probe_explain (MkFileProbe *self, int number)
{
  g_autofree char *directory = g_path_get_dirname (self->path);
  g_autofree char *directory_name = mk_message_filename (directory);

  if (number == 0)
    return g_strdup (_ ("the path exists, but is not a regular file"));
  if (number == ENOENT && g_access (directory, F_OK) < 0)
    return g_strdup_printf (_ ("the directory %s does not exist"), directory_name);
  if (number == ENOENT)
    return g_strdup (_ ("there is no such file"));

  return g_strdup (g_strerror (number));
}

/* Between the two steps of making a file and writing to it. One that stays empty counts a little later. */
static gboolean
file_is_being_written (const GStatBuf *status)
{
  gint64 age = g_get_real_time () - mk_platform_get_change_time (status);

  return status->st_size == 0 && age < WRITING_US + mk_platform_get_time_grain () && age > -WRITING_US;
}

static gboolean
mk_file_probe_check_with (MkProbe *probe, gpointer data, GError **error)
{
  MkFileProbe *self = MK_FILE_PROBE (probe);
  FileState *state = data;
  gboolean changed;
  g_autofree char *detail = NULL;
  GStatBuf status = { 0 };
  int number;

  if (!file_probe_validate (self, error))
    return FALSE;

  mk_path_monitor_prepare (state->monitor, self->path);
  number = g_stat (self->path, &status) == 0 ? 0 : errno;
  if (number == ENAMETOOLONG)
    {
      g_autofree char *name = mk_message_path (self->path);

      g_set_error (error, MK_ERROR, MK_ERROR_INVALID_ARGUMENT, _ ("“%s” is too long for a path"), name);
      return FALSE;
    }

  changed = file_state_take_change (state, &status);
  if (number != 0 || !S_ISREG (status.st_mode))
    detail = file_probe_explain (self, number);
  else if (changed && mk_probe_get_stable_for (probe) > 0)
    detail = g_strdup (_ ("the file is being written"));
  else if (self->expects_content && file_is_being_written (&status))
    detail = g_strdup (_ ("the file is empty"));
  mk_probe_set_detail (probe, detail);
  return detail == NULL;
}

/* What is there before a start is not being written by the service. */
static MkProbe *
mk_file_probe_dup_before_start (MkProbe *probe, GError **error)
{
  return MK_PROBE (mk_file_probe_new (MK_FILE_PROBE (probe)->path));
}

/* ---- what is in it ---- */

/* An empty file is then given a moment to be written to before it counts. */
void
mk_file_probe_set_expects_content (MkFileProbe *self, gboolean expects_content)
{
  self->expects_content = expects_content;
}

/* Whether the process was there when the file was written; one of a later number would be another one. */
static gboolean
file_could_name (const GStatBuf *status, int pid)
{
  gint64 process_age = mk_proc_get_age (pid);
  gint64 file_age = g_get_real_time () - mk_platform_get_change_time (status);

  return process_age >= 0 && process_age + START_TIME_SLACK_US + mk_platform_get_time_grain () >= file_age;
}

/* Returns: how much of @text is content, or −1. @status: (out): of the file */
static ssize_t
file_probe_read (MkFileProbe *self, char text[PID_LENGTH + 1], GStatBuf *status)
{
  ssize_t n = -1;
  int fd = self->path ? mk_descriptor_open_for_reading (self->path) : -1;

  if (fd < 0)
    return -1;
  if (fstat (fd, status) == 0 && S_ISREG (status->st_mode))
    n = read (fd, text, PID_LENGTH);
  close (fd);

  text[MAX (n, 0)] = '\0';
  return n;
}

/* Returns: the number that the file begins with, 0 if it does not begin with that of a process */
int
mk_file_probe_read_pid (MkFileProbe *self)
{
  char text[PID_LENGTH + 1];
  GStatBuf status;
  guint64 pid = 0;

  if (file_probe_read (self, text, &status) <= 0)
    return 0;

  g_strchug (text);
  text[strcspn (text, " \t\r\n")] = '\0';
  return g_ascii_string_to_unsigned (text, 10, 1, G_MAXINT, &pid, NULL) ? (int) pid : 0;
}

/* Flag files often hold "1". Returns: the number that is all of its content, if it can name a living process
 */
static int
file_probe_find_holder (MkFileProbe *self)
{
  char text[PID_LENGTH + 1];
  GStatBuf status;
  guint64 pid = 0;
  ssize_t n = file_probe_read (self, text, &status);

  if (n <= 0 || n == PID_LENGTH || strlen (text) != (gsize) n ||
      !g_ascii_string_to_unsigned (g_strstrip (text), 10, 2, G_MAXINT, &pid, NULL))
    return 0;
  return file_could_name (&status, (int) pid) ? (int) pid : 0;
}

/* ---- words ---- */

static char *
mk_file_probe_describe (MkProbe *probe)
{
  g_autofree char *name = mk_message_path (MK_FILE_PROBE (probe)->path);

  /* Translators: a clause that stands after “waiting for”; a path */
  return g_strdup_printf (_ ("%s to exist"), name);
}

static gboolean
mk_file_probe_look_again (MkProbe *probe)
{
  GStatBuf status;

  return g_stat (MK_FILE_PROBE (probe)->path, &status) == 0 && S_ISREG (status.st_mode);
}

static char *
mk_file_probe_describe_holder (MkProbe *probe)
{
  MkFileProbe *self = MK_FILE_PROBE (probe);
  g_autofree char *name = mk_message_path (self->path);
  int pid = file_probe_find_holder (self);
  g_autofree char *process = pid > 0 ? mk_proc_describe_living (pid) : NULL;

  if (process != NULL)
    /* Translators: a path, a process */
    return g_strdup_printf (
        _ ("%s already exists: it names %s, which is running. Stop it, or use another file"), name, process);
  return g_strdup_printf (_ ("%s already exists. Remove it, or use another file"), name);
}

/* ---- the object ---- */

static void
mk_file_probe_finalize (GObject *object)
{
  MkFileProbe *self = MK_FILE_PROBE (object);

  g_free (self->path);

  G_OBJECT_CLASS (mk_file_probe_parent_class)->finalize (object);
}

static void
mk_file_probe_get_property (GObject *object, guint prop_id, GValue *value, GParamSpec *pspec)
{
  switch (prop_id)
    {
    case PROP_PATH:
      g_value_set_string (value, mk_file_probe_get_path (MK_FILE_PROBE (object)));
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
mk_file_probe_set_property (GObject *object, guint prop_id, const GValue *value, GParamSpec *pspec)
{
  switch (prop_id)
    {
    case PROP_PATH:
      mk_file_probe_set_path (MK_FILE_PROBE (object), g_value_get_string (value));
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static gboolean
mk_file_probe_wants_values (MkProbe *probe)
{
  return mk_values_has_placeholders (mk_file_probe_get_path (MK_FILE_PROBE (probe)));
}

static void
mk_file_probe_class_init (MkFileProbeClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  MkProbeClass *probe_class = MK_PROBE_CLASS (klass);
  MkProbeClassPrivate *class_private = mk_probe_class_get_private (klass);

  object_class->finalize = mk_file_probe_finalize;
  object_class->get_property = mk_file_probe_get_property;
  object_class->set_property = mk_file_probe_set_property;

  probe_class->describe = mk_file_probe_describe;
  class_private->begin = mk_file_probe_begin;
  class_private->end = mk_file_probe_end;
  class_private->wants_values = mk_file_probe_wants_values;
  class_private->dup_expanded = mk_probe_dup_with_expanded_properties;
  class_private->check_with = mk_file_probe_check_with;
  class_private->describe_holder = mk_file_probe_describe_holder;
  class_private->look_again = mk_file_probe_look_again;
  class_private->dup_before_start = mk_file_probe_dup_before_start;

  /**
   * MkFileProbe:path: (type filename)
   *
   * The path of the file. A relative path is relative to the working directory of the program.
   *
   * Default: %NULL.
   *
   * Since: 1.0
   */
  props[PROP_PATH] = g_param_spec_string (
      "path", NULL, NULL, NULL, G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);

  g_object_class_install_properties (object_class, N_PROPS, props);
}

static void
mk_file_probe_init (MkFileProbe *self)
{
}

/**
 * mk_file_probe_new:
 * @path: (type filename): the path of the file
 *
 * Creates a probe for a file.
 *
 * Returns: (transfer full): the probe
 *
 * Since: 1.0
 */
MkFileProbe *
mk_file_probe_new (const char *path)
{
  return g_object_new (MK_TYPE_FILE_PROBE, "path", path, NULL);
}

/**
 * mk_file_probe_get_path: (get-property path)
 * @self: the probe
 *
 * Gets the path.
 *
 * Returns: (type filename) (transfer none) (nullable): the path of the file
 *
 * Since: 1.0
 */
const char *
mk_file_probe_get_path (MkFileProbe *self)
{
  g_return_val_if_fail (MK_IS_FILE_PROBE (self), NULL);

  return self->path;
}

/**
 * mk_file_probe_set_path: (set-property path)
 * @self: the probe
 * @path: (type filename) (nullable): the path of the file
 *
 * Sets the path.
 *
 * Since: 1.0
 */
void
mk_file_probe_set_path (MkFileProbe *self, const char *path)
{
  g_return_if_fail (MK_IS_FILE_PROBE (self));

  if (g_strcmp0 (self->path, path) == 0)
    return;

  g_free (self->path);
  self->path = g_strdup (path);
  g_object_notify_by_pspec (G_OBJECT (self), props[PROP_PATH]);
}
