/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Finds the catalogues. The library and the command share one domain.
 *
 * A program that is not translated itself gets English from the library, because half a translation is worse
 * than none. That is GLib's convention, and g_dgettext() knows when it is so: the program has called
 * textdomain() with a domain of its own, and that has no catalogue for the language. The command never calls
 * it.
 *
 * In any thread.
 */

#include "mk-i18n-private.h"

#include <libintl.h>

#include "mk-platform-private.h"

/* A setuid program does not obey the variable: a catalogue holds formats, and may do harm. */
static const char *
i18n_find_locale_dir (void)
{
  const char *directory = mk_platform_get_variable ("MIRAKURU_GLIB_LOCALEDIR");

  return directory != NULL && *directory != '\0' ? directory : MK_LOCALEDIR;
}

static void
i18n_ensure_domain (void)
{
  static gsize is_bound; /* (atomic) */

  if (!g_once_init_enter (&is_bound))
    return;

  bindtextdomain (GETTEXT_PACKAGE, i18n_find_locale_dir ());
  bind_textdomain_codeset (GETTEXT_PACKAGE, "UTF-8");
  g_once_init_leave (&is_bound, 1);
}

/*
 * Typographic characters become plain ones where the locale cannot print them. There are only as many
 * messages as the library has, so those made here may stay.
 */
static const char *
i18n_fit_to_locale (const char *message)
{
  static const char *const plain[][2] = {
    { "“", "\"" }, { "”", "\"" }, { "„", "\"" }, { "«", "\"" }, { "»", "\"" },     { "‹", "'" },
    { "›", "'" },  { "‘", "'" },  { "’", "'" },  { "‚", "'" },  { "…", "..." },    { "–", "-" },
    { "—", "-" },  { "−", "-" },  { "→", "->" }, { "×", "x" },  { "\u00a0", " " }, { "\u202f", " " },
  };
  g_autoptr (GString) fitted = NULL;

  if (g_get_charset (NULL) || g_str_is_ascii (message))
    return message;

  fitted = g_string_new (message);
  for (guint i = 0; i < G_N_ELEMENTS (plain); i++)
    g_string_replace (fitted, plain[i][0], plain[i][1], 0);

  return g_intern_string (fitted->str);
}

/* Returns: (transfer none): @text in the language of the user; it stays for ever */
const char *
mk_gettext (const char *text)
{
  i18n_ensure_domain ();

  return i18n_fit_to_locale (g_dgettext (GETTEXT_PACKAGE, text));
}

/* Returns: (transfer none): the form of the language of the user for @n; it stays for ever */
const char *
mk_ngettext (const char *singular, const char *plural, gulong n)
{
  i18n_ensure_domain ();

  return i18n_fit_to_locale (g_dngettext (GETTEXT_PACKAGE, singular, plural, n));
}

/* Returns: (transfer none): @text in the language of the user, where it has the meaning @context; it stays
 * for ever */
const char *
mk_pgettext (const char *context, const char *text)
{
  i18n_ensure_domain ();

  return i18n_fit_to_locale (g_dpgettext2 (GETTEXT_PACKAGE, context, text));
}
