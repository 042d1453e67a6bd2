/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <mirakuru-glib.h>

#include <sys/types.h>

G_BEGIN_DECLS

/* No limit on a figure. */
#define NO_LIMIT 0.0

/* Figures are doubles, in the unit of their row. */
GArray *mk_bench_figures_new (void);
void mk_bench_add (GArray *figures, double figure);
double mk_bench_quantile (const GArray *figures, double q);

gboolean mk_bench_is_quick (void);

void mk_bench_print_head (void);
void mk_bench_print_row (const char *what,
                         const char *unit,
                         const GArray *figures,
                         double median_limit,
                         double p95_limit,
                         const char *peer,
                         const GArray *peer_figures);

void mk_bench_print_factor (const char *what,
                            const char *unit,
                            const GArray *figures,
                            double factor_limit,
                            const char *peer,
                            const GArray *peer_figures);

double mk_bench_ms_since (gint64 start_us);
double mk_bench_cpu_ms (void);
gint64 mk_bench_wait_for_stamp (const char *filename, const char *what);
void mk_bench_start (MkSimpleExecutor *executor);
void mk_bench_stop (MkSimpleExecutor *executor);
MkSimpleExecutor *mk_bench_new_sleeper (void);

/* The bare system calls, to compare with */
pid_t mk_bench_spawn (const char *const *argv);
void mk_bench_end (pid_t pid);
void mk_bench_reap (pid_t pid);

/* What is measured; each prints rows */
void mk_bench_machine (void);
void mk_bench_readiness (void);
void mk_bench_groups (void);
void mk_bench_waiting (void);
void mk_bench_http (void);
void mk_bench_output (void);
void mk_bench_paths (void);
void mk_bench_dbus (void);
void mk_bench_notify (void);
void mk_bench_stopping (void);
void mk_bench_spawning (void);
void mk_bench_blocking (void);
void mk_bench_footprint (void);
void mk_bench_scale (void);
void mk_bench_launcher (void);

G_END_DECLS
