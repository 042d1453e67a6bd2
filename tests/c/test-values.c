/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What placeholders in a text stand for, and what stays as it is.
 */

#include "base/mk-values-private.h"
#include "mk-error.h"

#include <glib/gstdio.h>
#include <string.h>

#include "mk-test-util.h"

static gboolean
find_in_scope (gpointer scope, const char *service, const char *key, char **value, GError **error)
{
  if (!g_str_equal (service, "redis"))
    return FALSE;

  if (g_str_equal (key, "port"))
    *value = g_strdup ("6379");
  else
    g_set_error (error, MK_ERROR, MK_ERROR_INVALID_ARGUMENT, "redis has no %s", key);
  return TRUE;
}

static MkValues *
new_values (void)
{
  MkValues *values = mk_values_new ("web", find_in_scope, NULL);

  mk_values_set (values, "host", "127.0.0.1");
  mk_values_set (values, "port", "8080");
  mk_values_set (values, "empty", "");
  return values;
}

static void
test_texts (void)
{
  static const char *const texts[][2] = {
    { "", "" },
    { "plain", "plain" },
    { "{port}", "8080" },
    { "--port={port}", "--port=8080" },
    { "{host}:{port}", "127.0.0.1:8080" },
    { "{port}{port}", "80808080" },
    { "[{empty}]", "[]" },
    { "{name}", "web" },
    { "{web.port}", "8080" },
    { "redis://{redis.port}/", "redis://6379/" },
    /* Braces of others */
    { "${HOME}", "${HOME}" },
    { "${port}", "${port}" },
    { "${port}{port}", "${port}8080" },
    { "$${port}", "$${port}" },
    { "{unknown}", "{unknown}" },
    { "{mysql.port}", "{mysql.port}" },
    { "{web.unknown}", "{web.unknown}" },
    { "{}", "{}" },
    { "{ port }", "{ port }" },
    { "{port", "{port" },
    { "port}", "port}" },
    { "{", "{" },
    { "a{2,3}", "a{2,3}" },
    { "{\"port\": {port}, \"a\": {}}", "{\"port\": 8080, \"a\": {}}" },
    { "{{.Names}} {{ port }}", "{{.Names}} {{ port }}" },
    { "{{unknown}}", "{{unknown}}" },
    { "awk '{print $1}' {port}", "awk '{print $1}' 8080" },
    { "{PORT} {port.}", "{PORT} {port.}" },
    { "{port:}", "{port:}" },
    { "d\xe9{port}\xff",
      "d\xe9"
      "8080\xff" },
    /* Doubled */
    { "{{port}}", "{port}" },
    { "{{redis.port}}", "{redis.port}" },
    { "{{port}} {port}", "{port} 8080" },
    { "{{{port}}}", "{{port}}" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_autoptr (MkValues) values = new_values ();
      g_autofree char *text = g_strdup (texts[i][0]);
      g_autoptr (GError) error = NULL;

      g_assert_true (mk_values_expand (values, &text, &error));
      g_assert_no_error (error);
      g_assert_cmpstr (text, ==, texts[i][1]);
    }
}

static void
test_no_text (void)
{
  g_autoptr (MkValues) values = new_values ();
  char *text = NULL;

  g_assert_true (mk_values_expand (values, &text, NULL));
  g_assert_null (text);
  g_assert_true (mk_values_expand_strv (values, NULL, NULL));
}

static void
test_missing_value (void)
{
  g_autoptr (MkValues) values = new_values ();
  g_autofree char *text = g_strdup ("a {redis.prot} b");
  g_autoptr (GError) error = NULL;

  g_assert_false (mk_values_expand (values, &text, &error));
  g_assert_error (error, MK_ERROR, MK_ERROR_INVALID_ARGUMENT);
  g_assert_nonnull (strstr (error->message, "{redis.prot}"));
  g_assert_nonnull (strstr (error->message, "redis has no prot"));
  g_assert_cmpstr (text, ==, "a {redis.prot} b");
}

static void
test_without_scope (void)
{
  g_autoptr (MkValues) values = mk_values_new (NULL, NULL, NULL);
  g_autofree char *text = g_strdup ("{redis.port} {name} {host}");
  g_autoptr (GError) error = NULL;

  g_assert_true (mk_values_expand (values, &text, &error));
  g_assert_no_error (error);
  g_assert_cmpstr (text, ==, "{redis.port} {name} {host}");
}

/* Nothing is leased or made unless it is mentioned, and each thing once. */
static void
test_ports_and_directory (void)
{
  g_autoptr (MkValues) values = mk_values_new ("db", NULL, NULL);
  g_autofree char *text = g_strdup ("{port} {port:admin} {port} {dir}/a {dir}");
  g_autofree char *directory = NULL;
  g_autofree char *file = NULL;
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) words = NULL;

  g_assert_null (mk_values_dup (values, "port"));
  g_assert_null (mk_values_dup (values, "dir"));
  g_assert_true (mk_values_expand (values, &text, &error));
  g_assert_no_error (error);

  words = g_strsplit (text, " ", -1);
  g_assert_cmpuint (g_strv_length (words), ==, 5);
  g_assert_cmpstr (words[0], ==, words[2]);
  g_assert_cmpstr (words[0], !=, words[1]);
  g_assert_cmpuint (g_ascii_strtoull (words[1], NULL, 10), >, 1023);
  directory = mk_values_dup (values, "dir");
  g_assert_cmpstr (words[4], ==, directory);
  g_assert_true (g_str_has_prefix (words[3], directory));

  file = g_build_filename (directory, "file", NULL);
  mk_test_write_file (file, "");
  mk_values_clear (values);
  g_assert_false (g_file_test (directory, G_FILE_TEST_EXISTS));
  g_assert_null (mk_values_dup (values, "port"));
}

