/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Tries the files of the directories that it is given, without libFuzzer: fuzz-NAME DIRECTORY…
 */

#include "mk-fuzz.h"

int
main (int argc, char **argv)
{
  guint n = 0;

  for (int i = 1; i < argc; i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GDir) directory = g_dir_open (argv[i], 0, &error);
      const char *name;

      g_assert_no_error (error);
      while ((name = g_dir_read_name (directory)) != NULL)
        {
          g_autofree char *path = g_build_filename (argv[i], name, NULL);
          g_autoptr (GMappedFile) file = g_mapped_file_new (path, FALSE, &error);
          /* With an end that AddressSanitizer knows */
          g_autofree void *bytes = NULL;

          g_assert_no_error (error);
          g_print ("%s\n", path);
          bytes = g_memdup2 (g_mapped_file_get_contents (file), g_mapped_file_get_length (file));
          LLVMFuzzerTestOneInput (bytes, g_mapped_file_get_length (file));
          n++;
        }
    }

  g_assert_cmpuint (n, >, 0);
  return 0;
}
