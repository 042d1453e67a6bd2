/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "mk-callback-probe.h"
#include "mk-enum-types.h"
#include "mk-error.h"
#include "mk-executor.h"
#include "mk-probe.h"
#include "mk-simple-executor.h"
#include "mk-tcp-executor.h"
#include "mk-tcp-probe.h"
#include "mk-types.h"
#include "mk-version-macros.h"
