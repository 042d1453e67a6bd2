/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Output as it comes: through streams, read in every way that GIO has, and line by line through a signal.
 */

#include "mk-test-calls.h"

#include <signal.h>
#include <string.h>

static gboolean
await_result (GAsyncResult **result)
{
  return mk_test_await_result (NULL, result, MK_TEST_LIMIT_MS);
}

static gssize
read_now (GInputStream *stream, char *buffer, gsize size, GCancellable *cancellable, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;

  if (!mk_test_is_async ())
    return g_input_stream_read (stream, buffer, size, cancellable, error);

  g_input_stream_read_async (
      stream, buffer, size, G_PRIORITY_DEFAULT, cancellable, mk_test_store_result, &result);
  g_assert_true (await_result (&result));
  return g_input_stream_read_finish (stream, result, error);
}

static char *
read_to_end (GInputStream *stream)
{
  GString *text = g_string_new (NULL);
  char buffer[1000];
  gssize n;

  while ((n = read_now (stream, buffer, sizeof buffer, NULL, NULL)) > 0)
    g_string_append_len (text, buffer, n);
  g_assert_cmpint (n, ==, 0);
  return g_string_free (text, FALSE);
}

/* Streams */

static void
test_read_while_it_runs (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor = mk_test_executor_new (tag, "--echo", NULL);
  g_autoptr (GInputStream) stream = NULL;

  mk_simple_executor_set_stdin_mode (executor, MK_STDIO_MODE_PIPE);
  mk_test_assert_starts (executor);
  stream = mk_simple_executor_open_output (executor, MK_STREAM_STDOUT);
  for (guint i = 0; i < 20; i++)
    {
      g_autoptr (GOutputStream) input = mk_simple_executor_dup_stdin (executor);
      char buffer[16] = { 0 };

      g_assert_true (g_output_stream_write_all (input, "ping", 4, NULL, NULL, NULL));
      g_assert_cmpint (read_now (stream, buffer, sizeof buffer, NULL, NULL), ==, 4);
      g_assert_cmpstr (buffer, ==, "ping");
    }
  mk_test_assert_stops (executor);
}

/* First what was said before, then what comes, then the end; and that again for each who opens it */
static void
test_read_from_the_beginning_to_the_end (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor =
      mk_test_executor_new (tag, "--print", "early", "--after", "50", "--ready", "late", "--exit", "0", NULL);
  g_autoptr (GInputStream) first = NULL;
  g_autoptr (GInputStream) second = NULL;
  g_autofree char *first_text = NULL;
  g_autofree char *second_text = NULL;

  mk_test_assert_starts (executor);
  first = mk_simple_executor_open_output (executor, MK_STREAM_STDOUT);
  first_text = read_to_end (first);
  g_assert_cmpstr (first_text, ==, "early\nlate\n");
  second = mk_simple_executor_open_output (executor, MK_STREAM_STDOUT);
  second_text = read_to_end (second);
  g_assert_cmpstr (second_text, ==, "early\nlate\n");
  g_assert_cmpint (read_now (first, (char[1]){ 0 }, 1, NULL, NULL), ==, 0);
}

/* Neither the executor nor the next run is in the way of who reads. */
static void
test_read_after_the_executor (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  MkSimpleExecutor *executor = mk_test_executor_new_tcp (tag, mk_test_free_port (), "--print", "words", NULL);
  g_autoptr (GInputStream) stream = NULL;
  g_autofree char *text = NULL;

  mk_test_assert_starts (executor);
  stream = mk_simple_executor_open_output (executor, MK_STREAM_STDOUT);
  mk_test_assert_stops (executor);
  mk_test_assert_starts (executor);
  g_assert_finalize_object (executor);
  text = read_to_end (stream);
  g_assert_cmpstr (text, ==, "words\n");
}

static void
test_read_nothing (void)
{
  g_autoptr (MkSimpleExecutor) executor = mk_test_executor_new ("nothing", NULL);
  g_autoptr (GInputStream) stream = mk_simple_executor_open_output (executor, MK_STREAM_STDERR);
  g_autofree char *text = read_to_end (stream);

  g_assert_cmpstr (text, ==, "");
}

