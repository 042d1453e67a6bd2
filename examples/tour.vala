// SPDX-FileCopyrightText: mirakuru-glib contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

// [yield]
async void use_redis () throws Error {
	var redis = new Mk.UnixSocketExecutor ({
		"redis-server", "--port", "0", "--save", "", "--unixsocket", "./redis.socket"
	}, "redis.socket");
	yield redis.start_async ();
	Process.spawn_command_line_sync ("redis-cli -s redis.socket ping");
	yield redis.stop_async ();
}
// [end]

// [errors]
void start_broken () throws Error {
	try {
		new Mk.TcpExecutor ({ "redis-server", "--port", "none" }, "127.0.0.1", 1).start ();
	} catch (Mk.Error.EXITED error) {
		print ("it is misconfigured: %s\n", error.message);
	} catch (Mk.Error error) {
		print ("%s\n", error.message);
	}
}
// [end]

// [probe]
class PingProbe : Mk.Probe {
	public uint16 port { get; construct; }

	public PingProbe (uint16 port) {
		Object (port: port);
	}

	// Satisfied when redis answers PING, which it does not while it loads its data.
	public override bool check_now () throws Error {
		var connection = new SocketClient () { timeout = 1, enable_proxy = false }
			.connect_to_host ("127.0.0.1", port); // refused: not yet
		connection.output_stream.write_all ("PING\r\n".data, null);
		return connection.input_stream.read_bytes (7).compare (new Bytes ("+PONG\r\n".data)) == 0;
	}

	public override string describe () {
		return @"redis on port $port to answer PING";
	}
}
// [end]

// [steps]
class OwnFolder : Mk.SimpleExecutor {
	public override void prepare (Task task) {
		try {
			cwd = DirUtils.make_tmp ("redis-XXXXXX");
			task.return_boolean (true);
		} catch (Error error) {
			task.return_error (error);
		}
	}

	public override void cleanup (Task task) {
		task.return_boolean (DirUtils.remove (cwd) == 0);
	}
}
// [end]

int main () {
	var loop = new MainLoop ();
	var status = 0;
	use_redis.begin ((_, result) => {
		try {
			use_redis.end (result);
			start_broken ();

			var listener = new SocketListener ();
			var port = listener.add_any_inet_port (null);
			listener.close ();
			var redis = new Mk.Executor ({ "redis-server", "--port", @"$port", "--save", "" }, new PingProbe (port));
			redis.start ();
			redis.stop ();

			var sleeper = new OwnFolder () { command = { "sleep", "60" } };
			sleeper.start ();
			sleeper.stop ();
			assert (!FileUtils.test (sleeper.cwd, FileTest.EXISTS));
			print ("PONG\n");
		} catch (Error error) {
			printerr ("%s\n", error.message);
			status = 1;
		}
		loop.quit ();
	});
	loop.run ();
	return status;
}
