/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What `mirakuru run` leaves of a run: --report, for programs, and --timeline, a picture. Both are
 * made of what the group reports, when all is over. */

#include "mk-tool.h"

#include <math.h>
#include <string.h>

/* Of the picture, in its own units. */
#define LABEL_WIDTH 180
#define CHART_WIDTH 720
#define ROW_HEIGHT  28
#define BAR_HEIGHT  16
#define AXIS_HEIGHT 36
#define MARGIN      12
/* Up to as many marks of the time. */
#define MAX_TICKS 8

/* ---- the report ---- */

static GVariant *
report_new (MkExecutorGroup *group, const MkToolRunTimes *times)
{
  g_autoptr (GVariant) dict = mk_executor_group_dup_report_dict (group);
  g_auto (GVariantDict) report = G_VARIANT_DICT_INIT (dict);

  g_variant_dict_insert (&report, "status", "i", times->status);
  g_variant_dict_insert (&report, "begun", "x", times->begun);
  g_variant_dict_insert (&report, "duration", "d", times->ended);
  if (times->command != NULL)
    {
      g_auto (GVariantDict) command = G_VARIANT_DICT_INIT (NULL);
      g_autofree char *line = g_strjoinv (" ", times->command);
      g_autofree char *clean = mk_tool_dup_clean (line, FALSE);

      g_variant_dict_insert (&command, "command", "s", clean);
      if (times->command_started >= 0)
        g_variant_dict_insert (&command, "started", "d", times->command_started);
      if (times->command_ended >= 0)
        g_variant_dict_insert (&command, "ended", "d", times->command_ended);
      g_variant_dict_insert_value (&report, "command", g_variant_dict_end (&command));
    }
  return g_variant_ref_sink (g_variant_dict_end (&report));
}

gboolean
mk_tool_report_write (const char *path, MkExecutorGroup *group, const MkToolRunTimes *times, GError **error)
{
  g_autoptr (GVariant) report = report_new (group, times);
  g_autofree char *text = mk_tool_json_dup_text (report, error);

  return text != NULL && g_file_set_contents (path, text, -1, error);
}

/* ---- the picture ---- */

/* What it writes is read by programs. */
#define svg_append g_string_append_printf

static void
timeline_append_text (GString *svg,
                      double x,
                      double y,
                      const char *anchor,
                      const char *class,
                      const char *text)
{
  char buffer[G_ASCII_DTOSTR_BUF_SIZE];

  svg_append (svg, "<text x=\"%s\"", g_ascii_formatd (buffer, sizeof buffer, "%.1f", x));
  svg_append (svg,
              " y=\"%s\" text-anchor=\"%s\" class=\"%s\">",
              g_ascii_formatd (buffer, sizeof buffer, "%.1f", y),
              anchor,
              class);
  {
    g_autofree char *escaped = g_markup_escape_text (text, -1);

    svg_append (svg, "%s</text>\n", escaped);
  }
}

static void
timeline_append_box (GString *svg,
                     const char *class,
                     double x,
                     double y,
                     double width,
                     double height,
                     const char *title)
{
  char numbers[4][G_ASCII_DTOSTR_BUF_SIZE];
  const double values[] = { x, y, width, height };
  g_autofree char *escaped = g_markup_escape_text (title, -1);

  for (guint i = 0; i < G_N_ELEMENTS (values); i++)
    g_ascii_formatd (numbers[i], sizeof numbers[i], "%.1f", values[i]);
  svg_append (svg,
              "<rect class=\"%s\" x=\"%s\" y=\"%s\" width=\"%s\" height=\"%s\"><title>%s</title></rect>\n",
              class,
              numbers[0],
              numbers[1],
              numbers[2],
              numbers[3],
              escaped);
}

