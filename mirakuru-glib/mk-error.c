/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "mk-error.h"

GQuark
mk_error_quark (void)
{
  return g_quark_from_static_string ("mk-error-quark");
}
