/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Windows only. */

#pragma once

#include <glib.h>
#include <windows.h>

G_BEGIN_DECLS

/* What a process of this library holds that matters when the program ends. */
typedef struct
{
  HANDLE control;     /* the pipe to its supervisor */
  HANDLE supervisor;  /* (owned) its process */
  gboolean has_order; /* so that it takes messages */
} MkHostRecord;

gboolean mk_host_add (MkHostRecord *record);
void mk_host_remove (MkHostRecord *record);

G_END_DECLS
