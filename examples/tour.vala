// SPDX-FileCopyrightText: mirakuru-glib contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

// [constructors]
Mk.SimpleExecutor[] make_executors () throws Error {
	return {
		new Mk.TcpExecutor ({ "redis-server", "--port", "{port}", "--save", "" }, "127.0.0.1", 0) {
			start_timeout = 10000, // milliseconds
			environment = { "TZ=UTC" }
		},
		new Mk.OutputExecutor ({ "sh", "-c", "echo listening; exec sleep 60" }, "listening") {
			failure_pattern = "error"
		},
		new Mk.SimpleExecutor.for_command_line ("sleep 60"),
		new Mk.SimpleExecutor.for_shell ("exec sleep 60")
	};
}
// [end]

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

// [group]
async void use_group () throws Error {
	var group = new Mk.ExecutorGroup ();
	group.add_template ("redis", "redis");
	group.add ("filled", new Mk.SimpleExecutor ({ "redis-cli", "-p", "{redis.port}", "set", "tea", "green" }) {
		completes = true
	});
	group.failed.connect ((name, error) => printerr ("%s has failed: %s\n", name, error.message));

	yield group.start_async ();
	print ("redis listens on port %s\n", group.dup_value ("redis.port"));
	yield group.stop_async ();
}
// [end]

// [signals]
async void listen () throws Error {
	var numbers = new Mk.SimpleExecutor ({ "sh", "-c", "seq 3; exit 3" });
	numbers.line.connect ((stream, text) => print ("it printed %s\n", text));
	numbers.exited.connect ((status) => print ("it exited with status %d\n", status));
	numbers.notify["state"].connect (() => print ("it is now %s\n", numbers.state.to_string ()));

	yield numbers.start_async ();
	yield numbers.wait_async ();
}
// [end]

// [subclass]
class ConfiguredRedis : Mk.TcpExecutor {
	public ConfiguredRedis () {
		Object (host: "127.0.0.1", port: 0, cwd: "{dir}");
	}

	// Writes the file that the command reads.
	public override void prepare (Task task) {
		try {
			var path = Path.build_filename (dup_value ("dir"), "redis.conf");
			FileUtils.set_contents (path, "port %s\nsave \"\"\n".printf (dup_value ("port")));
			task.return_boolean (true);
		} catch (Error error) {
			task.return_error (error);
		}
	}

	public override string[]? build_command () throws Error {
		return { "redis-server", "redis.conf" };
	}

	public override void request_stop (Task task) {
		shut_down.begin (task);
	}

	private async void shut_down (Task task) {
		try {
			var client = new Subprocess (SubprocessFlags.NONE,
				"redis-cli", "-p", dup_value ("port"), "shutdown", "nosave");
			yield client.wait_check_async (task.get_cancellable ());
			task.return_boolean (true);
		} catch (Error error) {
			task.return_error (error); // the stop signal is sent instead
		}
	}
}
// [end]

void run_once (Mk.SimpleExecutor executor) throws Error {
	executor.start ();
	executor.stop ();
}

async void run_all () throws Error {
	foreach (var executor in make_executors ()) {
		run_once (executor);
	}
	yield use_redis ();
	start_broken ();
	yield use_group ();
	yield listen ();
	run_once (new ConfiguredRedis ());

	var listener = new SocketListener ();
	var port = listener.add_any_inet_port (null);
	listener.close ();
	run_once (new Mk.Executor ({ "redis-server", "--port", @"$port", "--save", "" }, new PingProbe (port)));
	print ("PONG\n");
}

int main () {
	var loop = new MainLoop ();
	var status = 0;
	run_all.begin ((_, result) => {
		try {
			run_all.end (result);
		} catch (Error error) {
			printerr ("%s\n", error.message);
			status = 1;
		}
		loop.quit ();
	});
	loop.run ();
	return status;
}
