/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A window that starts PostgreSQL. Its spinner keeps turning meanwhile: the program waits for nothing. It can
 * be closed at any moment, and then goes away when nothing of the server is left.
 */

#include "postgres-executor.h"

#include <glib-unix.h>
#include <gtk/gtk.h>
#include <signal.h>

typedef struct
{
  GtkWindow *window;            /* (not owned) */
  GtkSpinner *spinner;          /* (not owned) */
  GtkLabel *label;              /* (not owned) */
  MkPostgresExecutor *postgres; /* (not owned) */
  GCancellable *cancellable;    /* (not owned) of the start */
  guint port;
  gboolean starting;
  gboolean closing;
} Example;

static void
tell (Example *self, gboolean busy, const char *text)
{
  gtk_spinner_set_spinning (self->spinner, busy);
  gtk_label_set_text (self->label, text);
  g_print ("%s\n", text);
}

static void
on_stopped (GObject *executor, GAsyncResult *result, gpointer user_data)
{
  Example *self = user_data;
  g_autoptr (GError) error = NULL;

  if (!mk_simple_executor_stop_finish (MK_SIMPLE_EXECUTOR (executor), result, &error))
    g_printerr ("%s\n", error->message);
  gtk_window_destroy (self->window);
}

static void
on_started (GObject *executor, GAsyncResult *result, gpointer user_data)
{
  Example *self = user_data;
  g_autofree char *text = g_strdup_printf ("PostgreSQL accepts connections at 127.0.0.1:%u", self->port);
  g_autoptr (GError) error = NULL;

  self->starting = FALSE;
  if (!mk_simple_executor_start_finish (MK_SIMPLE_EXECUTOR (executor), result, &error))
    tell (self, FALSE, error->message);
  else
    tell (self, FALSE, text);

  if (self->closing)
    mk_simple_executor_stop_async (MK_SIMPLE_EXECUTOR (executor), NULL, on_stopped, self);
}

static gboolean
on_close_request (GtkWindow *window, gpointer user_data)
{
  Example *self = user_data;

  if (!self->closing)
    {
      self->closing = TRUE;
      tell (self, TRUE, "Stopping PostgreSQL …");
      if (self->starting)
        g_cancellable_cancel (self->cancellable);
      else
        mk_simple_executor_stop_async (MK_SIMPLE_EXECUTOR (self->postgres), NULL, on_stopped, self);
    }
  return TRUE; /* the window stays until nothing is left */
}

static gboolean
on_terminate (gpointer user_data)
{
  Example *self = user_data;

  gtk_window_close (self->window);
  return G_SOURCE_REMOVE;
}

static void
build_window (Example *self, GtkApplication *application)
{
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 24);
  GtkWidget *spinner = gtk_spinner_new ();
  GtkWidget *label = gtk_label_new (NULL);

  gtk_widget_set_size_request (spinner, 64, 64);
  gtk_label_set_wrap (GTK_LABEL (label), TRUE);
  gtk_widget_set_valign (box, GTK_ALIGN_CENTER);
  gtk_box_append (GTK_BOX (box), spinner);
  gtk_box_append (GTK_BOX (box), label);

  self->window = GTK_WINDOW (gtk_application_window_new (application));
  self->spinner = GTK_SPINNER (spinner);
  self->label = GTK_LABEL (label);
  gtk_window_set_title (self->window, "A server of one's own");
  gtk_window_set_titlebar (self->window, gtk_header_bar_new ());
  gtk_window_set_default_size (self->window, 400, 220);
  gtk_window_set_child (self->window, box);
  g_signal_connect (self->window, "close-request", G_CALLBACK (on_close_request), self);
  gtk_window_present (self->window);
}

static void
on_activate (GtkApplication *application, gpointer user_data)
{
  Example *self = user_data;

  build_window (self, application);
  g_unix_signal_add (SIGTERM, on_terminate, self);

  tell (self, TRUE, "Starting PostgreSQL …");
  self->starting = TRUE;
  mk_simple_executor_start_async (MK_SIMPLE_EXECUTOR (self->postgres), self->cancellable, on_started, self);
}

static guint
find_free_port (void)
{
  g_autoptr (GSocketListener) listener = g_socket_listener_new ();

  return g_socket_listener_add_any_inet_port (listener, NULL, NULL);
}

int
main (int argc, char *argv[])
{
  g_autoptr (GtkApplication) application = gtk_application_new (NULL, G_APPLICATION_NON_UNIQUE);
  guint port = find_free_port ();
  g_autoptr (MkPostgresExecutor) postgres = mk_postgres_executor_new (port, "shop");
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  Example self = { .postgres = postgres, .cancellable = cancellable, .port = port };

  g_signal_connect (application, "activate", G_CALLBACK (on_activate), &self);
  return g_application_run (G_APPLICATION (application), argc, argv);
}
