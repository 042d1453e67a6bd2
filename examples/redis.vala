// SPDX-FileCopyrightText: mirakuru-glib contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
int main () {
	try {
		var listener = new SocketListener ();
		uint port = listener.add_any_inet_port (null);
		listener.close ();

		// [taste]
		var redis = new Mk.TcpExecutor ({ "redis-server", "--port", @"$port", "--save", "" }, "127.0.0.1", port);
		redis.start (); // returns once redis accepts connections
		new Subprocess (SubprocessFlags.NONE, "redis-cli", "-p", @"$port", "ping").wait_check ();
		redis.stop (); // returns once nothing of it is left
		// [end]
		return 0;
	} catch (Error error) {
		printerr ("%s\n", error.message);
		return 1;
	}
}