/* Returns: (transfer full): "1.2 s" */
static char *
timeline_format_time (double seconds, double step)
{
  if (step < 1)
    return g_strdup_printf (_ ("%.0f ms"), seconds * 1000);

  return g_strdup_printf (_ ("%.0f s"), seconds);
}

/* A step of 1, 2 or 5 times a power of ten. */
static double
timeline_choose_step (double duration)
{
  double least = duration / MAX_TICKS;
  double power = pow (10, floor (log10 (least)));
  double factor = least / power;

  return power * (factor <= 1 ? 1 : factor <= 2 ? 2 : factor <= 5 ? 5 : 10);
}

typedef struct
{
  GString *svg;
  double duration; /* in seconds */
  guint n_rows;
} Timeline;

static double
timeline_x (const Timeline *self, double seconds)
{
  return MARGIN + LABEL_WIDTH + CHART_WIDTH * seconds / self->duration;
}

static double
timeline_y (guint row)
{
  return MARGIN + AXIS_HEIGHT + row * ROW_HEIGHT;
}

static void
timeline_append_phase (Timeline *self,
                       const char *class,
                       const char *what,
                       const char *name,
                       double from,
                       double to)
{
  double begin = timeline_x (self, from);
  double end = timeline_x (self, to);
  g_autofree char *title = g_strdup_printf ("%s: %s, %.0f ms", name, what, (to - from) * 1000);

  timeline_append_box (self->svg,
                       class,
                       begin,
                       timeline_y (self->n_rows) + (ROW_HEIGHT - BAR_HEIGHT) / 2.0,
                       MAX (end - begin, 1),
                       BAR_HEIGHT,
                       title);
}

static void
timeline_append_name (Timeline *self, const char *name)
{
  timeline_append_text (self->svg,
                        MARGIN + LABEL_WIDTH - 10,
                        timeline_y (self->n_rows) + ROW_HEIGHT / 2.0 + 4,
                        "end",
                        "name",
                        name);
}

/* @offset: of the start of the service, in seconds since that of the run */
static void
timeline_append_service (Timeline *self, GVariant *service, double offset)
{
  double spawned = 0;
  double ready = 0;
  double stopping = 0;
  double gone = 0;
  double end = self->duration - offset;
  const char *name = "";
  gboolean is_spawned = g_variant_lookup (service, "spawned", "d", &spawned);
  gboolean is_ready = g_variant_lookup (service, "ready", "d", &ready);

  g_variant_lookup (service, "name", "&s", &name);
  if (g_variant_lookup (service, "gone", "d", &gone))
    end = gone;
  if (!g_variant_lookup (service, "stopping", "d", &stopping))
    stopping = end;

  timeline_append_name (self, name);
  if (is_spawned)
    timeline_append_phase (self, "prepare", _ ("preparing"), name, offset, offset + spawned);
  if (is_spawned)
    timeline_append_phase (self,
                           "start",
                           _ ("starting"),
                           name,
                           offset + spawned,
                           offset + (is_ready ? MIN (ready, stopping) : stopping));
  if (is_ready && ready < stopping)
    timeline_append_phase (self, "ready", _ ("ready"), name, offset + ready, offset + stopping);
  if (is_spawned && end > stopping)
    timeline_append_phase (self, "stop", _ ("stopping"), name, offset + stopping, offset + end);
  self->n_rows++;
}

static void
timeline_append_axis (Timeline *self, guint n_rows)
{
  double step = timeline_choose_step (self->duration);

  for (guint i = 0; i * step <= self->duration; i++)
    {
      double at = i * step;
      g_autofree char *label = timeline_format_time (at, step);

      timeline_append_box (self->svg,
                           "line",
                           timeline_x (self, at),
                           MARGIN + AXIS_HEIGHT - 6,
                           1,
                           n_rows * ROW_HEIGHT + 6,
                           label);
      timeline_append_text (
          self->svg, timeline_x (self, at), MARGIN + AXIS_HEIGHT - 12, "middle", "time", label);
    }
}

