/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "mk-test-util.h"

G_BEGIN_DECLS

/* What this process holds. With a sanitizer the heap is 0: malloc is not its own then. */
typedef struct
{
  guint fds;
  guint threads;
  guint children;    /* of this process, zombies included */
  guint marked;      /* processes with the library's marker of this process in their environment */
  guint directories; /* of services, among the temporary files */
  gsize heap;        /* bytes that malloc has given out */
  guint anonymous_kb;
} SoakUsage;

void soak_usage_prepare (void);
SoakUsage soak_usage_measure (void);
SoakUsage soak_usage_measure_at_rest (const SoakUsage *before);
void soak_usage_print (const char *when, const SoakUsage *usage);
void soak_usage_assert_nothing_added (const SoakUsage *before, const SoakUsage *after);

gboolean soak_is_sanitized (void);

G_END_DECLS
