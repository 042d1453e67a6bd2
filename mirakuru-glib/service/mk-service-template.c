/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Templates: services files with one section, in the data directories of the user and of the system. A user's
 * own one comes before one of the same name that came with the library.
 */

#include "mk-service-template-private.h"

#include <string.h>

#include "base/mk-i18n-private.h"
#include "base/mk-message-private.h"
#include "base/mk-platform-private.h"
#include "base/mk-values-private.h"
#include "mk-error.h"
#include "mk-service-setting-private.h"

#define FOLDER    "mirakuru-glib-1/templates"
#define SUFFIX    ".ini"
#define MAX_DEPTH 8

static void
template_add_directory (GPtrArray *directories, const char *data_directory)
{
  g_ptr_array_add (directories, g_build_filename (data_directory, FOLDER, NULL));
}

/* Returns: (transfer full) (element-type filename): where templates are looked for, in this order */
static GPtrArray *
template_list_directories (void)
{
  GPtrArray *directories = g_ptr_array_new_with_free_func (g_free);
  /* A setuid program must not obey it. */
  const char *own = mk_platform_get_variable ("MIRAKURU_GLIB_TEMPLATES");

  if (own != NULL && *own != '\0')
    g_ptr_array_add (directories, g_strdup (own));
  template_add_directory (directories, g_get_user_data_dir ());
  for (const char *const *directory = g_get_system_data_dirs (); *directory != NULL; directory++)
    template_add_directory (directories, *directory);
#ifdef MK_TEMPLATE_BUILD_PATH
  g_ptr_array_add (directories, g_strdup (MK_TEMPLATE_BUILD_PATH));
#endif
  g_ptr_array_add (directories, g_strdup (MK_TEMPLATE_PATH));
  return directories;
}

static int
template_compare (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

/* Returns: (transfer full): the names of all templates, sorted */
char **
mk_service_template_list (void)
{
  g_autoptr (GPtrArray) directories = template_list_directories ();
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);
  GPtrArray *names = g_ptr_array_new ();

  for (guint i = 0; i < directories->len; i++)
    {
      g_autoptr (GDir) directory = g_dir_open (g_ptr_array_index (directories, i), 0, NULL);
      const char *file;

      while (directory != NULL && (file = g_dir_read_name (directory)) != NULL)
        {
          char *name;

          if (!g_str_has_suffix (file, SUFFIX))
            continue;
          name = g_strndup (file, strlen (file) - strlen (SUFFIX));
          if (mk_values_is_name (name) && g_hash_table_add (seen, name))
            g_ptr_array_add (names, name);
          else
            g_free (name);
        }
    }

  g_ptr_array_sort (names, template_compare);
  g_ptr_array_add (names, NULL);
  return (char **) g_ptr_array_free (names, FALSE);
}

static void
template_refuse (const char *name, GError **error)
{
  g_auto (GStrv) names = mk_service_template_list ();
  g_autofree char *shown = mk_message_shown (name);
  g_autofree char *all = g_strjoinv (", ", names);
  g_autofree char *meant = mk_service_guess (name, (const char *const *) names);

  if (meant != NULL)
    g_set_error (error,
                 MK_ERROR,
                 MK_ERROR_INVALID_ARGUMENT,
                 _ ("There is no template “%s”; did you mean %s?"),
                 shown,
                 meant);
  else if (*all != '\0')
    g_set_error (error,
                 MK_ERROR,
                 MK_ERROR_INVALID_ARGUMENT,
                 /* Translators: a name; the names that there are */
                 _ ("There is no template “%s”, only: %s"),
                 shown,
                 all);
  else
    g_set_error (error, MK_ERROR, MK_ERROR_INVALID_ARGUMENT, _ ("There is no template “%s”"), shown);
}

/* @name: of a template, or the path of a file, with a slash. Returns: (transfer full) (nullable): its file */
GFile *
mk_service_template_find (const char *name, GError **error)
{
  g_autoptr (GPtrArray) directories = template_list_directories ();
  g_autofree char *file_name = g_strconcat (name, SUFFIX, NULL);

  if (strchr (name, '/') != NULL)
    return g_file_new_for_path (name);

  for (guint i = 0; i < directories->len; i++)
    {
      g_autofree char *path = g_build_filename (g_ptr_array_index (directories, i), file_name, NULL);

      if (mk_values_is_name (name) && g_file_test (path, G_FILE_TEST_IS_REGULAR))
        return g_file_new_for_path (path);
    }

  template_refuse (name, error);
  return NULL;
}

static gboolean
template_unfold (GPtrArray *settings, GPtrArray *unfolded, guint depth, GError **error)
{
  const MkServiceSetting *template = mk_service_settings_find (settings, "Template");

  if (template != NULL && depth == MAX_DEPTH)
    return mk_service_setting_fail (template, error, _ ("the template uses itself"));

  if (template != NULL)
    {
      g_autoptr (GFile) file = mk_service_template_find (template->value, error);
      g_autoptr (GPtrArray) sections = file != NULL ? mk_service_settings_load (file, error) : NULL;

      if (sections == NULL && template->origin != NULL)
        g_prefix_error (error, "%s: ", template->origin);
      if (sections == NULL)
        return FALSE;
      if (sections->len > 1)
        return mk_service_setting_fail (
            template, error, _ ("“%s” is not a template: it has several sections"), template->value);
      if (!template_unfold (
              ((MkServiceSection *) g_ptr_array_index (sections, 0))->settings, unfolded, depth + 1, error))
        return FALSE;

      /* What follows are no longer the settings of the template. */
      g_ptr_array_add (unfolded, mk_service_setting_copy (template));
    }

  for (guint i = 0; i < settings->len; i++)
    {
      const MkServiceSetting *setting = g_ptr_array_index (settings, i);

      if (!g_str_equal (setting->key, "Template"))
        g_ptr_array_add (unfolded, mk_service_setting_copy (setting));
    }
  return TRUE;
}

/* Returns: (transfer full) (nullable) (element-type MkServiceSetting): @settings behind those of the template
 * that they name */
GPtrArray *
mk_service_template_unfold (GPtrArray *settings, GError **error)
{
  g_autoptr (GPtrArray) unfolded = mk_service_settings_new ();

  return template_unfold (settings, unfolded, 0, error) ? g_steal_pointer (&unfolded) : NULL;
}
