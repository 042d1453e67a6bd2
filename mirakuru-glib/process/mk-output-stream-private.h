/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "mk-capture-private.h"

G_BEGIN_DECLS

#define MK_TYPE_OUTPUT_STREAM (mk_output_stream_get_type ())

G_DECLARE_FINAL_TYPE (MkOutputStream, mk_output_stream, MK, OUTPUT_STREAM, GInputStream)

GInputStream *mk_output_stream_new (MkCapture *capture);

G_END_DECLS
