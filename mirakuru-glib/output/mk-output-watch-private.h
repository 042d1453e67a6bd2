/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "mk-pattern-private.h"
#include "process/mk-process-private.h"

G_BEGIN_DECLS

typedef struct _MkOutputWatch MkOutputWatch;

typedef enum
{
  MK_OUTPUT_OPEN,
  MK_OUTPUT_READY,  /* the banner was seen */
  MK_OUTPUT_FAILED, /* what tells of a failure was seen */
  MK_OUTPUT_BROKEN, /* looking for it went wrong */
  MK_OUTPUT_ENDED,  /* no more output can come */
} MkOutputVerdict;

typedef struct
{
  MkOutputVerdict verdict;
  MkStream stream;   /* of the match, or that of the newest output */
  guint64 end;       /* of the match in that stream */
  GPtrArray *groups; /* (owned) (nullable) (element-type utf8) of the match; must not be changed */
  GError *error;     /* (owned) (nullable) why it is BROKEN */
  gint64 since;      /* monotonic */
} MkOutputNews;

MkOutputWatch *
mk_output_watch_new (MkPattern *banner, guint occurrences, MkPattern *failure, MkWakeSource *waker);
MkOutputWatch *mk_output_watch_ref (MkOutputWatch *self);
void mk_output_watch_unref (MkOutputWatch *self);

gboolean mk_output_watch_follow (MkOutputWatch *self, MkStream stream, MkProcess *process);
void mk_output_watch_end (MkOutputWatch *self);
void mk_output_watch_get_news (MkOutputWatch *self, MkOutputNews *news);
void mk_output_news_clear (MkOutputNews *news);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MkOutputWatch, mk_output_watch_unref)
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (MkOutputNews, mk_output_news_clear)

G_END_DECLS
