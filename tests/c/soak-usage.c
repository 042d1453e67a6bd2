/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What must not add up: memory, descriptors, threads, processes and files of this process. */

#include "soak-usage.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef __has_feature
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define IS_SANITIZED TRUE
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IS_SANITIZED TRUE
#endif
#ifndef IS_SANITIZED
#define IS_SANITIZED FALSE
#endif

gboolean
soak_is_sanitized (void)
{
  return IS_SANITIZED;
}

/* ThreadSanitizer starts it once it has something to say, or to suppress, and keeps it. */
static gboolean
usage_is_symbolizer (pid_t pid)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/comm", (int) pid);
  g_autofree char *name = NULL;

  return g_file_get_contents (path, &name, NULL, NULL) && g_str_has_prefix (name, "llvm-symbolizer");
}

/* So that it is there when something is measured for the first time, with its descriptors */
extern void
__sanitizer_symbolize_pc (void *pc, const char *format, char *text, gsize size) __attribute__ ((weak));

void
soak_usage_prepare (void)
{
  char text[256];

  if (__sanitizer_symbolize_pc != NULL)
    __sanitizer_symbolize_pc (__builtin_return_address (0), "%f", text, sizeof text);
}

static guint
usage_count_children (void)
{
  g_autoptr (GArray) children = mk_test_find_children (getpid (), TRUE);
  guint n = 0;

  for (guint i = 0; i < children->len; i++)
    n += !usage_is_symbolizer (g_array_index (children, pid_t, i));
  return n;
}

static guint
usage_count_directories (gboolean prints)
{
  g_autoptr (GDir) dir = g_dir_open (g_get_tmp_dir (), 0, NULL);
  const char *name;
  guint n = 0;

  while ((name = g_dir_read_name (dir)) != NULL)
    if (g_str_has_prefix (name, "mirakuru-"))
      {
        n++;
        if (prints)
          g_test_message ("left: %s", name);
      }
  return n;
}

SoakUsage
soak_usage_measure (void)
{
  g_autofree char *marker = g_strdup_printf ("mirakuru_uuid=%d:", (int) getpid ());
  struct mallinfo2 info;

  malloc_trim (0);
  info = mallinfo2 ();
  return (SoakUsage){
    .fds = mk_test_count_entries ("/proc/self/fd"),
    .threads = mk_test_count_entries ("/proc/self/task"),
    .children = usage_count_children (),
    .marked = mk_test_count_marked (marker),
    .directories = usage_count_directories (FALSE),
    .heap = IS_SANITIZED ? 0 : info.uordblks + info.hblkhd,
    /* Only what is this process' own: pages of files come and go as the system likes. */
    .anonymous_kb = (guint) mk_test_read_proc_number (getpid (), "smaps_rollup", "\nAnonymous:"),
  };
}

/* What ends just after stop() has returned, such as the supervisor, may still be on its way. */
static gboolean
usage_is_at_rest (gpointer before)
{
  const SoakUsage *usage = before;
  SoakUsage now = soak_usage_measure ();

  return now.fds <= usage->fds && now.threads <= usage->threads && now.children <= usage->children &&
         now.marked <= usage->marked && now.directories <= usage->directories;
}

SoakUsage
soak_usage_measure_at_rest (const SoakUsage *before)
{
  mk_test_poll_until (usage_is_at_rest, (gpointer) before, MK_TEST_GONE_MS);
  return soak_usage_measure ();
}

void
soak_usage_print (const char *when, const SoakUsage *usage)
{
  g_test_message ("%s: heap %zu, anonymous %u KB, fds %u, threads %u, children %u, marked %u, directories %u",
                  when,
                  usage->heap,
                  usage->anonymous_kb,
                  usage->fds,
                  usage->threads,
                  usage->children,
                  usage->marked,
                  usage->directories);
}

/* For who has to find out whose child it is */
static void
usage_print_children (void)
{
  g_autoptr (GArray) children = mk_test_find_children (getpid (), TRUE);

  for (guint i = 0; i < children->len; i++)
    {
      pid_t pid = g_array_index (children, pid_t, i);
      g_autofree char *stat_path = g_strdup_printf ("/proc/%d/stat", (int) pid);
      g_autofree char *path = g_strdup_printf ("/proc/%d/cmdline", (int) pid);
      g_autofree char *stat = NULL;
      g_autofree char *command = NULL;
      gsize length = 0;

      g_file_get_contents (stat_path, &stat, NULL, NULL);
      g_file_get_contents (path, &command, &length, NULL);
      for (gsize j = 0; j + 1 < length; j++)
        if (command[j] == '\0')
          command[j] = ' ';
      g_test_message ("left: %.40s: %s", stat, command);
    }
}

void
soak_usage_assert_nothing_added (const SoakUsage *before, const SoakUsage *after)
{
  if (after->children > 0)
    usage_print_children ();
  if (after->directories > 0)
    usage_count_directories (TRUE);
  g_assert_cmpuint (after->fds, <=, before->fds);
  g_assert_cmpuint (after->threads, <=, before->threads);
  g_assert_cmpuint (after->children, ==, 0);
  g_assert_cmpuint (after->marked, ==, 0);
  g_assert_cmpuint (after->directories, ==, 0);
}
