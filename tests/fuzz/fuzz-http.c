/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The settings of HTTP probes, a line each: URL, status, method, header, pattern for the body, content type.
 * What is said about a URL does not have the password in it.
 */

#include "mk-fuzz.h"

#include "http/mk-http-settings-private.h"

#define PASSWORD "Open-Sesame"

static void
check_name (const MkHttpSettings *settings)
{
  g_autofree char *name = mk_http_settings_dup_name (settings);

  g_assert_true (g_utf8_validate (name, -1, NULL));
  g_assert_null (strstr (name, PASSWORD));
}

static void
try_settings (MkHttpSettings *settings)
{
  g_autoptr (GError) error = NULL;

  check_name (settings);
  if (mk_http_settings_prepare (settings, &error))
    {
      g_assert_cmpstr (g_uri_get_host (settings->parsed), !=, "");
      g_assert_cmpint (g_uri_get_port (settings->parsed), !=, 0);
      return;
    }

  mk_fuzz_assert_error (error);
  g_assert_null (strstr (error->message, PASSWORD));
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autoptr (MkHttpSettings) settings = mk_http_settings_new ();
  g_autoptr (MkHttpSettings) secret = NULL;
  g_autofree char *url = mk_fuzz_take_line (&data, &size);
  char **texts[] = {
    &settings->status, &settings->method, NULL, &settings->body_pattern, &settings->content_type
  };

  /* libFuzzer tries the words that it sees compared. */
  if (strstr (url, PASSWORD) != NULL || memmem (data, size, PASSWORD, strlen (PASSWORD)) != NULL)
    return 0;

  settings->uri = g_strdup (url);
  for (guint i = 0; i < G_N_ELEMENTS (texts) && size > 0; i++)
    {
      char *line = mk_fuzz_take_line (&data, &size);

      if (texts[i] == NULL)
        {
          settings->headers = g_new0 (char *, 2);
          settings->headers[0] = line;
          continue;
        }
      g_free (*texts[i]);
      *texts[i] = line;
    }

  secret = mk_http_settings_copy (settings);
  try_settings (settings);
  g_free (secret->uri);
  secret->uri = g_strconcat ("http://user:" PASSWORD "@", url, NULL);
  try_settings (secret);
  return 0;
}
