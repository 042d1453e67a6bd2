/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

/* What the name of a directory begins with that is made, and removed, where a launcher leads to */
#define MK_REMOVE_FAR_PREFIX "/tmp/mirakuru-"

void mk_remove_tree (const char *path);
