/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <gio/gio.h>
#include <sys/types.h>

G_BEGIN_DECLS

/* How long something may take that is expected to happen at once. */
#define MK_TEST_LIMIT_MS (10 * 1000)

/* How long after its end nothing of a service may be left. */
#define MK_TEST_GONE_MS (4 * 1000)

typedef gboolean (*MkTestFunc) (gpointer data);

gboolean mk_test_is_under_valgrind (void);
guint mk_test_free_port (void);
gboolean mk_test_port_accepts (guint port);

/* Waiting: all of them tell whether it happened within the limit. */
gboolean mk_test_poll_until (MkTestFunc func, gpointer data, guint limit_ms);
gboolean mk_test_iterate_until (GMainContext *context, MkTestFunc func, gpointer data, guint limit_ms);
gboolean mk_test_iterate_until_set (GMainContext *context, const gboolean *flag, guint limit_ms);
gboolean mk_test_await_result (GMainContext *context, GAsyncResult *const *result, guint limit_ms);
void mk_test_store_result (GObject *source, GAsyncResult *result, gpointer result_out);

/* A time limit that something else has to keep */
typedef struct
{
  gint64 end_us;
  GThread *peer; /* (owned) */
} MkTestLimit;

void mk_test_limit_begin (MkTestLimit *limit, guint timeout_ms);
gboolean mk_test_limit_end (MkTestLimit *limit);

/* What g_strerror() says of @code, in whichever case the first letter is */
const char *mk_test_strerror (int code);

/* Folders for what a test needs; MkTestFolder is an automatic one. */
typedef char MkTestFolder;
char *mk_test_new_folder (void);
void mk_test_remove_folder (char *folder);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MkTestFolder, mk_test_remove_folder)

void mk_test_write_file (const char *path, const char *text);

/* Programs of the system: a test that needs one which is not there is skipped. */
gboolean mk_test_has_program (const char *name);

/* For python3 -c: sends @message to NOTIFY_SOCKET with a socket whose close takes a minute. Goes on with "s"
 * connected. */
#define MK_TEST_LINGERING_SCRIPT(message)                                                                    \
  "import array, os, socket, struct, time\n"                                                                 \
  "listener = socket.create_server(('127.0.0.1', 0))\n"                                                      \
  "full = socket.create_connection(listener.getsockname())\n"                                                \
  "full.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 60))\n"                         \
  "full.setblocking(False)\n"                                                                                \
  "try:\n"                                                                                                   \
  "    while True: full.send(bytes(65536))\n"                                                                \
  "except BlockingIOError: pass\n"                                                                           \
  "s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\n"                                                   \
  "s.connect('\\0' + os.environ['NOTIFY_SOCKET'][1:])\n"                                                     \
  "fds = array.array('i', [full.fileno()])\n"                                                                \
  "s.sendmsg([b'" message "'], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)])\n"                             \
  "os.close(full.detach())\n"

/* What only Linux has; without the option linux_features a test that needs it is skipped. */
gboolean mk_test_has_linux_features (const char *what);
gboolean mk_test_can_follow (const char *options);
void mk_test_need_linux_features (const char *what);

/* The test service */
const char *mk_test_service_path (void);
const char *mk_test_host_path (void);
char *mk_test_new_tag (void);
char **mk_test_service_argv (const char *tag, const char *option, ...) G_GNUC_NULL_TERMINATED;
char *mk_test_service_address (guint port);
gint64 mk_test_read_stamp (const char *filename, const char *what);
guint mk_test_count_stamps (const char *filename, const char *what);

/* A program that starts a service, and ends in the way that it is told to: see mk-test-host.c */
GSubprocess *mk_test_start_host (const char *way, guint port, const char *tag, const char *options);
void mk_test_tell_host_to_end (GSubprocess *host);
/* The case again in a process of its own, whose services have the tag in MK_TEST_TAG */
char *mk_test_trap_tagged (guint limit_s);

/* Processes: arrays of pid_t, zombies left out but where it says so */
GArray *mk_test_find_tagged (const char *tag);
guint mk_test_count_tagged (const char *tag);
gboolean mk_test_wait_untagged (const char *tag, guint limit_ms);
void mk_test_kill_tagged (const char *tag);
char *mk_test_describe_tagged (const char *tag);
guint mk_test_count_marked (const char *marker);
GArray *mk_test_find_children (pid_t parent, gboolean with_zombies);
gboolean mk_test_process_lives (pid_t pid);
gboolean mk_test_wait_dead (pid_t pid, guint limit_ms);
guint mk_test_count_entries (const char *directory);
guint64 mk_test_read_proc_number (pid_t pid, const char *name, const char *key);
gboolean mk_test_wait_descriptors (guint n_max);
void mk_test_adopt_orphans (void);

G_END_DECLS
