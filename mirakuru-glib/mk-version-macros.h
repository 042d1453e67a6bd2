/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#if !defined(MK_INSIDE) && !defined(MK_COMPILATION)
#error "Only <mirakuru-glib.h> can be included directly."
#endif

#include <glib.h>

#include "mk-version.h"

#ifndef _MK_EXTERN
#if defined(MK_COMPILATION) && defined(_WIN32)
#define _MK_EXTERN __declspec(dllexport) extern
#elif defined(MK_COMPILATION)
#define _MK_EXTERN __attribute__ ((visibility ("default"))) extern
#else
#define _MK_EXTERN extern
#endif
#endif

/**
 * MK_VERSION_1_0:
 *
 * Version 1.0, as a value for %MK_VERSION_MIN_REQUIRED and %MK_VERSION_MAX_ALLOWED.
 *
 * Since: 1.0
 */
#define MK_VERSION_1_0 (G_ENCODE_VERSION (1, 0))

/**
 * MK_VERSION_MIN_REQUIRED:
 *
 * The oldest version that the program can be built with. Define it before you include the header, for
 * example as %MK_VERSION_1_0. The compiler then warns about functions that were deprecated up to that
 * version. The default is the version that the program is compiled against.
 *
 * Since: 1.0
 */
#ifndef MK_VERSION_MIN_REQUIRED
#define MK_VERSION_MIN_REQUIRED (G_ENCODE_VERSION (MK_MAJOR_VERSION, MK_MINOR_VERSION))
#endif

/**
 * MK_VERSION_MAX_ALLOWED:
 *
 * The newest version whose functions the program may use. Define it before you include the header, for
 * example as %MK_VERSION_1_0. The compiler then warns about functions that were added later. The default is
 * the version that the program is compiled against.
 *
 * Since: 1.0
 */
#ifndef MK_VERSION_MAX_ALLOWED
#define MK_VERSION_MAX_ALLOWED (G_ENCODE_VERSION (MK_MAJOR_VERSION, MK_MINOR_VERSION))
#endif

#if MK_VERSION_MIN_REQUIRED > MK_VERSION_MAX_ALLOWED
#error "MK_VERSION_MIN_REQUIRED must not be newer than MK_VERSION_MAX_ALLOWED"
#endif

/*
 * Each exported symbol carries the macro of the version that added it; a symbol without one is not exported.
 * One that is deprecated later carries MK_DEPRECATED_IN_… or MK_DEPRECATED_IN_…_FOR (its replacement) as
 * well.
 */
#if MK_VERSION_MAX_ALLOWED < MK_VERSION_1_0
#define MK_AVAILABLE_IN_1_0 G_UNAVAILABLE (1, 0) _MK_EXTERN
#else
#define MK_AVAILABLE_IN_1_0 _MK_EXTERN
#endif

#if MK_VERSION_MIN_REQUIRED >= MK_VERSION_1_0
#define MK_DEPRECATED_IN_1_0        G_DEPRECATED _MK_EXTERN
#define MK_DEPRECATED_IN_1_0_FOR(f) G_DEPRECATED_FOR (f) _MK_EXTERN
#else
#define MK_DEPRECATED_IN_1_0        _MK_EXTERN
#define MK_DEPRECATED_IN_1_0_FOR(f) _MK_EXTERN
#endif