/* A text is not a value. */
static void
test_doubled_makes_nothing (void)
{
  g_autoptr (MkValues) values = mk_values_new (NULL, NULL, NULL);
  g_autofree char *text = g_strdup ("{{port}} {{port:admin}} {{dir}}");

  g_assert_true (mk_values_expand (values, &text, NULL));
  g_assert_cmpstr (text, ==, "{port} {port:admin} {dir}");
  g_assert_null (mk_values_dup (values, "port"));
  g_assert_null (mk_values_dup (values, "port:admin"));
  g_assert_null (mk_values_dup (values, "dir"));
}

/* What a service leaves may be anything; what lies outside must stay. */
static void
test_directory_with_anything_in_it (void)
{
  g_autoptr (MkTestFolder) outside = mk_test_new_folder ();
  g_autoptr (MkValues) values = mk_values_new (NULL, NULL, NULL);
  g_autofree char *directory = g_strdup ("{dir}");
  g_autofree char *precious = g_build_filename (outside, "precious", NULL);
  g_autofree char *deep = NULL;
  g_autofree char *link = NULL;
  g_autofree char *closed = NULL;
  g_autofree char *within = NULL;

  g_assert_true (mk_values_expand (values, &directory, NULL));
  mk_test_write_file (precious, "x");
  deep = g_build_filename (directory, "a", "b", "c", NULL);
  link = g_build_filename (directory, "a", "link", NULL);
  closed = g_build_filename (directory, "closed", NULL);
  within = g_build_filename (closed, "within", NULL);
  g_assert_cmpint (g_mkdir_with_parents (deep, 0700), ==, 0);
  g_assert_cmpint (symlink (outside, link), ==, 0);
  g_assert_cmpint (g_mkdir (closed, 0700), ==, 0);
  mk_test_write_file (within, "");
  g_assert_cmpint (g_chmod (closed, 0), ==, 0);

  mk_values_clear (values);
  g_assert_false (g_file_test (directory, G_FILE_TEST_EXISTS));
  g_assert_true (g_file_test (precious, G_FILE_TEST_EXISTS));
}

static void
test_names (void)
{
  static const char *const good[] = { "a", "redis", "my-app_2", "Z9" };
  static const char *const bad[] = { "", "1a", "-a", "a.b", "a b", "a/b", "a:b", "é" };

  for (guint i = 0; i < G_N_ELEMENTS (good); i++)
    g_assert_true (mk_values_is_name (good[i]));
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    g_assert_false (mk_values_is_name (bad[i]));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/values/texts", test_texts);
  g_test_add_func ("/values/no-text", test_no_text);
  g_test_add_func ("/values/missing-value", test_missing_value);
  g_test_add_func ("/values/without-scope", test_without_scope);
  g_test_add_func ("/values/ports-and-directory", test_ports_and_directory);
  g_test_add_func ("/values/doubled-makes-nothing", test_doubled_makes_nothing);
  g_test_add_func ("/values/directory-with-anything-in-it", test_directory_with_anything_in_it);
  g_test_add_func ("/values/names", test_names);

  return g_test_run ();
}
