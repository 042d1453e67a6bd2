/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A regular expression for a stream of bytes.
 *
 * PCRE2 itself is used rather than GRegex, which is made of it: GRegex does not tell where a partial match
 * begins, and without that each read would have to look again at all that might belong to one.
 */

#include "mk-pattern-private.h"

#include "mk-error.h"
#include "base/mk-i18n-private.h"

struct _MkPattern
{
  gatomicrefcount ref_count;
  char *text;                 /* (owned) valid UTF-8, for messages */
  pcre2_code *code;           /* (owned) */
  pcre2_code *limitable_code; /* (owned) the same, slower, that can be told where a match may begin */
};

/* Bytes, not characters: what a service prints may be no valid text, and a read may end in a character. */
static pcre2_code *
compile (const char *text, guint32 options, int *number, gsize *offset)
{
  pcre2_compile_context *context = pcre2_compile_context_create (NULL);
  pcre2_code *code;

  /* ALT_CIRCUMFLEX: what has come so far may end with a line, and more of the match be still to come. */
  options |= PCRE2_MULTILINE | PCRE2_ALT_CIRCUMFLEX | PCRE2_NEVER_UTF;
  pcre2_set_newline (context, PCRE2_NEWLINE_ANYCRLF);
  code = pcre2_compile ((PCRE2_SPTR) text, PCRE2_ZERO_TERMINATED, options, number, offset, context);
  pcre2_compile_context_free (context);

  /* If this fails, matching is slower. */
  if (code != NULL)
    (void) pcre2_jit_compile (code, PCRE2_JIT_COMPLETE | PCRE2_JIT_PARTIAL_HARD);
  return code;
}

/* @role: what @text is, for the message: "The banner" */
MkPattern *
mk_pattern_new (const char *text, const char *role, GError **error)
{
  g_autofree char *valid = g_utf8_make_valid (text, -1);
  gsize offset = 0;
  int number = 0;
  pcre2_code *code = compile (text, 0, &number, &offset);
  MkPattern *self;

  if (code == NULL)
    {
      char reason[256];
      glong n_good =
          g_utf8_validate (text, -1, NULL) ? g_utf8_strlen (text, (gssize) offset) : (glong) offset;

      pcre2_get_error_message (number, (PCRE2_UCHAR *) reason, sizeof reason);
      g_set_error (error,
                   MK_ERROR,
                   MK_ERROR_INVALID_ARGUMENT,
                   /* Translators: “The banner” or “The failure pattern”, its text, why */
                   mk_ngettext ("%s “%s” is not a regular expression: %s (after %ld character)",
                                "%s “%s” is not a regular expression: %s (after %ld characters)",
                                (gulong) n_good),
                   role,
                   valid,
                   reason,
                   n_good);
      return NULL;
    }

  self = g_new0 (MkPattern, 1);
  g_atomic_ref_count_init (&self->ref_count);
  self->text = g_steal_pointer (&valid);
  self->code = code;
  self->limitable_code = compile (text, PCRE2_USE_OFFSET_LIMIT, &number, &offset);
  return self;
}

MkPattern *
mk_pattern_ref (MkPattern *self)
{
  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

void
mk_pattern_unref (MkPattern *self)
{
  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;

  pcre2_code_free (self->code);
  pcre2_code_free (self->limitable_code);
  g_free (self->text);
  g_free (self);
}

const pcre2_code *
mk_pattern_get_code (MkPattern *self)
{
  return self->code;
}

/* Returns: (transfer none): for use with pcre2_set_offset_limit() */
const pcre2_code *
mk_pattern_get_limitable_code (MkPattern *self)
{
  return self->limitable_code;
}

const char *
mk_pattern_get_text (MkPattern *self)
{
  return self->text;
}

/* Returns: how many bytes before a match decide whether it is one. PCRE2 does not count the two of "\r\n" by
 * which "^" knows the beginning of a line. */
gsize
mk_pattern_get_lookbehind (MkPattern *self)
{
  guint32 lookbehind = 0;

  pcre2_pattern_info (self->code, PCRE2_INFO_MAXLOOKBEHIND, &lookbehind);
  return lookbehind + 2;
}

/* Returns: whether a match may begin between the two bytes of "\r\n" */
gboolean
mk_pattern_splits_line_ends (MkPattern *self)
{
  guint32 has_line_ends = 0;

  pcre2_pattern_info (self->code, PCRE2_INFO_HASCRORLF, &has_line_ends);
  return has_line_ends != 0;
}

static const char *
nth_group (GPtrArray *groups, guint64 number)
{
  return number < groups->len ? g_ptr_array_index (groups, number) : NULL;
}

/*
 * A name may stand for several groups, of which one has matched.
 *
 * @groups: (element-type utf8): of a match, with NULL for those that did not take part
 *
 * Returns: (transfer none) (nullable): one of @groups
 */
const char *
mk_pattern_find_group (MkPattern *self, GPtrArray *groups, const char *name_or_number)
{
  PCRE2_SPTR first, last;
  const char *group = NULL;
  guint64 number;
  int size;

  if (g_ascii_string_to_unsigned (name_or_number, 10, 0, G_MAXUINT, &number, NULL))
    return nth_group (groups, number);

  size = pcre2_substring_nametable_scan (self->code, (PCRE2_SPTR) name_or_number, &first, &last);
  for (; size > 0 && group == NULL && first <= last; first += size)
    group = nth_group (groups, (guint) first[0] << 8 | first[1]);
  return group;
}
