/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "mk-error.h"

G_DEFINE_QUARK (mk - error - quark, mk_error)
