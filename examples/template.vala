// SPDX-FileCopyrightText: mirakuru-glib contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

async void run () throws Error {
  var group = new Mk.ExecutorGroup ();
  group.add_template ("redis", "redis");
  group.add_service ("filled", { "Command=redis-cli -p {redis.port} set tea green", "Completes=true" });

  yield group.start_async (null);
  string reply;
  Process.spawn_command_line_sync (group.expand ("redis-cli -p {redis.port} get tea"), out reply);
  yield group.stop_async (null);
  print ("%s", reply);
}

int main () {
  var loop = new MainLoop ();
  var status = 0;
  run.begin ((source, result) => {
    try {
      run.end (result);
    } catch (Error error) {
      printerr ("%s\n", error.message);
      status = 1;
    }
    loop.quit ();
  });
  loop.run ();
  return status;
}
