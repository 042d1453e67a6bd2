/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The settings of services as texts, and the files that hold them. What the keys mean is not known here.
 *
 * A services file is written as a key file is. It is not read with GKeyFile, which does not say in which line
 * a key stands, silently takes the last one of two equal keys, and has escapes of its own, where commands and
 * regular expressions have backslashes.
 */

#include "mk-service-setting-private.h"

#include <string.h>

#include "base/mk-i18n-private.h"
#include "base/mk-message-private.h"
#include "base/mk-platform-private.h"
#include "mk-error.h"

#define LIST_SEPARATOR ';'
/* As many changes turn a word into the one that was meant. */
#define MAX_DISTANCE 2

/* ---- one setting ---- */

/* @origin: (nullable) */
MkServiceSetting *
mk_service_setting_new (const char *key, const char *value, const char *origin)
{
  MkServiceSetting *self = g_new0 (MkServiceSetting, 1);

  self->key = g_strdup (key);
  self->value = g_strdup (value);
  self->origin = g_strdup (origin);
  return self;
}

MkServiceSetting *
mk_service_setting_copy (const MkServiceSetting *self)
{
  MkServiceSetting *copy = mk_service_setting_new (self->key, self->value, self->origin);

  copy->is_list = self->is_list;
  return copy;
}

void
mk_service_setting_free (MkServiceSetting *self)
{
  g_free (self->key);
  g_free (self->value);
  g_free (self->origin);
  g_free (self);
}

/* Returns: %FALSE with an error that says which setting is wrong */
gboolean
mk_service_setting_fail (const MkServiceSetting *self, GError **error, const char *format, ...)
{
  g_autofree char *message = NULL;
  g_autofree char *valid = NULL;
  g_autofree char *key = mk_message_shown (self->key);
  va_list args;

  va_start (args, format);
  message = g_strdup_vprintf (format, args);
  va_end (args);
  /* Paths may have any bytes. */
  valid = g_utf8_make_valid (message, -1);

  g_set_error (error,
               MK_ERROR,
               MK_ERROR_INVALID_ARGUMENT,
               "%s%s%s: %s",
               self->origin ? self->origin : "",
               self->origin ? ": " : "",
               key,
               valid);
  return FALSE;
}

/* Returns: (transfer full): the values. In a file they are separated by semicolons; "\;" is one */
char **
mk_service_setting_dup_items (const MkServiceSetting *self)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_autoptr (GString) item = g_string_new (NULL);

  if (!self->is_list)
    {
      g_strv_builder_add (builder, self->value);
      return g_strv_builder_end (builder);
    }

  for (const char *c = self->value;; c++)
    {
      if (c[0] == '\\' && c[1] == LIST_SEPARATOR)
        g_string_append_c (item, *++c);
      else if (*c != '\0' && *c != LIST_SEPARATOR)
        g_string_append_c (item, *c);
      else
        {
          if (*g_strstrip (item->str) != '\0')
            g_strv_builder_add (builder, item->str);
          g_string_truncate (item, 0);
          if (*c == '\0')
            break;
        }
    }

  return g_strv_builder_end (builder);
}

gboolean
mk_service_setting_get_boolean (const MkServiceSetting *self, gboolean *value, GError **error)
{
  static const char *const words[] = { "false", "true", "no", "yes", "off", "on", "0", "1" };

  for (gsize i = 0; i < G_N_ELEMENTS (words); i++)
    if (g_ascii_strcasecmp (self->value, words[i]) == 0)
      {
        *value = i % 2;
        return TRUE;
      }

  return mk_service_setting_fail (self, error, _ ("“%s” is neither true nor false"), self->value);
}

/* Returns the milliseconds of the unit that @text is, of a second without a unit; 0 if it is not a unit. */
static guint
service_setting_get_unit (const char *text)
{
  if (*text == '\0' || g_str_equal (text, "s"))
    return 1000;
  if (g_str_equal (text, "ms"))
    return 1;

  return g_str_equal (text, "m") ? 60 * 1000 : 0;
}

/**
 * mk_parse_duration:
 * @text: a time, such as "500ms", "30s", "2m", or a number of seconds
 * @milliseconds: (out): return location for the milliseconds, rounded up
 * @error: return location for an error
 *
 * Parses a time in the format of services files and of the options of the command `mirakuru`.
 *
 * Fails with %MK_ERROR_INVALID_ARGUMENT if @text is not a time.
 *
 * Returns: whether @text is a time
 *
 * Since: 1.0
 */
