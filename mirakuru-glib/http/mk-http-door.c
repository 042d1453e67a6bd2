/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Whether somebody on this machine accepts connections where a request would go.
 *
 * Until a server listens, this is all there is to find out, and costs a few system calls. Once it has been
 * seen to accept, only requests say more, so it is taken to be open from then on.
 */

#include "mk-http-door-private.h"

#include "mk-tcp-probe.h"
#include "mk-unix-socket-probe.h"

struct _MkHttpDoor
{
  MkProbe *probe; /* (owned) */
  gpointer state; /* (owned) (nullable) of the probe */
  gboolean open;
};

/* @settings: prepared */
MkProbe *
mk_http_door_new_probe (const MkHttpSettings *settings)
{
  if (settings->socket_path != NULL)
    return MK_PROBE (mk_unix_socket_probe_new (settings->socket_path));

  return MK_PROBE (mk_tcp_probe_new (g_uri_get_host (settings->parsed), g_uri_get_port (settings->parsed)));
}

/* @settings: prepared */
MkHttpDoor *
mk_http_door_new (const MkHttpSettings *settings)
{
  MkHttpDoor *self = g_new0 (MkHttpDoor, 1);

  self->probe = mk_http_door_new_probe (settings);
  self->state = mk_probe_begin (self->probe);
  return self;
}

void
mk_http_door_free (MkHttpDoor *self)
{
  mk_probe_end (self->probe, self->state);
  g_object_unref (self->probe);
  g_free (self);
}

/* Also true where it cannot be told at once. */
gboolean
mk_http_door_is_open (MkHttpDoor *self)
{
  g_autoptr (GError) error = NULL;

  if (!self->open)
    self->open = mk_probe_ask (self->probe, self->state, &error) || error != NULL;
  return self->open;
}

/* Returns: (transfer full) (nullable): why it was not open */
char *
mk_http_door_dup_detail (MkHttpDoor *self)
{
  return mk_probe_dup_detail (self->probe);
}
