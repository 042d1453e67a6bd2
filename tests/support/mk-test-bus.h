/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <mirakuru-glib.h>

#include "mk-test-util.h"

G_BEGIN_DECLS

/* The name that the functions below own and release. */
#define MK_TEST_BUS_NAME "org.example.MirakuruTest"

typedef struct
{
  MkTestFolder *folder;
  char *address;
  MkSimpleExecutor *daemon;
  GDBusConnection *owner; /* (nullable) of the test */
} MkTestBus;

void mk_test_bus_init (MkTestBus *self);
void mk_test_bus_start (MkTestBus *self);
void mk_test_bus_signal (MkTestBus *self, int number);
void mk_test_bus_stop (MkTestBus *self);
void mk_test_bus_clear (MkTestBus *self);
GVariant *mk_test_bus_call (MkTestBus *self, const char *method, GVariant *parameters);
void mk_test_bus_own (MkTestBus *self);
void mk_test_bus_release (MkTestBus *self);

/* For threads in which something happens while the test waits */
gpointer mk_test_bus_own_later (gpointer self);
gpointer mk_test_bus_release_later (gpointer self);
gpointer mk_test_bus_start_and_own_later (gpointer self);
gpointer mk_test_bus_stop_later (gpointer self);
gpointer mk_test_bus_continue_later (gpointer self);

/* Checks of a probe for the name */
void mk_test_bus_assert_says (gpointer probe, gboolean expected);
void mk_test_bus_assert_comes (gpointer probe, GThreadFunc func, MkTestBus *self);
void mk_test_bus_assert_goes (gpointer probe, GThreadFunc func, MkTestBus *self);
void mk_test_bus_assert_times_out (gpointer probe, guint timeout_ms, const char *seen);

G_END_DECLS
