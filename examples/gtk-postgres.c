/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A window that starts PostgreSQL and creates a table. It never blocks: it shows the progress and the log
 * lines of the server, and the start can be cancelled. When it is closed, it stops the server first.
 */

#include <glib-unix.h>
#include <gtk/gtk.h>
#include <mirakuru-glib.h>
#include <signal.h>

/* The list keeps this many lines: a server can run for days. */
#define MAX_LINES 1000

typedef struct
{
  GtkWindow *window;         /* (not owned) */
  GtkSpinner *spinner;       /* (not owned) */
  GtkLabel *label;           /* (not owned) */
  GtkStringList *lines;      /* (not owned) */
  GSimpleAction *cancel;     /* (not owned) */
  MkExecutorGroup *services; /* (not owned) */
  GCancellable *cancellable; /* (not owned) of the start */
  gboolean starting;
  gboolean closing;
} Example;

static void
show (Example *self, gboolean busy, const char *text)
{
  gtk_spinner_set_spinning (self->spinner, busy);
  gtk_label_set_text (self->label, text);
  g_print ("%s\n", text);
}

/* [close] */
static void
on_stopped (GObject *services, GAsyncResult *result, gpointer user_data)
{
  Example *self = user_data;
  g_autoptr (GError) error = NULL;

  if (!mk_executor_group_stop_finish (MK_EXECUTOR_GROUP (services), result, &error))
    g_printerr ("%s\n", error->message);
  gtk_window_destroy (self->window); /* nothing of PostgreSQL is left */
}

static gboolean
on_close_request (GtkWindow *window, gpointer user_data)
{
  Example *self = user_data;

  if (self->closing)
    return TRUE;

  self->closing = TRUE;
  show (self, TRUE, "Stopping PostgreSQL …");
  if (self->starting)
    g_cancellable_cancel (self->cancellable); /* on_started() goes on */
  else
    mk_executor_group_stop_async (self->services, NULL, on_stopped, self);
  return TRUE; /* the window stays until nothing is left */
}
/* [end] */

/* [start] */
static void
on_started (GObject *services, GAsyncResult *result, gpointer user_data)
{
  Example *self = user_data;
  g_autofree char *text = NULL;
  g_autoptr (GError) error = NULL;

  self->starting = FALSE;
  g_simple_action_set_enabled (self->cancel, FALSE);
  if (mk_executor_group_start_finish (MK_EXECUTOR_GROUP (services), result, &error))
    text = mk_executor_group_expand (
        self->services, "PostgreSQL accepts connections at {postgres.host}:{postgres.port}", &error);
  show (self, FALSE, text != NULL ? text : error->message);

  if (self->closing)
    mk_executor_group_stop_async (self->services, NULL, on_stopped, self);
}

static void
on_cancel (GSimpleAction *action, GVariant *parameter, gpointer user_data)
{
  Example *self = user_data;

  show (self, TRUE, "Cancelling …");
  g_cancellable_cancel (self->cancellable);
}

static void
on_line (MkSimpleExecutor *executor, MkStream stream, const char *line, gpointer user_data)
{
  Example *self = user_data;

  if (g_list_model_get_n_items (G_LIST_MODEL (self->lines)) == MAX_LINES)
    gtk_string_list_remove (self->lines, 0);
  gtk_string_list_append (self->lines, line);
}

static gboolean
add_services (Example *self, GError **error)
{
  const char *const table[] = {
    "Requires=postgres", "Command=psql -X -c 'create table tea (name text)'", "Completes=true", NULL
  };
  MkSimpleExecutor *postgres =
      mk_executor_group_add_template (self->services, "postgres", "postgresql", error);

  if (postgres == NULL || mk_executor_group_add_service (self->services, "table", table, error) == NULL)
    return FALSE;

  g_signal_connect (postgres, "line", G_CALLBACK (on_line), self);
  return TRUE;
}

static void
start (Example *self)
{
  g_autoptr (GError) error = NULL;

  if (!add_services (self, &error))
    {
      show (self, FALSE, error->message); /* PostgreSQL is not installed, for example */
      return;
    }

  show (self, TRUE, "Starting PostgreSQL …");
  self->starting = TRUE;
  g_simple_action_set_enabled (self->cancel, TRUE);
  mk_executor_group_start_async (self->services, self->cancellable, on_started, self);
}
/* [end] */

static void
on_row_setup (GtkSignalListItemFactory *factory, GtkListItem *item)
{
  GtkWidget *label = gtk_label_new (NULL);

  gtk_label_set_xalign (GTK_LABEL (label), 0);
  gtk_label_set_wrap (GTK_LABEL (label), TRUE);
  gtk_list_item_set_child (item, label);
}