gboolean
mk_parse_duration (const char *text, guint *milliseconds, GError **error)
{
  gsize length;
  g_autofree char *digits = NULL;
  gboolean is_number;
  guint unit;
  double number;

  g_return_val_if_fail (text != NULL, FALSE);
  g_return_val_if_fail (milliseconds != NULL, FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  /* Only digits and a point: strtod() would also take "inf", "0x1p3" and blanks. */
  length = strspn (text, "0123456789.");
  digits = g_strndup (text, length);
  is_number = strpbrk (digits, "0123456789") != NULL && strchr (digits, '.') == strrchr (digits, '.');
  unit = service_setting_get_unit (text + length);
  number = is_number && unit != 0 ? g_ascii_strtod (digits, NULL) * unit : -1;
  if (number < 0 || number > G_MAXUINT)
    {
      g_set_error (error,
                   MK_ERROR,
                   MK_ERROR_INVALID_ARGUMENT,
                   _ ("“%s” is not a time from 0 to %u seconds, such as 500ms, 30s or 2m (or a number of "
                      "seconds)"),
                   text,
                   G_MAXUINT / 1000);
      return FALSE;
    }

  /* 0 has a meaning of its own. */
  *milliseconds = (guint) number;
  if (*milliseconds < number && *milliseconds < G_MAXUINT)
    *milliseconds += 1;
  return TRUE;
}

gboolean
mk_service_setting_get_time (const MkServiceSetting *self, guint *milliseconds, GError **error)
{
  g_autoptr (GError) local_error = NULL;

  return mk_parse_duration (self->value, milliseconds, &local_error) ||
         mk_service_setting_fail (self, error, "%s", local_error->message);
}

/* A signal such as "INT", "SIGINT" or "2" */
gboolean
mk_service_setting_get_signal (const MkServiceSetting *self, int *number, GError **error)
{
  if (mk_platform_find_signal (self->value, number))
    return TRUE;

  return mk_service_setting_fail (self, error, _ ("“%s” is not a signal such as INT or SIGINT"), self->value);
}

/* ---- several ---- */

GPtrArray *
mk_service_settings_new (void)
{
  return g_ptr_array_new_with_free_func ((GDestroyNotify) mk_service_setting_free);
}

/* @strv: texts "Key=value" */
GPtrArray *
mk_service_settings_new_from_strv (const char *const *strv, GError **error)
{
  g_autoptr (GPtrArray) self = mk_service_settings_new ();

  for (; strv != NULL && *strv != NULL; strv++)
    {
      const char *equals = strchr (*strv, '=');
      g_autofree char *key = equals ? g_strndup (*strv, (gsize) (equals - *strv)) : NULL;
      g_autofree char *shown = mk_message_shown (*strv);

      if (key == NULL || *key == '\0')
        {
          g_set_error (error,
                       MK_ERROR,
                       MK_ERROR_INVALID_ARGUMENT,
                       _ ("“%s” is not a setting: write Key=value"),
                       shown);
          return NULL;
        }
      g_ptr_array_add (self, mk_service_setting_new (key, equals + 1, NULL));
    }

  return g_steal_pointer (&self);
}

/* Returns: (nullable): the last one with this key */
const MkServiceSetting *
mk_service_settings_find (GPtrArray *settings, const char *key)
{
  for (guint i = settings->len; i > 0; i--)
    {
      const MkServiceSetting *setting = g_ptr_array_index (settings, i - 1);

      if (g_str_equal (setting->key, key))
        return setting;
    }

  return NULL;
}

/* ---- what was meant ---- */

/* How many letters have to be changed, put in or left out. Case, - and _ do not count. */
static guint
service_count_changes (const char *a, const char *b)
{
  gsize length = strlen (b);
  g_autofree guint *row = g_new (guint, length + 1);

  for (guint j = 0; j <= length; j++)
    row[j] = j;
  for (guint i = 0; a[i] != '\0'; i++)
    {
      guint diagonal = row[0];

      row[0] = i + 1;
      for (guint j = 1; j <= length; j++)
        {
          /* NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage): j is at most strlen (b) */
          guint change = diagonal + (g_ascii_tolower (a[i]) != g_ascii_tolower (b[j - 1]));

          diagonal = row[j];
          row[j] = MIN (change, MIN (row[j], row[j - 1]) + 1);
        }
    }

  return row[length];
}

static char *
service_strip_dashes (const char *word)
{
  char *plain = g_malloc (strlen (word) + 1);
  char *end = plain;

  for (; *word != '\0'; word++)
    if (*word != '-' && *word != '_')
      *end++ = *word;
  *end = '\0';
  return plain;
}

/* Returns: (transfer full) (nullable): the one of @words that was meant with @word, if one is near */
char *
mk_service_guess (const char *word, const char *const *words)
{
  g_autofree char *plain = service_strip_dashes (word);
  const char *nearest = NULL;
  guint least = MIN (MAX_DISTANCE, (guint) strlen (plain) / 2) + 1;

  for (; *words != NULL; words++)
    {
      g_autofree char *other = service_strip_dashes (*words);
      guint changes = service_count_changes (plain, other);

      if (changes < least)
        {
          least = changes;
          nearest = *words;
        }
    }

  return g_strdup (nearest);
}

/* ---- files ---- */

static void
service_section_free (gpointer data)
{
  MkServiceSection *self = data;

  g_free (self->name);
  g_free (self->origin);
  g_ptr_array_unref (self->settings);
  g_free (self);
}

/* Says where the section stands, unless @error says so of one of its settings. */
void
mk_service_section_locate (const MkServiceSection *self, GError **error)
{
  const char *message = error != NULL && *error != NULL ? (*error)->message : NULL;
  gsize length = (gsize) (strrchr (self->origin, ':') - self->origin) + 1;

  if (message != NULL && strncmp (message, self->origin, length) != 0)
    g_prefix_error (error, "%s: [%s]: ", self->origin, self->name);
}

static void
service_file_fail (GError **error, const char *origin, const char *format, ...) G_GNUC_PRINTF (3, 4);

static void
service_file_fail (GError **error, const char *origin, const char *format, ...)
{
  g_autofree char *message = NULL;
  va_list args;

  va_start (args, format);
  message = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error (error, MK_ERROR, MK_ERROR_INVALID_ARGUMENT, "%s: %s", origin, message);
}

/* Adds @line to @sections if it is one of a key file. */
static gboolean
service_file_add_line (GPtrArray *sections, char *line, const char *origin, GError **error)
{
  MkServiceSection *section = sections->len ? g_ptr_array_index (sections, sections->len - 1) : NULL;
  char *equals = strchr (line, '=');
  const MkServiceSetting *before;
  MkServiceSetting *setting;
  gsize length;

  if (*g_strstrip (line) == '\0' || *line == '#')
    return TRUE;

  length = strlen (line);
  if (*line == '[' && line[length - 1] == ']')
    {
      line[length - 1] = '\0';
      section = g_new0 (MkServiceSection, 1);
      section->name = g_strdup (line + 1);
      section->origin = g_strdup (origin);
      section->settings = mk_service_settings_new ();
      g_ptr_array_add (sections, section);
      return TRUE;
    }

  if (equals == NULL || equals == line)
    {
      g_autofree char *shown = mk_message_shown (line);

      service_file_fail (error, origin, _ ("“%s” is neither Key=value nor a [name]"), shown);
      return FALSE;
    }
  *equals = '\0';
  g_strchomp (line);
  if (section == NULL)
    {
      service_file_fail (error, origin, _ ("“%s” does not belong to a service: begin with a [name]"), line);
      return FALSE;
    }

  before = mk_service_settings_find (section->settings, line);
  setting = mk_service_setting_new (line, g_strchug (equals + 1), origin);
  setting->is_list = TRUE;
  if (before != NULL)
    mk_service_setting_fail (setting, error, _ ("this key is already in %s"), before->origin);
  g_ptr_array_add (section->settings, setting);
  return before == NULL;
}

/* Returns: (transfer full) (element-type MkServiceSection): the sections of a services file, in their order
 */
GPtrArray *
mk_service_settings_load (GFile *file, GError **error)
{
  g_autoptr (GPtrArray) sections = g_ptr_array_new_with_free_func (service_section_free);
  g_autoptr (GHashTable) origins = g_hash_table_new (g_str_hash, g_str_equal);
  g_autofree char *path = g_file_get_parse_name (file);
  g_autofree char *name = mk_message_filename (path);
  g_autofree char *contents = NULL;
  g_auto (GStrv) lines = NULL;
  gsize length = 0;

  if (!g_file_load_contents (file, NULL, &contents, &length, NULL, error))
    {
      g_prefix_error (error, "%s: ", name);
      return NULL;
    }
  if (!g_utf8_validate_len (contents, length, NULL))
    {
      service_file_fail (error, name, _ ("this is not a services file: it is not UTF-8 text"));
      return NULL;
    }

  lines = g_strsplit (contents, "\n", -1);
  for (guint i = 0; lines[i] != NULL; i++)
    {
      g_autofree char *origin = g_strdup_printf ("%s:%u", name, i + 1);

      if (!service_file_add_line (sections, lines[i], origin, error))
        return NULL;
    }

  for (guint i = 0; i < sections->len; i++)
    {
      MkServiceSection *section = g_ptr_array_index (sections, i);
      const char *before = g_hash_table_lookup (origins, section->name);

      if (before != NULL)
        {
          service_file_fail (error, section->origin, _ ("[%s] is already in %s"), section->name, before);
          return NULL;
        }
      g_hash_table_insert (origins, section->name, section->origin);
    }
  if (sections->len == 0)
    {
      service_file_fail (error, name, _ ("there is no service: each begins with a [name]"));
      return NULL;
    }

  return g_steal_pointer (&sections);
}
