/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <mirakuru-glib.h>

G_BEGIN_DECLS

/* What a function of the subclass does */
typedef enum
{
  CHAINS_UP,
  RETURNS_LATER,
  FAILS,
  RETURNS_FALSE,
  DROPS_ITS_TASK,
  NEVER_RETURNS,
  CLOSES_INPUT, /* a gentle way to stop a service that reads it */
} Manner;

typedef enum
{
  PREPARE,
  STARTED,
  REQUEST_STOP,
  CLEANUP,
  N_STEPS
} Step;

#define TEST_TYPE_EXECUTOR (test_executor_get_type ())
G_DECLARE_FINAL_TYPE (TestExecutor, test_executor, TEST, EXECUTOR, MkExecutor)

struct _TestExecutor
{
  MkExecutor parent_instance;

  GString *calls; /* (owned) their names, in order, repetitions left out */
  const char *last_call;
  Manner manners[N_STEPS];
  GTask *kept; /* (owned) (nullable) of the step that never returns */

  gboolean is_there_before;
  guint n_checks_before_ready;
  GError *check_error; /* (owned) (nullable) of build_command, or of after_start_check */
  gboolean waits_with_error;
  gboolean is_dead; /* says check_alive */
  char **command;   /* (owned) (nullable) in place of the property */
  gboolean has_no_command;
};

extern const char *const test_step_names[N_STEPS];

G_END_DECLS
