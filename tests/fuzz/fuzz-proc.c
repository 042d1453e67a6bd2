/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What /proc shows, to the library and to the supervisor. The first line of the input says what it is. What
 * other users' processes can write there, such as their names, must not be taken for something else.
 */

#include "process/mk-proc.c"

#include "mk-fuzz.h"

#include "base/mk-remove-private.h"
#include "supervisor/mk-tree-private.h"

/* Nothing but the name comes from the process. */
static void
try_name (const char *name)
{
  g_autofree char *text = g_strdup_printf (
      "123 (%s) S 45 123 123 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 678 9 10 18446744073709551615 1", name);
  ProcStat stat;

  g_assert_true (proc_parse_stat (text, &stat));
  g_assert_cmpint (stat.state, ==, 'S');
  g_assert_cmpint (stat.parent, ==, 45);
  g_assert_cmpuint (stat.started, ==, 678);
}

static void
try_text (const char *text)
{
  ProcStat stat;

  proc_parse_stat (text, &stat);
  proc_parse_tracer (text);
}

/* As strings with their ends, which the kernel need not give the last one. */
static void
try_environment (const uint8_t *data, size_t size)
{
  g_autofree char *block = g_malloc (size + 1);
  g_autofree char *longer = NULL;

  memcpy (block, data, size);
  block[size] = '\0';
  proc_has_entry (block, size, "mirakuru_uuid=1:2");

  longer = g_malloc0 (size + 20);
  memcpy (longer, data, size);
  strcpy (longer + size + 1, "mirakuru_uuid=1:2");
  g_assert_true (proc_has_entry (longer, size + 19, "mirakuru_uuid=1:2"));
}

static void
try_table (const uint8_t *data, size_t size)
{
  int fd = mk_fuzz_open_bytes (data, size);
  g_autofree char *table = g_strdup_printf ("/proc/self/fd/%d", fd);
  g_autoptr (GInetAddress) v4 = g_inet_address_new_loopback (G_SOCKET_FAMILY_IPV4);
  g_autoptr (GInetAddress) v6 = g_inet_address_new_loopback (G_SOCKET_FAMILY_IPV6);

  proc_find_in_table (table, v4, 6379);
  proc_find_in_table (table, v6, 6379);
  close (fd);
}

/* ---- the tree ---- */

static void
note_process (pid_t pid, pid_t parent, void *data)
{
  g_assert_cmpint (pid, >, 0);
  /* Once */
  g_assert_true (g_hash_table_add (data, GINT_TO_POINTER (pid)));
}

static void
note_child (pid_t pid, pid_t parent, void *data)
{
  g_assert_cmpint (pid, >, 0);
}

static void
write_file (const char *folder, guint pid, const char *name, const char *text)
{
  g_autofree char *path = g_strdup_printf ("%s/%u/%s", folder, pid, name);
  g_autofree char *parent = g_path_get_dirname (path);

  g_assert_cmpint (g_mkdir_with_parents (parent, 0700), ==, 0);
  g_assert_true (g_file_set_contents_full (path, text, -1, G_FILE_SET_CONTENTS_NONE, 0600, NULL));
}

/* A line each: what is in the files of process 1, 2, … */
static void
try_tree (const uint8_t *data, size_t size, const char *name)
{
  g_autofree char *folder = g_dir_make_tmp ("mk-fuzz-XXXXXX", NULL);
  g_autoptr (GHashTable) found = g_hash_table_new (NULL, NULL);

  g_assert_nonnull (folder);
  for (guint pid = 1; pid < 10 && size > 0; pid++)
    {
      g_autofree char *text = mk_fuzz_take_line (&data, &size);

      write_file (folder, pid, name, text);
    }
  g_hash_table_add (found, GINT_TO_POINTER (1));
  mk_tree_walk (folder, 1, note_process, found);
  mk_remove_tree (folder);
}

static void
try_list (const uint8_t *data, size_t size)
{
  int fd = mk_fuzz_open_bytes (data, size);

  mk_tree_list_children (fd, 1, note_child, NULL);
  close (fd);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autofree char *what = mk_fuzz_take_line (&data, &size);
  g_autofree char *text = g_strndup ((const char *) data, size);

  if (g_str_equal (what, "name"))
    try_name (text);
  else if (g_str_equal (what, "text"))
    try_text (text);
  else if (g_str_equal (what, "environment"))
    try_environment (data, size);
  else if (g_str_equal (what, "table"))
    try_table (data, size);
  else if (g_str_equal (what, "children"))
    try_tree (data, size, "task/1/children");
  else if (g_str_equal (what, "stat"))
    try_tree (data, size, "stat");
  else if (g_str_equal (what, "list"))
    try_list (data, size);
  return 0;
}
