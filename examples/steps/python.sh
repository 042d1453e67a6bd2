#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
/usr/bin/python3 redis.py
