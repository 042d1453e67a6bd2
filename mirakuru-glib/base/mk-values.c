/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The values of one service, and the placeholders that stand for them in its settings.
 *
 * {port} is a free port, leased when it is first mentioned, {port:admin} another one, {dir} a private
 * directory, made when it is first mentioned. Both last until the values are cleared, when nothing of the
 * service is left. What else there is has been set: {host}, and what the service itself has said.
 * {redis.port} is the value of another service, which the scope knows.
 *
 * Only a known name makes a placeholder, since settings are full of other braces: those of shells (${port} is
 * theirs), JSON, and templates. {{port}} stands for the text {port}.
 *
 * All functions may be called in any thread.
 */

#include "mk-values-private.h"

#include <string.h>
#include <unistd.h>

#include "mk-error.h"
#include "mk-i18n-private.h"
#include "mk-lock-private.h"
#include "mk-message-private.h"
#include "mk-port-private.h"
#include "mk-remove-private.h"

#define PORT_PREFIX "port:"

struct _MkValues
{
  gatomicrefcount ref_count;
  pid_t owner;         /* a child that is forked has a copy, and must not remove anything */
  char *name;          /* (owned) (nullable) */
  MkValuesScope scope; /* (nullable) */
  gpointer scope_data; /* (unowned) */
  gboolean is_client;  /* it has no values of its own */

  GMutex lock;
  GHashTable *values;    /* (owned) (locked-by lock): from names to texts */
  GPtrArray *leases;     /* (owned) (element-type MkPort) (locked-by lock) */
  gboolean port_is_used; /* (locked-by lock) whoever starts the service knows the port */
  gboolean is_elsewhere; /* the service; does not change once it has values */
};

/* Whether @key is that of a port: "port", or "port:admin" */
static gboolean
values_is_port (const char *key)
{
  return g_str_equal (key, "port") ||
         (g_str_has_prefix (key, PORT_PREFIX) && mk_values_is_name (key + strlen (PORT_PREFIX)));
}

/* @name: (nullable): of the service. @scope: (nullable): must be valid as long as anything is expanded */
MkValues *
mk_values_new (const char *name, MkValuesScope scope, gpointer scope_data)
{
  MkValues *self = g_new0 (MkValues, 1);

  g_atomic_ref_count_init (&self->ref_count);
  self->owner = getpid ();
  g_mutex_init (&self->lock);
  self->name = g_strdup (name);
  self->scope = scope;
  self->scope_data = scope_data;
  self->values = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  self->leases = g_ptr_array_new_with_free_func ((GDestroyNotify) mk_port_release);
  if (name != NULL)
    mk_values_set (self, "name", name);
  return self;
}

/* For a client of services, which has no values of its own. */
MkValues *
mk_values_new_for_client (MkValuesScope scope, gpointer scope_data)
{
  MkValues *self = mk_values_new (NULL, scope, scope_data);

  self->is_client = TRUE;
  return self;
}

