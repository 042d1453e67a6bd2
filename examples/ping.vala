// SPDX-FileCopyrightText: mirakuru-glib contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

int main () {
  try {
    // [taste]
    var group = new Mk.ExecutorGroup ();
    group.add_template ("redis", "redis");
    group.start (); // returns once redis is ready
    new Subprocess (SubprocessFlags.NONE, "redis-cli", "-p", group.dup_value ("redis.port"), "ping").wait_check ();
    group.stop (); // returns once nothing of it is left
    // [end]
  } catch (Error error) {
    printerr ("%s\n", error.message);
    return 1;
  }
  return 0;
}
