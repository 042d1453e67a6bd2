/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "mk-error.h"

/**
 * mk_error_quark:
 *
 * Gets the error domain of this library.
 *
 * Returns: the domain
 *
 * Since: 1.0
 */
GQuark
mk_error_quark (void)
{
  return g_quark_from_static_string ("mk-error-quark");
}
