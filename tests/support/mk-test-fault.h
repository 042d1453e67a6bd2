/* SPDX-FileCopyrightText: mirakuru-glib contributors */
/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <sys/prctl.h>

/* Options of prctl() that no kernel has: mk-test-fault counts and fails system calls between the two. */
#define MK_TEST_FAULT_BEGIN 0x4d4b0001
#define MK_TEST_FAULT_END   0x4d4b0002
