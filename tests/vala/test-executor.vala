// SPDX-FileCopyrightText: mirakuru-glib contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

// A real redis-server, errors told apart by their codes, signals, and the end of an executor.

void start_use_stop () throws Error {
	var redis = redis_executor ();
	if (redis == null) {
		return;
	}
	assert (Call.start (redis));
	assert (redis.state == Mk.ExecutorState.READY);
	assert (ping (redis.port) == "PONG");
	assert (Call.stop (redis));
	assert (redis.state == Mk.ExecutorState.STOPPED);
	assert (redis.exit_status == 0);
	assert (!redis.active);
}

async string start_ping_stop (Mk.TcpExecutor redis) throws Error {
	yield redis.start_async ();
	var answer = ping (redis.port);
	yield redis.stop_async ();
	return answer;
}

void yields () throws Error {
	Mk.TcpExecutor[] all = { redis_executor (), redis_executor () };
	string[] answers = {};
	if (all[0] == null) {
		return;
	}
	foreach (var redis in all) {
		start_ping_stop.begin (redis, (_, result) => {
			try {
				answers += start_ping_stop.end (result);
			} catch (Error error) {
				answers += error.message;
			}
		});
	}
	iterate_until (() => answers.length == 2);
	assert (answers[0] == "PONG");
	assert (answers[1] == "PONG");
	assert (!all[0].active && !all[1].active);
}

void port_is_held () throws Error {
	var first = redis_executor ();
	if (first == null) {
		return;
	}
	assert (Call.start (first));
	var second = new Mk.TcpExecutor (first.command, LOCALHOST, first.port);
	var error = start_failure (second);
	assert (error is Mk.Error.ALREADY_RUNNING);
	assert (error.message.contains ("redis-server"));
	assert (Call.stop (first));
}

void errors () throws Error {
	assert (start_failure (new Mk.SimpleExecutor ({})) is Mk.Error.INVALID_ARGUMENT);
	assert (start_failure (new Mk.SimpleExecutor ({ "mk-no-such-program" })) is Mk.Error.SPAWN_FAILED);

	var port = Support.free_port ();
	var failing = new Mk.TcpExecutor (
		Support.service_argv (Support.new_tag (), "--stderr", "no space left", "--exit", "3"), LOCALHOST, port);
	var error = start_failure (failing);
	assert (error is Mk.Error.EXITED);
	assert (error.message.contains ("no space left"));
	assert (failing.exit_status == 3);

	var late = new Mk.TcpExecutor (Support.service_argv (Support.new_tag ()), LOCALHOST, port);
	late.start_timeout = 100;
	assert (start_failure (late) is Mk.Error.TIMED_OUT);
	assert (!late.active);
}

// An errordomain can be caught by name.
void caught () throws Error {
	try {
		Call.start (new Mk.SimpleExecutor ({ "mk-no-such-program" }));
		assert_not_reached ();
	} catch (Mk.Error.SPAWN_FAILED error) {
		assert (error.message.contains ("mk-no-such-program"));
	}
}

void wait_check () throws Error {
	Environment.set_variable ("MK_TEST_UNWANTED", "here", true);
	var executor = new Mk.SimpleExecutor ({ "sh", "-c", "echo ${MK_TEST_UNWANTED-unset}; exit ${STATUS:-0}" });
	executor.environment = { "MK_TEST_UNWANTED" };
	assert (Call.start (executor));
	assert (executor.wait_check ());
	assert (output_of (executor) == "unset\n");

	executor.environment = { "STATUS=4" };
	assert (Call.start (executor));
	try {
		executor.wait_check ();
		assert_not_reached ();
	} catch (Mk.Error.FINISHED_WITH_ERROR error) {
		assert (executor.exit_status == 4);
	}
}

void ends_with_error () throws Error {
	int? told = null;
	var executor = new Mk.SimpleExecutor (
		Support.service_argv (Support.new_tag (), "--exit", "4", "--exit-after", "20"));
	executor.exited.connect (status => told = status);
	assert (Call.start (executor));
	iterate_until (() => told != null);
	assert (told == 4);
	assert (executor.state == Mk.ExecutorState.EXITED);
	try {
		Call.stop (executor);
		assert_not_reached ();
	} catch (Mk.Error.FINISHED_WITH_ERROR error) {
		assert (error.message.contains ("status 4"));
	}
}

void lines () throws Error {
	string[] told = {};
	var executor = new Mk.SimpleExecutor (
		Support.service_argv (Support.new_tag (), "--print", "first", "--print", "second"));
	executor.line.connect ((stream, text) => told += text);
	assert (Call.start (executor));
	iterate_until (() => told.length == 2);
	assert (told[0] == "first" && told[1] == "second");
	assert (Call.kill (executor));
	assert (executor.exit_status == -(int) ProcessSignal.KILL);
	assert (output_of (executor) == "first\nsecond\n");
}

void use_after_stop () throws Error {
	var executor = new Mk.SimpleExecutor (Support.service_argv (Support.new_tag (), "--print", "told"));
	assert (Call.stop (executor)); // there is nothing to stop
	for (int i = 0; i < 2; i++) {
		assert (Call.start (executor));
		iterate_until (() => output_of (executor) == "told\n");
		assert (Call.stop (executor));
		assert (Call.stop (executor));
		assert (output_of (executor) == "told\n");
	}
	try {
		executor.send_signal (ProcessSignal.USR1);
		assert_not_reached ();
	} catch (Error error) {
		assert (!executor.running);
	}
}

void cancelled () throws Error {
	var tag = Support.new_tag ();
	var executor = new Mk.TcpExecutor (Support.service_argv (tag), LOCALHOST, Support.free_port ());
	var cancellable = new Cancellable ();
	Error? failure = null;
	executor.start_async.begin (cancellable, (_, result) => {
		try {
			executor.start_async.end (result);
		} catch (Error error) {
			failure = error;
		}
	});
	iterate_until (() => executor.running);
	cancellable.cancel ();
	iterate_until (() => failure != null);
	assert (failure is IOError.CANCELLED);
	assert (Support.count_tagged (tag) == 0);
}

void last_reference () throws Error {
	var tag = Support.new_tag ();
	var executor = new Mk.SimpleExecutor (
		Support.service_argv (tag, "--children", "2", "--setsid-children", "--deaf"));
	assert (Call.start (executor));
	assert (Support.count_tagged (tag) > 0);
	executor = null;
	assert (Support.wait_untagged (tag, Support.LIMIT_MS));
}

int main (string[] args) {
	Test.init (ref args);
	add_both_ways ("/vala/redis/start-use-stop", start_use_stop);
	add ("/vala/redis/yield", yields);
	add_both_ways ("/vala/redis/port-is-held", port_is_held);
	add_both_ways ("/vala/executor/wait-check", wait_check);
	add_both_ways ("/vala/errors/codes", errors);
	add_both_ways ("/vala/errors/caught-by-name", caught);
	add_both_ways ("/vala/errors/ends-with-error", ends_with_error);
	add ("/vala/errors/cancelled", cancelled);
	add_both_ways ("/vala/life/lines", lines);
	add_both_ways ("/vala/life/use-after-stop", use_after_stop);
	add_both_ways ("/vala/life/last-reference", last_reference);
	return Test.run ();
}
