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
  gpointer quick; /* (owned) (nullable): of a TCP port; a Unix socket needs none */
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

/* @settings: prepared. Returns: (nullable): %NULL where it takes time to find out */
MkHttpDoor *
mk_http_door_new (const MkHttpSettings *settings)
{
  g_autoptr (MkProbe) probe = mk_http_door_new_probe (settings);
  MkProbeClass *klass = MK_PROBE_GET_CLASS (probe);
  gpointer quick = klass->quick_begin ? klass->quick_begin (probe) : NULL;
  MkHttpDoor *self;

  if (quick == NULL && !MK_IS_UNIX_SOCKET_PROBE (probe))
    return NULL;

  self = g_new0 (MkHttpDoor, 1);
  self->probe = g_steal_pointer (&probe);
  self->quick = quick;
  return self;
}

void
mk_http_door_free (MkHttpDoor *self)
{
  if (self->quick != NULL)
    MK_PROBE_GET_CLASS (self->probe)->quick_end (self->probe, self->quick);
  g_object_unref (self->probe);
  g_free (self);
}

/* Also true where it cannot be told at once. */
gboolean
mk_http_door_is_open (MkHttpDoor *self)
{
  MkProbeClass *klass = MK_PROBE_GET_CLASS (self->probe);

  if (self->open)
    return TRUE;

  if (self->quick != NULL)
    self->open = klass->quick_ask (self->probe, self->quick) != MK_QUICK_NOT_YET;
  else
    self->open = klass->check (self->probe, NULL);
  return self->open;
}

/* Returns: (transfer full) (nullable): why it was not open */
char *
mk_http_door_dup_detail (MkHttpDoor *self)
{
  return mk_probe_dup_detail (self->probe);
}
