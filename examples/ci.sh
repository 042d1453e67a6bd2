#!/bin/sh
# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
# [ci]
exec mirakuru run --file services.ini --log-dir artifacts/logs \
  --report artifacts/report.json --timeline artifacts/timeline.svg -- "$@"
# [end]
