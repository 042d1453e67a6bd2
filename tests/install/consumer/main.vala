// SPDX-License-Identifier: LGPL-2.1-or-later

// The same in Vala.
int main () {
  var executor = new Mk.SimpleExecutor ({ "sleep", "60" });
  try {
    executor.start (null);
    assert (executor.state == Mk.ExecutorState.READY);
    executor.stop (null);
  } catch (Error error) {
    printerr ("%s\n", error.message);
    return 1;
  }
  assert (!executor.active);
  print ("started and stopped\n");
  return 0;
}