MkValues *
mk_values_ref (MkValues *self)
{
  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

/* Its private directory is where a launcher leads to. To be called before it is mentioned. */
void
mk_values_set_elsewhere (MkValues *self)
{
  self->is_elsewhere = TRUE;
}

/* Nothing of the service is left: its ports may be given to others, and its directory goes. */
void
mk_values_clear (MkValues *self)
{
  MK_AUTO_LOCK (&self->lock);
  const char *directory = g_hash_table_lookup (self->values, "dir");

  if (directory != NULL && !self->is_elsewhere && self->owner == getpid ())
    mk_remove_tree (directory);
  g_hash_table_remove_all (self->values);
  g_ptr_array_set_size (self->leases, 0);
}

void
mk_values_unref (MkValues *self)
{
  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;

  mk_values_clear (self);
  g_hash_table_unref (self->values);
  g_ptr_array_unref (self->leases);
  g_mutex_clear (&self->lock);
  g_free (self->name);
  g_free (self);
}

/* @value: (nullable): %NULL changes nothing */
void
mk_values_set (MkValues *self, const char *key, const char *value)
{
  MK_AUTO_LOCK (&self->lock);

  if (value != NULL)
    g_hash_table_replace (self->values, g_strdup (key), g_strdup (value));
}

/* What has been expanded until now was what is waited for. What follows are the settings of the service. */
void
mk_values_begin_settings (MkValues *self)
{
  MK_AUTO_LOCK (&self->lock);

  self->port_is_used = FALSE;
}

/* Whether a port has been leased, and the service cannot know which one. */
gboolean
mk_values_is_port_unused (MkValues *self)
{
  MK_AUTO_LOCK (&self->lock);

  return self->leases->len > 0 && !self->port_is_used;
}

gboolean
mk_values_has (MkValues *self, const char *key)
{
  MK_AUTO_LOCK (&self->lock);

  return g_hash_table_contains (self->values, key);
}

/* Returns: (nullable) (transfer full): what is known now; nothing is leased or made for it */
char *
mk_values_dup (MkValues *self, const char *key)
{
  MK_AUTO_LOCK (&self->lock);

  self->port_is_used |= values_is_port (key);
  return g_strdup (g_hash_table_lookup (self->values, key));
}

/* ---- making values ---- */

/* Call with the lock held. */
static const char *
values_lease (MkValues *self, const char *key, GError **error)
{
  MkPort *lease = mk_port_lease (error);
  char *number;

  if (lease == NULL)
    return NULL;

  number = g_strdup_printf ("%u", mk_port_get_number (lease));
  g_ptr_array_add (self->leases, lease);
  g_hash_table_replace (self->values, g_strdup (key), number);
  return number;
}

/* Who starts the service there makes it. Call with the lock held. */
static const char *
values_choose_far_directory (MkValues *self)
{
  g_autofree char *uuid = g_uuid_string_random ();
  char *directory = g_strdup_printf (
      MK_REMOVE_FAR_PREFIX "%s%s%s", self->name ? self->name : "", self->name ? "-" : "", uuid);

  g_hash_table_replace (self->values, g_strdup ("dir"), directory);
  return directory;
}

/* Call with the lock held. */
static const char *
values_make_directory (MkValues *self, GError **error)
{
  g_autoptr (GError) local_error = NULL;
  g_autofree char *template =
      g_strdup_printf ("mirakuru-%s%sXXXXXX", self->name ? self->name : "", self->name ? "-" : "");
  char *directory = g_dir_make_tmp (template, &local_error);

  if (directory == NULL)
    {
      g_set_error (error,
                   MK_ERROR,
                   MK_ERROR_FAILED,
                   /* Translators: why */
                   _ ("Cannot make a directory for the service: %s"),
                   local_error->message);
      return NULL;
    }

  g_hash_table_replace (self->values, g_strdup ("dir"), directory);
  return directory;
}

/*
 * @value: (out) (nullable) (optional) (transfer full): %NULL only looks whether there can be one, and makes
 * none
 *
 * Returns: whether @key is the name of a value. If that cannot be had, @error is set
 */
static gboolean
values_find_own (MkValues *self, const char *key, char **value, GError **error)
{
  MK_AUTO_LOCK (&self->lock);
  const char *found = g_hash_table_lookup (self->values, key);

  if (value == NULL)
    return found != NULL || values_is_port (key) || g_str_equal (key, "dir");

  if (found == NULL && values_is_port (key))
    found = values_lease (self, key, error);
  else if (found == NULL && g_str_equal (key, "dir"))
    found = self->is_elsewhere ? values_choose_far_directory (self) : values_make_directory (self, error);
  else if (found == NULL)
    return FALSE;

  self->port_is_used |= values_is_port (key);
  *value = g_strdup (found);
  return TRUE;
}

/* As values_find_own(), of any service */
static gboolean
values_find (MkValues *self, const char *key, char **value, GError **error)
{
  const char *dot = strchr (key, '.');
  g_autofree char *service = NULL;
  g_autofree char *unwanted = NULL;

  if (dot == NULL)
    return !self->is_client && values_find_own (self, key, value, error);
  if (self->scope == NULL)
    return FALSE;

  service = g_strndup (key, (gsize) (dot - key));
  if (self->name != NULL && g_str_equal (service, self->name))
    return values_find_own (self, dot + 1, value, error);
  return self->scope (self->scope_data, service, dot + 1, value ? value : &unwanted, error);
}

/* ---- placeholders ---- */

/* A name of a service or of a value: it begins with a letter, and has letters, digits, - and _ only. */
gboolean
mk_values_is_name (const char *text)
{
  if (!g_ascii_isalpha (*text))
    return FALSE;

  while (g_ascii_isalnum (*text) || *text == '-' || *text == '_')
    text++;
  return *text == '\0';
}

/* @text: begins after a brace. Returns: (nullable) (transfer full): what stands before the next one, if that
 * may be a key */
static char *
values_scan_key (const char *text)
{
  gsize length = strspn (text, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "_-.:");

  return length > 0 && g_ascii_isalpha (*text) && text[length] == '}' ? g_strndup (text, length) : NULL;
}

/* Whether there is anything that may be one. */
gboolean
mk_values_has_placeholders (const char *text)
{
  for (const char *p = text ? strchr (text, '{') : NULL; p != NULL; p = strchr (p + 1, '{'))
    {
      g_autofree char *key = values_scan_key (p + 1);

      if (key != NULL && !(p > text && p[-1] == '$'))
        return TRUE;
    }
  return FALSE;
}

/*
 * Appends what the brace at @text stands for.
 *
 * Returns: (nullable): the end of the placeholder; %NULL with an error
 */
static const char *
values_expand_brace (MkValues *self, GString *result, const char *text, GError **error)
{
  gboolean doubled = text[1] == '{';
  g_autofree char *key = values_scan_key (text + (doubled ? 2 : 1));
  const char *end = key ? text + strlen (key) + (doubled ? 3 : 2) : NULL;
  g_autofree char *value = NULL;
  g_autoptr (GError) local_error = NULL;

  /* What is doubled is a text, and needs no value. */
  if (key == NULL || (doubled && *end != '}') ||
      !values_find (self, key, doubled ? NULL : &value, &local_error))
    {
      g_string_append_c (result, '{');
      return text + 1;
    }
  if (doubled)
    {
      g_string_append_printf (result, "{%s}", key);
      return end + 1;
    }
  if (value == NULL)
    {
      g_propagate_prefixed_error (
          error,
          g_steal_pointer (&local_error),
          /* Translators: a placeholder, as it was written; why it has no value stands behind this */
          _ ("“{%s}” has no value: "),
          key);
      return NULL;
    }

  g_string_append (result, value);
  return end;
}

/* @text: (inout) (transfer full) (nullable): changed in place */
gboolean
mk_values_expand (MkValues *self, char **text, GError **error)
{
  g_autoptr (GString) result = NULL;
  const char *p = *text;

  if (!mk_values_has_placeholders (p))
    return TRUE;

  result = g_string_new (NULL);
  while (*p != '\0')
    {
      if (*p != '{' || (p > *text && p[-1] == '$'))
        g_string_append_c (result, *p++);
      else if ((p = values_expand_brace (self, result, p, error)) == NULL)
        return FALSE;
    }

  g_free (*text);
  *text = g_string_free (g_steal_pointer (&result), FALSE);
  return TRUE;
}

/* @strings: (nullable): changed in place */
gboolean
mk_values_expand_strv (MkValues *self, char **strings, GError **error)
{
  for (char **string = strings; string != NULL && *string != NULL; string++)
    if (!mk_values_expand (self, string, error))
      return FALSE;

  return TRUE;
}

/* @port: (inout): 0 becomes the value of {port} */
gboolean
mk_values_lease_port (MkValues *self, guint *port, GError **error)
{
  g_autofree char *number = NULL;

  if (*port != 0)
    return TRUE;
  if (!values_find_own (self, "port", &number, error) || number == NULL)
    return FALSE;

  *port = (guint) g_ascii_strtoull (number, NULL, 10);
  return TRUE;
}
