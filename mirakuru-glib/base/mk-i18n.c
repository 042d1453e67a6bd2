/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Finds the catalogues. The library and the command share one domain; each has this file in it.
 *
 * A program that is not translated itself gets English from the library, for half a translation is worse than
 * none. That is GLib's convention, and g_dgettext() knows when it is so: the program has called textdomain()
 * with a domain of its own, and that has no catalogue for the language. The command never calls it.
 *
 * In any thread.
 */

#include "mk-i18n-private.h"

#include <libintl.h>
#include <stdlib.h>

/* A setuid program does not obey the variable: a catalogue holds formats, and may do harm. */
static const char *
find_locale_dir (void)
{
  const char *folder = secure_getenv ("MIRAKURU_GLIB_LOCALEDIR");

  return folder != NULL && *folder != '\0' ? folder : MK_LOCALEDIR;
}

static void
ensure_domain (void)
{
  static gsize is_bound; /* (atomic) */

  if (!g_once_init_enter (&is_bound))
    return;

  bindtextdomain (GETTEXT_PACKAGE, find_locale_dir ());
  bind_textdomain_codeset (GETTEXT_PACKAGE, "UTF-8");
  g_once_init_leave (&is_bound, 1);
}

/* Returns: (transfer none): @text in the language of the user; it stays for ever */
const char *
mk_gettext (const char *text)
{
  ensure_domain ();

  return g_dgettext (GETTEXT_PACKAGE, text);
}

/* Returns: (transfer none): the form of the language of the user for @n; it stays for ever */
const char *
mk_ngettext (const char *singular, const char *plural, gulong n)
{
  ensure_domain ();

  return g_dngettext (GETTEXT_PACKAGE, singular, plural, n);
}
