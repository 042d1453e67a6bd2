/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* See intl.c. */

#pragma once

#define INTL_FORMAT(n) __attribute__ ((format_arg (n)))

char *gettext (const char *text) INTL_FORMAT (1);
char *dgettext (const char *domain, const char *text) INTL_FORMAT (2);
char *dcgettext (const char *domain, const char *text, int category) INTL_FORMAT (2);
char *ngettext (const char *singular, const char *plural, unsigned long n) INTL_FORMAT (1) INTL_FORMAT (2);
char *dngettext (const char *domain, const char *singular, const char *plural, unsigned long n)
    INTL_FORMAT (2) INTL_FORMAT (3);
char *textdomain (const char *domain);
char *bindtextdomain (const char *domain, const char *directory);
char *bind_textdomain_codeset (const char *domain, const char *codeset);
