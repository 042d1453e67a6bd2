/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What the program mk-supervisor can be, by its first argument:
 *
 *   3 HOST_PID …       the parent of a service, see mk-supervisor.c
 *   near 3 HOST_PID …  this end of a launcher, see mk-near.c
 *   far [FILE]         the other end, which is the host of a supervisor there, see mk-far.c
 *   check              nothing: it could be run
 */

#pragma once

int mk_supervisor_main (int argc, char **argv);
int mk_near_main (int argc, char **argv);
int mk_far_main (int argc, char **argv);
