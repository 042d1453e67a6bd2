/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The properties that HTTP probes and HTTP executors have in common.
 */

#include "mk-http-probe-private.h"

#define FLAGS (G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS)

/* @props: of @object_class, filled in here */
void
mk_http_install_properties (GObjectClass *object_class, GParamSpec **props)
{
  /**
   * MkHttpProbe:uri:
   *
   * The URL that is asked, http:// or https://.
   *
   * A user and a password in it are sent as basic authentication. The query is sent, the fragment is not.
   *
   * Since: 1.0
   */
  props[PROP_URI] = g_param_spec_string ("uri", NULL, NULL, NULL, FLAGS);

  /**
   * MkHttpProbe:status:
   *
   * What the status of the answer has to be: a code, or a regular expression that is matched at the start
   * of the three digits. %NULL stands for the default, `^2\d\d$`.
   *
   * Since: 1.0
   */
  props[PROP_STATUS] = g_param_spec_string ("status", NULL, NULL, MK_HTTP_DEFAULT_STATUS, FLAGS);

  /**
   * MkHttpProbe:method:
   *
   * The method of the request, `HEAD` unless it is set.
   *
   * Since: 1.0
   */
  props[PROP_METHOD] = g_param_spec_string ("method", NULL, NULL, MK_HTTP_DEFAULT_METHOD, FLAGS);

  /**
   * MkHttpProbe:headers:
   *
   * Further headers of the request, each as `Name: value`. They win over those that the library sets.
   *
   * Since: 1.0
   */
  props[PROP_HEADERS] = g_param_spec_boxed ("headers", NULL, NULL, G_TYPE_STRV, FLAGS);

  /**
   * MkHttpProbe:body:
   *
   * The body of the request.
   *
   * Since: 1.0
   */
  props[PROP_BODY] = g_param_spec_boxed ("body", NULL, NULL, G_TYPE_BYTES, FLAGS);

  /**
   * MkHttpProbe:content-type:
   *
   * The type of the body, as `application/json`.
   *
   * Since: 1.0
   */
  props[PROP_CONTENT_TYPE] = g_param_spec_string ("content-type", NULL, NULL, NULL, FLAGS);

  /**
   * MkHttpProbe:body-pattern:
   *
   * A regular expression that has to match somewhere in the body of the answer, of which at most 1 MiB is
   * read. The method must be one whose answer has a body, as `GET`.
   *
   * Since: 1.0
   */
  props[PROP_BODY_PATTERN] = g_param_spec_string ("body-pattern", NULL, NULL, NULL, FLAGS);

  /**
   * MkHttpProbe:accept-any-certificate:
   *
   * Whether any certificate of an https server is accepted: one that it has signed itself, one for another
   * name, one that has expired.
   *
   * Since: 1.0
   */
  props[PROP_ACCEPT_ANY_CERTIFICATE] =
      g_param_spec_boolean ("accept-any-certificate", NULL, NULL, FALSE, FLAGS);

  /**
   * MkHttpProbe:ca-file:
   *
   * A file with the certificates, in PEM format, that the certificate of an https server has to be signed
   * with, instead of those that the system trusts. A certificate that was signed with itself may stand
   * there as well.
   *
   * Since: 1.0
   */
  props[PROP_CA_FILE] = g_param_spec_string ("ca-file", NULL, NULL, NULL, FLAGS);

  /**
   * MkHttpProbe:socket-path:
   *
   * The path of a Unix socket to connect to, instead of the host and the port of the URL.
   *
   * Since: 1.0
   */
  props[PROP_SOCKET_PATH] = g_param_spec_string ("socket-path", NULL, NULL, NULL, FLAGS);

  g_object_class_install_properties (object_class, N_PROPS, props);
}
