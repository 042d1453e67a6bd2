/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "mk-probe.h"
#include "process/mk-process-private.h"

G_BEGIN_DECLS

#define MK_TYPE_OUTPUT_PROBE (mk_output_probe_get_type ())

G_DECLARE_FINAL_TYPE (MkOutputProbe, mk_output_probe, MK, OUTPUT_PROBE, MkProbe)

/* What to look for; the executor has it as properties. */
typedef struct
{
  char *banner;          /* (owned) (nullable) */
  char *failure_pattern; /* (owned) (nullable) */
  MkStreamFlags stream;
  guint occurrences;
} MkOutputGoal;

/* Returns: (transfer full) (nullable): the process that a start of @executor is about to spawn */
typedef MkProcess *(*MkOutputDupProcessFunc) (MkSimpleExecutor *executor);

MkOutputProbe *mk_output_probe_new (MkSimpleExecutor *executor, MkOutputDupProcessFunc dup_process);
MkOutputGoal *mk_output_probe_get_goal (MkOutputProbe *self);
char *mk_output_probe_dup_match (MkOutputProbe *self, const char *name_or_number);

G_END_DECLS