static void
on_row_bind (GtkSignalListItemFactory *factory, GtkListItem *item)
{
  GtkStringObject *line = gtk_list_item_get_item (item);

  gtk_label_set_text (GTK_LABEL (gtk_list_item_get_child (item)), gtk_string_object_get_string (line));
}

static void
on_size_changed (GtkAdjustment *adjustment)
{
  gtk_adjustment_set_value (adjustment, gtk_adjustment_get_upper (adjustment)); /* the newest line */
}

static GtkWidget *
new_list (Example *self)
{
  GtkWidget *scrolled = gtk_scrolled_window_new ();
  GtkListItemFactory *factory = gtk_signal_list_item_factory_new ();
  GtkNoSelection *selection;

  self->lines = gtk_string_list_new (NULL);
  selection = gtk_no_selection_new (G_LIST_MODEL (self->lines));
  g_signal_connect (factory, "setup", G_CALLBACK (on_row_setup), NULL);
  g_signal_connect (factory, "bind", G_CALLBACK (on_row_bind), NULL);
  gtk_scrolled_window_set_child (GTK_SCROLLED_WINDOW (scrolled),
                                 gtk_list_view_new (GTK_SELECTION_MODEL (selection), factory));
  g_signal_connect (gtk_scrolled_window_get_vadjustment (GTK_SCROLLED_WINDOW (scrolled)),
                    "changed",
                    G_CALLBACK (on_size_changed),
                    NULL);
  gtk_widget_set_vexpand (scrolled, TRUE);
  return scrolled;
}

static GtkWidget *
new_content (Example *self)
{
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 12);
  GtkWidget *spinner = gtk_spinner_new ();
  GtkWidget *label = gtk_label_new (NULL);
  GtkWidget *bar = gtk_progress_bar_new ();

  self->spinner = GTK_SPINNER (spinner);
  self->label = GTK_LABEL (label);
  gtk_widget_set_size_request (spinner, 48, 48);
  gtk_widget_set_margin_top (spinner, 12);
  gtk_label_set_wrap (self->label, TRUE);
  /* [progress] */
  g_object_bind_property (self->services, "progress", bar, "fraction", G_BINDING_SYNC_CREATE);
  /* [end] */
  gtk_box_append (GTK_BOX (box), spinner);
  gtk_box_append (GTK_BOX (box), label);
  gtk_box_append (GTK_BOX (box), bar);
  gtk_box_append (GTK_BOX (box), new_list (self));
  return box;
}

static GtkWidget *
new_title_bar (void)
{
  GtkWidget *bar = gtk_header_bar_new ();
  GtkWidget *button = gtk_button_new_with_label ("Cancel");

  gtk_actionable_set_action_name (GTK_ACTIONABLE (button), "app.cancel");
  gtk_header_bar_pack_start (GTK_HEADER_BAR (bar), button);
  return bar;
}

static gboolean
on_terminate (gpointer user_data)
{
  Example *self = user_data;

  gtk_window_close (self->window);
  return G_SOURCE_REMOVE;
}

static void
on_activate (GtkApplication *application, gpointer user_data)
{
  Example *self = user_data;

  if (self->window == NULL)
    {
      self->window = GTK_WINDOW (gtk_application_window_new (application));
      gtk_window_set_title (self->window, "A PostgreSQL server");
      gtk_window_set_titlebar (self->window, new_title_bar ());
      gtk_window_set_default_size (self->window, 640, 400);
      gtk_window_set_child (self->window, new_content (self));
      g_signal_connect (self->window, "close-request", G_CALLBACK (on_close_request), self);
      g_unix_signal_add (SIGTERM, on_terminate, self);
      start (self);
    }
  gtk_window_present (self->window);
}

int
main (int argc, char *argv[])
{
  g_autoptr (GtkApplication) application =
      gtk_application_new ("org.example.Postgres", G_APPLICATION_DEFAULT_FLAGS);
  g_autoptr (MkExecutorGroup) services = mk_executor_group_new ();
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GSimpleAction) cancel = g_simple_action_new ("cancel", NULL);
  Example self = { .services = services, .cancellable = cancellable, .cancel = cancel };

  g_simple_action_set_enabled (cancel, FALSE);
  g_action_map_add_action (G_ACTION_MAP (application), G_ACTION (cancel));
  g_signal_connect (cancel, "activate", G_CALLBACK (on_cancel), &self);
  g_signal_connect (application, "activate", G_CALLBACK (on_activate), &self);
  return g_application_run (G_APPLICATION (application), argc, argv);
}