static void
test_cancel_reading (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor = mk_test_executor_new_tcp (tag, mk_test_free_port (), NULL);
  g_autoptr (GInputStream) stream = NULL;
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  char buffer[16];

  mk_test_assert_starts (executor);
  stream = mk_simple_executor_open_output (executor, MK_STREAM_STDOUT);
  mk_test_cancel_later (cancellable, 30);
  g_assert_cmpint (read_now (stream, buffer, sizeof buffer, cancellable, &error), ==, -1);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  mk_test_assert_stops (executor);
  g_assert_cmpint (read_now (stream, buffer, sizeof buffer, NULL, NULL), ==, 0);
}

typedef struct
{
  gsize n_read;
  gboolean done;
} Polled;

static gboolean
on_readable (GPollableInputStream *stream, gpointer data)
{
  Polled *polled = data;
  g_autoptr (GError) error = NULL;
  char buffer[4096];
  gssize n;

  while ((n = g_pollable_input_stream_read_nonblocking (stream, buffer, sizeof buffer, NULL, &error)) > 0)
    polled->n_read += n;
  if (n < 0)
    g_assert_error (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
  polled->done = n == 0;
  return n < 0;
}

static void
test_read_when_polled (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor = mk_test_executor_new (
      tag, "--print", "early", "--after", "30", "--flood", "160000", "--exit", "0", NULL);
  g_autoptr (GInputStream) stream = NULL;
  g_autoptr (GSource) source = NULL;
  Polled polled = { 0, FALSE };

  mk_test_assert_starts (executor);
  stream = mk_simple_executor_open_output (executor, MK_STREAM_STDOUT);
  source = g_pollable_input_stream_create_source (G_POLLABLE_INPUT_STREAM (stream), NULL);
  g_source_set_callback (source, G_SOURCE_FUNC (on_readable), &polled, NULL);
  g_source_attach (source, NULL);
  g_assert_true (mk_test_iterate_until_set (NULL, &polled.done, MK_TEST_LIMIT_MS));
  g_assert_cmpuint (polled.n_read, ==, 160000 + 6);
}

/* Who is too slow misses the oldest, but goes on with a byte that is there, up to the very last. */
static void
test_slow_reader (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor =
      mk_test_executor_new (tag, "--flood", "320000", "--exit", "0", NULL);
  g_autoptr (GInputStream) stream = NULL;
  g_autofree char *text = NULL;
  g_autoptr (GError) error = NULL;

  mk_simple_executor_set_output_limit (executor, 1600);
  /* By now it may have exited. */
  g_assert_true (mk_test_start (executor, NULL, NULL));
  stream = mk_simple_executor_open_output (executor, MK_STREAM_STDOUT);
  g_assert_true (mk_test_wait (executor, NULL, &error));
  text = read_to_end (stream);
  g_assert_cmpuint (strlen (text), ==, 1600);
  g_assert_true (g_str_has_prefix (text, "000000000019900\n"));
  g_assert_true (g_str_has_suffix (text, "000000000019999\n"));
}

/* Lines */

typedef struct
{
  GString *lines[2];
  guint n_lines;
} Heard;

static void
on_line (MkSimpleExecutor *executor, MkStream stream, const char *text, gpointer data)
{
  Heard *heard = data;

  g_assert_true (g_utf8_validate (text, -1, NULL));
  g_string_append_printf (heard->lines[stream == MK_STREAM_STDERR], "<%s>", text);
  heard->n_lines++;
}

static Heard *
heard_new (MkSimpleExecutor *executor)
{
  Heard *heard = g_new0 (Heard, 1);

  heard->lines[0] = g_string_new (NULL);
  heard->lines[1] = g_string_new (NULL);
  g_signal_connect (executor, "line", G_CALLBACK (on_line), heard);
  return heard;
}

/* What was said before is told too. */
static gboolean
has_heard_all (gpointer heard)
{
  return ((Heard *) heard)->n_lines == 101;
}

static void
heard_free (Heard *heard)
{
  g_string_free (heard->lines[0], TRUE);
  g_string_free (heard->lines[1], TRUE);
  g_free (heard);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Heard, heard_free)

static void
iterate_all (void)
{
  while (g_main_context_iteration (NULL, FALSE))
    continue;
}

/* What a shell script says, with a main loop that runs from the beginning to the end */
static Heard *
hear_script (const char *script)
{
  g_autoptr (MkSimpleExecutor) executor = mk_simple_executor_new_for_shell (script);
  Heard *heard = heard_new (executor);
  g_autoptr (GAsyncResult) started = NULL;
  g_autoptr (GAsyncResult) ended = NULL;

  mk_simple_executor_start_async (executor, NULL, mk_test_store_result, &started);
  g_assert_true (await_result (&started));
  mk_simple_executor_wait_async (executor, NULL, mk_test_store_result, &ended);
  g_assert_true (await_result (&ended));
  iterate_all ();
  return heard;
}

static void
test_lines (void)
{
  g_autoptr (Heard) heard = hear_script ("echo one; echo; echo two >&2; echo three");

  g_assert_cmpstr (heard->lines[0]->str, ==, "<one><><three>");
  g_assert_cmpstr (heard->lines[1]->str, ==, "<two>");
}

static void
test_last_line_without_an_end (void)
{
  g_autoptr (Heard) heard = hear_script ("echo one; printf two");

  g_assert_cmpstr (heard->lines[0]->str, ==, "<one><two>");
}

static void
test_line_in_pieces (void)
{
  g_autoptr (Heard) heard =
      hear_script ("printf 'a'; sleep 0.05; printf '\\303'; sleep 0.05; printf '\\244b\\n'");

  g_assert_cmpstr (heard->lines[0]->str, ==, "<aäb>");
}

static void
test_line_that_is_no_utf8 (void)
{
  g_autoptr (Heard) heard = hear_script ("printf 'a\\377b\\n\\344\\366\\374\\n'");

  g_assert_cmpstr (heard->lines[0]->str, ==, "<a\357\277\275b><\357\277\275\357\277\275\357\277\275>");
}

typedef struct
{
  GString *order; /* (owned) */
  guint depth;
} Iterating;

static void
on_line_iterate (MkSimpleExecutor *executor, MkStream stream, const char *text, gpointer user_data)
{
  Iterating *iterating = user_data;

  g_assert_cmpuint (++iterating->depth, ==, 1);
  g_string_append_printf (iterating->order, "%s ", text);
  iterate_all ();
  iterating->depth--;
}

/* As one that shows a line at once: it is not called again while it runs the context. */
static void
test_line_handler_that_iterates (void)
{
  g_autoptr (MkSimpleExecutor) executor = mk_simple_executor_new_for_shell ("seq 12; sleep 0.05; seq 13 15");
  Iterating iterating = { g_string_new (NULL), 0 };
  g_autoptr (GAsyncResult) started = NULL;
  g_autoptr (GAsyncResult) ended = NULL;

  g_signal_connect (executor, "line", G_CALLBACK (on_line_iterate), &iterating);
  mk_simple_executor_start_async (executor, NULL, mk_test_store_result, &started);
  g_assert_true (await_result (&started));
  mk_simple_executor_wait_async (executor, NULL, mk_test_store_result, &ended);
  g_assert_true (await_result (&ended));
  iterate_all ();
  g_assert_cmpstr (iterating.order->str, ==, "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 ");
  g_string_free (iterating.order, TRUE);
}

/* A zero byte ends a string, but not a line. */
static void
test_line_with_zero_bytes (void)
{
  g_autoptr (Heard) heard = hear_script ("printf 'a\\000b\\n'");

  g_assert_cmpstr (heard->lines[0]->str, ==, "<a\357\277\275b>");
}

/* No character is torn apart where a very long line is. The first byte is there to make it uneven. */
static void
test_very_long_line (void)
{
  g_autoptr (MkSimpleExecutor) executor = mk_simple_executor_new_for_shell (
      "printf x; i=0; while [ $i -lt 5000 ]; do printf 'ääääääääääääääääääää'; i=$((i+1)); done");
  g_autoptr (Heard) heard = heard_new (executor);

  mk_test_assert_starts (executor);
  g_assert_true (mk_simple_executor_wait (executor, NULL, NULL));
  iterate_all ();
  g_assert_cmpuint (heard->n_lines, >, 1);
  g_assert_null (strstr (heard->lines[0]->str, "\357\277\275"));
}

/* What was said before anybody listened is told when somebody does. */
static void
test_lines_after_a_synchronous_start (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor =
      mk_test_executor_new_tcp (tag, mk_test_free_port (), "--print", "early", NULL);
  g_autoptr (Heard) heard = heard_new (executor);

  mk_test_assert_starts (executor);
  g_assert_cmpuint (heard->n_lines, ==, 0);
  mk_test_assert_stops (executor);
  g_assert_cmpuint (heard->n_lines, ==, 0);
  iterate_all ();
  g_assert_cmpstr (heard->lines[0]->str, ==, "<early>");
}

/* Says something, and waits until that was heard. */
static void
say_and_read (MkSimpleExecutor *executor, GInputStream *stream)
{
  g_autoptr (GOutputStream) input = mk_simple_executor_dup_stdin (executor);
  char buffer[5] = { 0 };

  g_assert_true (g_output_stream_write_all (input, "ping\n", 5, NULL, NULL, NULL));
  g_assert_true (g_input_stream_read_all (stream, buffer, 5, NULL, NULL, NULL));
}

/* While nobody listens, output gives the main context nothing to do. */
static void
test_lines_cost_nothing_unheard (void)
{
  g_autofree char *tag = mk_test_new_tag ();
  g_autoptr (MkSimpleExecutor) executor = mk_test_executor_new (tag, "--echo", NULL);
  g_autoptr (GInputStream) stream = NULL;
  g_autoptr (Heard) heard = NULL;

  mk_simple_executor_set_stdin_mode (executor, MK_STDIO_MODE_PIPE);
  mk_test_assert_starts (executor);
  stream = mk_simple_executor_open_output (executor, MK_STREAM_STDOUT);
  iterate_all ();
  for (guint i = 0; i < 100; i++)
    {
      say_and_read (executor, stream);
      g_assert_false (g_main_context_iteration (NULL, FALSE));
    }

  heard = heard_new (executor);
  say_and_read (executor, stream);
  g_assert_true (mk_test_iterate_until (NULL, has_heard_all, heard, MK_TEST_LIMIT_MS));
  mk_test_assert_stops (executor);
}

static gboolean
tick (gpointer n_ticks)
{
  ++*(guint *) n_ticks;
  return G_SOURCE_CONTINUE;
}

static gboolean
has_ticked (gpointer n_ticks)
{
  return *(guint *) n_ticks >= 50;
}

/* Other things go on while a service never stops talking. */
static void
test_flood_of_lines_leaves_time (void)
{
  g_autoptr (MkSimpleExecutor) executor = mk_simple_executor_new_for_shell ("exec yes");
  g_autoptr (Heard) heard = heard_new (executor);
  guint n_ticks = 0;
  guint id = g_timeout_add (2, tick, &n_ticks);
  g_autoptr (GAsyncResult) result = NULL;

  mk_simple_executor_start_async (executor, NULL, mk_test_store_result, &result);
  g_assert_true (await_result (&result));
  g_assert_true (mk_test_iterate_until (NULL, has_ticked, &n_ticks, MK_TEST_LIMIT_MS));
  g_assert_cmpuint (heard->n_lines, >, 1000);
  g_source_remove (id);
  mk_test_assert_stops (executor);
}

/* Reads on a context that lives no longer than that. */
static gssize
read_on_own_context (GInputStream *stream, char *buffer, gsize size)
{
  g_autoptr (GMainContext) context = g_main_context_new ();
  g_autoptr (GMainContextPusher) pusher G_GNUC_UNUSED = g_main_context_pusher_new (context);
  g_autoptr (GAsyncResult) result = NULL;

  g_input_stream_read_async (stream, buffer, size, G_PRIORITY_DEFAULT, NULL, mk_test_store_result, &result);
  while (result == NULL)
    g_main_context_iteration (context, TRUE);
  return g_input_stream_read_finish (stream, result, NULL);
}

/* What tells of new output must not use a context that has ended: the end of file comes while the context of
 * the last line's reading ends */
static void
test_read_on_contexts_that_end (void)
{
  for (guint i = 0; i < 300; i++)
    {
      g_autoptr (MkSimpleExecutor) executor = mk_simple_executor_new_for_shell ("echo a; echo b; echo c");
      g_autoptr (GInputStream) stream = NULL;
      g_autofree char *buffer = g_malloc (65536);
      gssize n, n_bytes = 0;

      g_assert_true (mk_simple_executor_start (executor, NULL, NULL));
      stream = mk_simple_executor_open_output (executor, MK_STREAM_STDOUT);
      while ((n = read_on_own_context (stream, buffer, 65536)) > 0)
        n_bytes += n;
      g_assert_cmpint (n_bytes, ==, 6);
      g_assert_true (mk_simple_executor_stop (executor, NULL, NULL));
    }
}

typedef struct
{
  guint in_turn;
  guint most;
  guint n_lines;
} Turns;

static void
on_line_of_turn (MkSimpleExecutor *executor, MkStream stream, const char *text, gpointer data)
{
  Turns *turns = data;

  turns->in_turn++;
  turns->n_lines++;
}

/* Also when all of it is there already: a window that shows it must not freeze. */
static void
test_last_lines_leave_time (void)
{
  g_autoptr (MkSimpleExecutor) executor = mk_simple_executor_new_for_shell ("yes | head -c 1000000");
  Turns turns = { 0 };

  g_signal_connect (executor, "line", G_CALLBACK (on_line_of_turn), &turns);
  g_assert_true (mk_simple_executor_start (executor, NULL, NULL));
  g_assert_true (mk_simple_executor_wait (executor, NULL, NULL));
  while (g_main_context_iteration (NULL, FALSE))
    {
      turns.most = MAX (turns.most, turns.in_turn);
      turns.in_turn = 0;
    }
  g_assert_cmpuint (turns.n_lines, ==, 500000);
  g_assert_cmpuint (turns.most, <, 250000);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);

  mk_test_add ("/reading/stream/while-it-runs", test_read_while_it_runs);
  mk_test_add ("/reading/stream/from-the-beginning-to-the-end", test_read_from_the_beginning_to_the_end);
  mk_test_add ("/reading/stream/after-the-executor", test_read_after_the_executor);
  mk_test_add ("/reading/stream/nothing", test_read_nothing);
  mk_test_add ("/reading/stream/cancelled", test_cancel_reading);
  mk_test_add_once ("/reading/stream/when-polled", test_read_when_polled);
  mk_test_add ("/reading/stream/slow-reader", test_slow_reader);
  mk_test_add_once ("/reading/stream/on-contexts-that-end", test_read_on_contexts_that_end);

  mk_test_add_once ("/reading/line/each", test_lines);
  mk_test_add_once ("/reading/line/last-without-an-end", test_last_line_without_an_end);
  mk_test_add_once ("/reading/line/handler-that-iterates", test_line_handler_that_iterates);
  mk_test_add_once ("/reading/line/in-pieces", test_line_in_pieces);
  mk_test_add_once ("/reading/line/no-utf8", test_line_that_is_no_utf8);
  mk_test_add_once ("/reading/line/after-a-synchronous-start", test_lines_after_a_synchronous_start);
  mk_test_add_once ("/reading/line/cost-nothing-unheard", test_lines_cost_nothing_unheard);
  mk_test_add_once ("/reading/line/flood-leaves-time", test_flood_of_lines_leaves_time);
  mk_test_add_once ("/reading/line/last-leave-time", test_last_lines_leave_time);
  mk_test_add_once ("/reading/line/zero-bytes", test_line_with_zero_bytes);
  mk_test_add_once ("/reading/line/very-long", test_very_long_line);

  return g_test_run ();
}
