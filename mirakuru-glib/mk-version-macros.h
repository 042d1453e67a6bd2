/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <glib.h>

#ifndef _MK_EXTERN
#ifdef MK_COMPILATION
#define _MK_EXTERN __attribute__ ((visibility ("default"))) extern
#else
#define _MK_EXTERN extern
#endif
#endif

/* One macro for each version that added symbols; a symbol without one is not exported. */
#define MK_AVAILABLE_IN_1_0 _MK_EXTERN
