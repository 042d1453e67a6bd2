/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A gettext that translates nothing, for the libraries that the tests on Windows need. */

#include "libintl.h"

char *
gettext (const char *text)
{
  return (char *) text;
}

char *
dgettext (const char *domain, const char *text)
{
  return (char *) text;
}

char *
dcgettext (const char *domain, const char *text, int category)
{
  return (char *) text;
}

char *
ngettext (const char *singular, const char *plural, unsigned long n)
{
  return (char *) (n == 1 ? singular : plural);
}

char *
dngettext (const char *domain, const char *singular, const char *plural, unsigned long n)
{
  return (char *) (n == 1 ? singular : plural);
}

char *
textdomain (const char *domain)
{
  return (char *) (domain ? domain : "messages");
}

char *
bindtextdomain (const char *domain, const char *directory)
{
  return (char *) directory;
}

char *
bind_textdomain_codeset (const char *domain, const char *codeset)
{
  return (char *) codeset;
}
