# SPDX-FileCopyrightText: mirakuru-glib contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes the RECORD of a distribution, with which pip can check and remove it.

Usage: make-record.py RECORD FOLDER FILE…
FOLDER is that of the distribution's metadata. Each file is installed into a folder of the name of its own.
"""

import base64
import csv
import hashlib
import sys
from pathlib import Path

record, folder, *files = sys.argv[1:]
with open(record, "w", encoding="utf-8", newline="") as output:
    rows = csv.writer(output, lineterminator="\n")
    for file in map(Path, files):
        data = file.read_bytes()
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")
        rows.writerow([f"{file.parent.name}/{file.name}", f"sha256={digest}", len(data)])
    rows.writerow([f"{folder}/RECORD", "", ""])
