// SPDX-FileCopyrightText: mirakuru-glib contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

// What the Vala tests share: test cases that run sync and async, and services to start.

public const string LOCALHOST = "127.0.0.1";

public delegate void Body () throws Error;
public delegate bool Condition ();
public delegate void Begin (AsyncReadyCallback done);

// Which form of the operations start() and its like below use.
bool asynchronous;

void run_body (Body body) {
	try {
		body ();
	} catch (Error error) {
		Test.message ("%s %d: %s", error.domain.to_string (), error.code, error.message);
		Test.fail ();
	}
}

public void add (string path, owned Body body) {
	Test.add_data_func (path, () => run_body (body));
}

public void add_both_ways (string path, owned Body body) {
	Test.add_data_func (path + "/sync", () => {
		asynchronous = false;
		run_body (body);
	});
	Test.add_data_func (path + "/async", () => {
		asynchronous = true;
		run_body (body);
	});
}

// Runs the main loop until the condition holds; the test fails if it takes too long.
public void iterate_until (Condition condition) {
	bool expired = false;
	var limit = new TimeoutSource (Support.LIMIT_MS);
	limit.set_callback (() => expired = true);
	limit.attach ();
	var waker = new TimeoutSource (2);
	waker.set_callback (() => Source.CONTINUE);
	waker.attach ();
	while (!condition () && !expired) {
		MainContext.default ().iteration (true);
	}
	limit.destroy ();
	waker.destroy ();
	assert (!expired);
}

AsyncResult complete (Begin begin) {
	AsyncResult? outcome = null;
	begin ((_, result) => outcome = result);
	iterate_until (() => outcome != null);
	return outcome;
}

// The operations in the form that the test case is run with.
namespace Call {
	public bool start (Mk.SimpleExecutor executor) throws Error {
		if (!asynchronous) {
			return executor.start ();
		}
		return executor.start_async.end (complete (
			done => executor.start_async.begin (null, done)));
	}

	public bool stop (Mk.SimpleExecutor executor) throws Error {
		if (!asynchronous) {
			return executor.stop ();
		}
		return executor.stop_async.end (complete (
			done => executor.stop_async.begin (null, done)));
	}

	public bool kill (Mk.SimpleExecutor executor) throws Error {
		if (!asynchronous) {
			return executor.kill ();
		}
		return executor.kill_async.end (complete (
			done => executor.kill_async.begin (null, done)));
	}

	public bool wait (Mk.Probe probe, uint timeout_ms) throws Error {
		if (!asynchronous) {
			return probe.wait (timeout_ms);
		}
		return probe.wait_async.end (complete (
			done => probe.wait_async.begin (timeout_ms, null, done)));
	}

	public bool check (Mk.Probe probe) throws Error {
		if (!asynchronous) {
			return probe.check ();
		}
		return probe.check_async.end (complete (
			done => probe.check_async.begin (null, done)));
	}
}

// The start has to fail; the error is returned so that it can be looked at.
public Error start_failure (Mk.SimpleExecutor executor) {
	try {
		Call.start (executor);
	} catch (Error error) {
		assert (executor.state == Mk.ExecutorState.STOPPED);
		return error;
	}
	assert_not_reached ();
}

public string output_of (Mk.SimpleExecutor executor) {
	var bytes = executor.dup_output (Mk.Stream.STDOUT);
	var text = new StringBuilder ();
	text.append_len ((string) bytes.get_data (), bytes.length);
	return text.str;
}

public Mk.TcpExecutor? redis_executor () {
	if (Environment.find_program_in_path ("redis-server") == null ||
	    Environment.find_program_in_path ("redis-cli") == null) {
		Test.skip ("redis is not installed");
		return null;
	}
	var port = Support.free_port ();
	return new Mk.TcpExecutor (
		{ "redis-server", "--bind", LOCALHOST, "--port", port.to_string (), "--save", "" }, LOCALHOST, port);
}

public string ping (uint port) throws Error {
	string answer;
	Process.spawn_command_line_sync (@"redis-cli -h $LOCALHOST -p $port ping", out answer);
	return answer.strip ();
}
