/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <mirakuru-glib.h>

G_BEGIN_DECLS

/* Its start always succeeds if nothing comes in between. */
#define SOAK_SUCCEEDS (-1)

typedef enum
{
  SOAK_ENDS = 1 << 0,       /* by itself, and with a status that is not expected */
  SOAK_MAY_FAIL = 1 << 1,   /* the start may come too late for start_code */
  SOAK_OWN_CONTEXT = 1 << 2 /* for threads that have one: a group that is told of the end of a service */
} SoakKindFlags;

typedef struct _SoakKind SoakKind;

struct _SoakKind
{
  const char *name;
  guint weight;
  GObject *(*make) (const SoakKind *self, const char *folder, guint number);
  const char *text; /* options of the test service, or the name of a template */
  int start_code;   /* SOAK_SUCCEEDS, or the MkError with which the start fails */
  SoakKindFlags flags;
};

/* Returns: (transfer full) (element-type SoakKind): all that can be made on this machine */
GArray *soak_kind_list (const char *folder);

char *soak_kind_dup_file (const char *folder, guint number);

G_END_DECLS
