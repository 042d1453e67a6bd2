// SPDX-FileCopyrightText: mirakuru-glib contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
int main () {
	try {
		// The port 0 stands for a free one. {port} is that port.
		var redis = new Mk.TcpExecutor ({ "redis-server", "--port", "{port}", "--save", "" }, "127.0.0.1", 0);
		redis.start (); // returns once redis accepts connections
		new Subprocess (SubprocessFlags.NONE, "redis-cli", "-p", redis.dup_value ("port"), "ping").wait_check ();
		redis.stop (); // returns once nothing of it is left
		return 0;
	} catch (Error error) {
		printerr ("%s\n", error.message);
		return 1;
	}
}