static void
timeline_append_head (GString *svg, guint n_rows)
{
  int width = 2 * MARGIN + LABEL_WIDTH + CHART_WIDTH + 30;
  int height = 2 * MARGIN + AXIS_HEIGHT + (int) (n_rows + 1) * ROW_HEIGHT;

  svg_append (
      svg,
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" role=\"img\">\n",
      width,
      height,
      width,
      height);
  /* In light and in dark */
  svg_append (svg,
              "<style>\n"
              "text { font: 13px sans-serif; fill: #241f31; }\n"
              ".back { fill: #ffffff; } .line { fill: #deddda; } .prepare { fill: #c0bfbc; }\n"
              ".start { fill: #e5a50a; } .ready { fill: #2ec27e; } .stop { fill: #986a44; }\n"
              ".command { fill: #3584e4; }\n"
              "@media (prefers-color-scheme: dark) {\n"
              "  text { fill: #f6f5f4; }\n"
              "  .back { fill: #1e1e1e; } .line { fill: #3d3846; } .prepare { fill: #77767b; }\n"
              "  .start { fill: #f5c211; } .ready { fill: #26a269; } .stop { fill: #b5835a; }\n"
              "  .command { fill: #62a0ea; }\n"
              "}\n"
              "</style>\n");
  timeline_append_box (svg, "back", 0, 0, width, height, "");
}

/* What the colours mean. */
static void
timeline_append_legend (Timeline *self)
{
  static const struct
  {
    const char *class;
    const char *what;
  } phases[] = {
    { "prepare", N_ ("preparing") }, { "start", N_ ("starting") },  { "ready", N_ ("ready") },
    { "stop", N_ ("stopping") },     { "command", N_ ("COMMAND") },
  };
  double y = timeline_y (self->n_rows) + ROW_HEIGHT / 2.0;

  for (gsize i = 0; i < G_N_ELEMENTS (phases); i++)
    {
      double x = MARGIN + LABEL_WIDTH + (double) CHART_WIDTH * i / G_N_ELEMENTS (phases);

      timeline_append_box (self->svg, phases[i].class, x, y - 6, 12, 12, _ (phases[i].what));
      timeline_append_text (self->svg, x + 18, y + 4, "start", "name", _ (phases[i].what));
    }
}

gboolean
mk_tool_report_draw (const char *path, MkExecutorGroup *group, const MkToolRunTimes *times, GError **error)
{
  g_autoptr (GVariant) report = mk_executor_group_dup_report_dict (group);
  g_autoptr (GVariant) services = g_variant_lookup_value (report, "services", G_VARIANT_TYPE ("aa{sv}"));
  g_autoptr (GString) svg = g_string_new (NULL);
  Timeline timeline = { svg, MAX (times->ended, 0.001), 0 };
  guint n_rows = (guint) g_variant_n_children (services) + (times->command_started >= 0);

  timeline_append_head (svg, n_rows);
  timeline_append_axis (&timeline, n_rows);
  for (gsize i = 0; i < g_variant_n_children (services); i++)
    {
      g_autoptr (GVariant) service = g_variant_get_child_value (services, i);
      gint64 begun = times->begun;

      g_variant_lookup (service, "begun", "x", &begun);
      timeline_append_service (&timeline, service, (double) (begun - times->begun) / G_USEC_PER_SEC);
    }
  if (times->command_started >= 0)
    {
      g_autofree char *name = mk_tool_dup_clean (times->command[0], FALSE);

      timeline_append_name (&timeline, name);
      timeline_append_phase (&timeline,
                             "command",
                             _ ("running"),
                             name,
                             times->command_started,
                             times->command_ended >= 0 ? times->command_ended : times->ended);
      timeline.n_rows++;
    }
  timeline_append_legend (&timeline);
  g_string_append (svg, "</svg>\n");
  return g_file_set_contents (path, svg->str, -1, error);
}
