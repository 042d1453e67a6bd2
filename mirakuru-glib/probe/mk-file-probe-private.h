/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "mk-file-probe.h"

G_BEGIN_DECLS

void mk_file_probe_set_expects_content (MkFileProbe *self, gboolean expects_content);
int mk_file_probe_read_pid (MkFileProbe *self);

G_END_DECLS
