// SPDX-FileCopyrightText: mirakuru-glib contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

class Nginx : Mk.HttpExecutor {
	public string log { get; construct; }

	public Nginx (string log) {
		Object (log: log, uri: "http://127.0.0.1:{port}/", cwd: "{dir}", stop_signal: Posix.Signal.QUIT);
	}

	public override void prepare (Task task) {
		try {
			FileUtils.set_contents (in_dir ("nginx.conf"), @"
daemon off;
pid nginx.pid;
events { }
http {
	access_log access.log;
	client_body_temp_path body;
	proxy_temp_path proxy;
	fastcgi_temp_path fastcgi;
	uwsgi_temp_path uwsgi;
	scgi_temp_path scgi;
	server {
		listen 127.0.0.1:$(dup_value ("port"));
		return 200 'hello';
	}
}
");
			task.return_boolean (true);
		} catch (Error error) {
			task.return_error (error);
		}
	}

	public override string[]? build_command () throws Error {
		return { "/usr/sbin/nginx", "-p", "{dir}", "-e", "stderr", "-c", "nginx.conf" };
	}

	// Keeps the log. The directory with everything else is removed afterwards.
	public override void cleanup (Task task) {
		try {
			File.new_for_path (in_dir ("access.log")).copy (File.new_for_path (log), FileCopyFlags.OVERWRITE);
			task.return_boolean (true);
		} catch (Error error) {
			task.return_error (error);
		}
	}

	private string in_dir (string name) {
		return Path.build_filename (dup_value ("dir"), name);
	}
}

void greet (Nginx nginx) throws Error {
	var url = @"http://127.0.0.1:$(nginx.dup_value ("port"))/";
	var probe = new Mk.HttpProbe (url) { body_pattern = "^hello$" };
	print ("nginx says hello: %s\n", probe.check ().to_string ());
}

// Needs no main loop.
void run () throws Error {
	var nginx = new Nginx ("sync.log");
	nginx.start ();
	greet (nginx);
	nginx.stop ();
}

// The main loop goes on meanwhile.
async void run_async () throws Error {
	var nginx = new Nginx ("async.log");
	yield nginx.start_async ();
	greet (nginx);
	yield nginx.stop_async ();
}

int main () {
	var loop = new MainLoop ();
	var status = 0;
	run_async.begin ((source, result) => {
		try {
			run_async.end (result);
			run ();
		} catch (Error error) {
			printerr ("%s\n", error.message);
			status = 1;
		}
		loop.quit ();
	});
	loop.run ();
	return status;
}
