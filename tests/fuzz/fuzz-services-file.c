/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Services files. From one that can be loaded comes all that can be had before a start.
 */

#include "mk-fuzz.h"

#include "mk-executor-group.h"

static void
look_at (MkExecutorGroup *group)
{
  g_autofree char *dot = mk_executor_group_to_dot (group);
  g_autofree char *report = mk_executor_group_dup_report (group);

  g_assert_true (g_utf8_validate (dot, -1, NULL));
  g_assert_true (g_utf8_validate (report, -1, NULL));
  g_assert_cmpuint (g_list_model_get_n_items (G_LIST_MODEL (group)), >, 0);
  for (guint i = 0; i < g_list_model_get_n_items (G_LIST_MODEL (group)); i++)
    {
      g_autoptr (MkSimpleExecutor) executor = g_list_model_get_item (G_LIST_MODEL (group), i);
      g_autofree char *description = mk_simple_executor_describe (executor);

      g_assert_true (g_utf8_validate (description, -1, NULL));
      g_assert_true (mk_executor_group_lookup (group, mk_executor_group_get_name (group, executor)) ==
                     executor);
    }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  int fd = mk_fuzz_open_bytes (data, size);
  g_autofree char *path = g_strdup_printf ("/proc/self/fd/%d", fd);
  g_autoptr (GFile) file = g_file_new_for_path (path);
  g_autoptr (GError) error = NULL;
  g_autoptr (MkExecutorGroup) group = mk_executor_group_new_from_file (file, &error);

  if (group != NULL)
    look_at (group);
  else
    mk_fuzz_assert_error (error);
  close (fd);
  return 0;
}
