/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A home for one run: nothing of the user's settings, data and buses is seen in it, or changed. */

#include "mk-tool.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>

#include <glib/gstdio.h>

/* Below the home, which is HOME itself. */
static const struct
{
  const char *variable;
  const char *directory;
} parts[] = {
  { "XDG_CONFIG_HOME", ".config" },     { "XDG_DATA_HOME", ".local/share" }, { "XDG_CACHE_HOME", ".cache" },
  { "XDG_STATE_HOME", ".local/state" }, { "XDG_RUNTIME_DIR", ".run" },
};

static int
home_remove_entry (const char *path, const struct stat *info, int type, struct FTW *place)
{
  remove (path);
  return 0;
}

void
mk_tool_home_remove (const char *home)
{
  nftw (home, home_remove_entry, 64, FTW_DEPTH | FTW_PHYS);
}

/* Returns: (transfer full) (nullable): the path; %NULL with an error */
char *
mk_tool_home_make (GError **error)
{
  g_autofree char *home = g_dir_make_tmp ("mirakuru-home-XXXXXX", error);

  for (gsize i = 0; home != NULL && i < G_N_ELEMENTS (parts); i++)
    {
      g_autofree char *path = g_build_filename (home, parts[i].directory, NULL);

      if (g_mkdir_with_parents (path, 0700) == 0)
        continue;

      g_set_error_literal (error, G_FILE_ERROR, g_file_error_from_errno (errno), g_strerror (errno));
      mk_tool_home_remove (home);
      return NULL;
    }

  return g_steal_pointer (&home);
}

/* Returns: (transfer full): entries NAME=value */
char **
mk_tool_home_dup_environment (const char *home)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();

  g_strv_builder_add (builder, "GSETTINGS_BACKEND=memory");
  /* No transport of D-Bus has this name. Without the variables the buses of the host would be found. */
  g_strv_builder_add (builder, "DBUS_SESSION_BUS_ADDRESS=disabled:");
  g_strv_builder_add (builder, "DBUS_SYSTEM_BUS_ADDRESS=disabled:");
  for (gsize i = 0; i <= G_N_ELEMENTS (parts); i++)
    {
      gboolean is_home = i == G_N_ELEMENTS (parts);
      g_autofree char *path = g_build_filename (home, is_home ? NULL : parts[i].directory, NULL);
      g_autofree char *entry = g_strdup_printf ("%s=%s", is_home ? "HOME" : parts[i].variable, path);

      g_strv_builder_add (builder, entry);
    }

  return g_strv_builder_end (builder);
}
