/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Time limits are kept while the clock on the wall is set, ahead or back, again and again.
 */

#include "mk-test-calls.h"

#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define SHORT_MS 300

static gint wall_clock_jump_s; /* (atomic) at each look at it */

/* These two take the place of the C library's for all of this program, GLib included. */

int
clock_gettime (clockid_t id, struct timespec *now)
{
  static gint shift_s; /* (atomic) */
  int result = syscall (SYS_clock_gettime, id, now);

  if (id == CLOCK_REALTIME)
    {
      g_atomic_int_add (&shift_s, g_atomic_int_get (&wall_clock_jump_s));
      now->tv_sec += g_atomic_int_get (&shift_s);
    }
  return result;
}

int
gettimeofday (struct timeval *now, void *unused)
{
  struct timespec precise;
  int result = clock_gettime (CLOCK_REALTIME, &precise);

  now->tv_sec = precise.tv_sec;
  now->tv_usec = precise.tv_nsec / 1000;
  return result;
}

static void
test_wall_clock (gconstpointer jump_s)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor =
      mk_test_executor_new_tcp (tag, mk_test_free_port (), "--after", "100", NULL);
  g_autoptr (MkSimpleExecutor) late =
      mk_test_executor_new_tcp (tag, mk_test_free_port (), "--after", "60000", NULL);
  gint64 begin = g_get_real_time (), jumped_us;

  g_atomic_int_set (&wall_clock_jump_s, GPOINTER_TO_INT (jump_s));
  jumped_us = g_get_real_time () - begin;
  g_assert_cmpint (ABS (jumped_us), >, G_GINT64_CONSTANT (3000) * G_USEC_PER_SEC);
  mk_test_assert_starts (executor);
  mk_test_assert_stops (executor);
  mk_simple_executor_set_start_timeout (late, SHORT_MS);
  mk_test_assert_start_fails (late, MK_ERROR_TIMED_OUT, "to accept connections");
  g_atomic_int_set (&wall_clock_jump_s, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);

  mk_test_add_with_data ("/clock/ahead", test_wall_clock, GINT_TO_POINTER (3600));
  mk_test_add_with_data ("/clock/back", test_wall_clock, GINT_TO_POINTER (-3600));

  return g_test_run ();
}
