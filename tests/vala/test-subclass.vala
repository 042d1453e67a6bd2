// SPDX-FileCopyrightText: mirakuru-glib contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

// Probes and executors written in Vala: each step of a service's life can be taken over.

// ---- probes ----

class CountingProbe : Mk.Probe {
	public int attempts;
	public string seen = "";

	public override bool check_now () throws Error {
		return ++attempts >= 3;
	}

	public override string describe () {
		return "Vala had its way";
	}

	public override void attach (Mk.SimpleExecutor executor) {
		seen += "attach ";
		base.attach (executor);
	}

	public override void detach (Mk.SimpleExecutor executor) {
		seen += "detach ";
		base.detach (executor);
	}
}

class TaskProbe : Mk.Probe {
	public int attempts;

	public override void check_task (Task task) {
		attempts++;
		later (task, attempts >= 3);
	}
}

class FailingProbe : Mk.Probe {
	public Error error;
	public int attempts;

	public override bool check_now () throws Error {
		if (++attempts < 3) {
			throw error;
		}
		return true;
	}
}

class ChainUpProbe : Mk.Probe {
	public override bool check_now () throws Error {
		return base.check_now ();
	}
}

class ChainUpTaskProbe : Mk.Probe {
	public override bool check_now () {
		return true;
	}

	public override void check_task (Task task) {
		base.check_task (task);
	}
}

class NoProbe : Mk.Probe {
}

// Returns a task from a timeout, as a step that takes time does.
void later (Task task, bool result) {
	var source = new TimeoutSource (2);
	source.set_callback (() => {
		task.return_boolean (result);
		return Source.REMOVE;
	});
	source.attach (task.get_context ());
}

Error wait_failure (Mk.Probe probe, uint timeout_ms) {
	try {
		Call.wait (probe, timeout_ms);
	} catch (Error error) {
		return error;
	}
	assert_not_reached ();
}

void probe_check () throws Error {
	var probe = new CountingProbe ();
	assert (!Call.check (probe));
	assert (Call.wait (probe, Support.LIMIT_MS));
	assert (probe.attempts == 3);
	probe.attempts = int.MIN;
	assert ("Vala had its way" in wait_failure (probe, 30).message);
}

// Without it the probe would be polled once a minute.
void probe_wake () throws Error {
	var probe = new CountingProbe ();
	probe.interval = 60000;
	probe.attempts = 1;
	var thread = new Thread<bool> ("waker", () => {
		while (probe.attempts < 2) {
			Thread.usleep (1000);
		}
		probe.wake ();
		return true;
	});
	assert (Call.wait (probe, Support.LIMIT_MS));
	assert (probe.attempts == 3);
	thread.join ();
}

void probe_task () throws Error {
	var probe = new TaskProbe ();
	assert (!Call.check (probe));
	assert (Call.wait (probe, Support.LIMIT_MS));
	assert (probe.attempts == 3);
}

void probe_throws () throws Error {
	var probe = new FailingProbe ();
	probe.error = new IOError.BUSY ("busy");
	assert (Call.wait (probe, Support.LIMIT_MS));
	assert (probe.attempts == 3);

	probe.attempts = 0;
	probe.error = new Mk.Error.FAILED ("never ever");
	var error = wait_failure (probe, Support.LIMIT_MS);
	assert (error is Mk.Error.FAILED);
	assert ("never ever" in error.message);
}

void probe_chains_up () throws Error {
	assert (Call.wait (new ChainUpTaskProbe (), Support.LIMIT_MS));
	assert (wait_failure (new ChainUpProbe (), Support.LIMIT_MS) is Mk.Error.FAILED);
	assert (wait_failure (new NoProbe (), Support.LIMIT_MS) is Mk.Error.FAILED);
}

void probe_of_executor () throws Error {
	var probe = new CountingProbe ();
	var executor = new Mk.Executor (Support.service_argv (Support.new_tag ()), probe);
	assert (Call.start (executor));
	assert (probe.seen == "attach detach ");
	assert (Call.stop (executor));
}

// ---- executors ----

class Recorder : Mk.SimpleExecutor {
	public string tag = Support.new_tag ();
	public string seen = "";

	public override void prepare (Task task) {
		seen += "prepare ";
		later (task, true);
	}

	public override string[]? build_command () throws Error {
		seen += "build_command ";
		return Support.service_argv (tag, "--print", "built in Vala");
	}

	public override void started (Task task) {
		seen += "started ";
		later (task, true);
	}

	public override void cleanup (Task task) {
		seen += "cleanup ";
		later (task, true);
	}
}

class ChainUp : Mk.TcpExecutor {
	public string seen = "";

	public ChainUp (string tag, uint port) {
		Object (command: Support.service_argv (tag, "--listen", @"$LOCALHOST:$port"), host: LOCALHOST, port: port);
	}

	void see (string step) {
		if (!(step in seen)) {
			seen += step + " ";
		}
	}

	public override bool pre_start_check () throws Error {
		see ("pre_start_check");
		return base.pre_start_check ();
	}

	public override void prepare (Task task) {
		see ("prepare");
		base.prepare (task);
	}

	public override string[]? build_command () throws Error {
		see ("build_command");
		return base.build_command ();
	}

	public override bool after_start_check () throws Error {
		see ("after_start_check");
		return base.after_start_check ();
	}

	public override bool check_alive () throws Error {
		return base.check_alive ();
	}

	public override void started (Task task) {
		see ("started");
		base.started (task);
	}

	public override void request_stop (Task task) {
		see ("request_stop");
		base.request_stop (task);
	}

	public override void cleanup (Task task) {
		see ("cleanup");
		base.cleanup (task);
	}
}

// Fails in the step that is named.
class Failing : Mk.Executor {
	public string tag = Support.new_tag ();
	public string step;
	public bool cleaned_up;

	public Failing (string step) {
		this.step = step;
	}

	void attempt (string now) throws Error {
		if (now == step) {
			throw new Mk.Error.FAILED (@"no luck in $step");
		}
	}

	void attempt_task (string now, Task task) {
		try {
			attempt (now);
			task.return_boolean (true);
		} catch (Error error) {
			task.return_error (error.copy ());
		}
	}

	public override bool pre_start_check () throws Error {
		attempt ("pre_start_check");
		return false;
	}

	public override string[]? build_command () throws Error {
		attempt ("build_command");
		return Support.service_argv (tag);
	}

	public override bool after_start_check () throws Error {
		attempt ("after_start_check");
		return true;
	}

	public override void prepare (Task task) {
		attempt_task ("prepare", task);
	}

	public override void started (Task task) {
		attempt_task ("started", task);
	}

	public override void request_stop (Task task) {
		attempt_task ("request_stop", task);
	}

	public override void cleanup (Task task) {
		cleaned_up = true;
		attempt_task ("cleanup", task);
	}
}

class GentleStop : Mk.SimpleExecutor {
	public GentleStop () {
		Object (command: Support.service_argv (Support.new_tag (), "--echo", "--deaf"),
			stdin_mode: Mk.StdioMode.PIPE);
	}

	public override void request_stop (Task task) {
		try {
			dup_stdin ().close ();
			task.return_boolean (true);
		} catch (Error error) {
			task.return_error (error.copy ());
		}
	}
}

void steps () throws Error {
	var executor = new Recorder ();
	assert (Call.start (executor));
	assert (executor.seen == "prepare build_command started ");
	iterate_until (() => "built in Vala\n" == output_of (executor));
	assert (Call.stop (executor));
	assert (executor.seen.has_suffix ("cleanup "));
}

void chain_up () throws Error {
	var tag = Support.new_tag ();
	var executor = new ChainUp (tag, Support.free_port ());
	assert (Call.start (executor));
	assert (Call.stop (executor));
	assert (executor.seen ==
		"pre_start_check prepare build_command after_start_check started request_stop cleanup ");
	assert (Support.count_tagged (tag) == 0);
}

void step_fails () throws Error {
	foreach (var step in new string[] { "pre_start_check", "prepare", "build_command", "after_start_check", "started" }) {
		var executor = new Failing (step);
		var error = start_failure (executor);
		assert (error is Mk.Error.FAILED);
		assert (@"no luck in $step" in error.message);
		assert (executor.cleaned_up == (step != "pre_start_check"));
		assert (Support.count_tagged (executor.tag) == 0);
	}
}

// Then the stop signal does it.
void request_stop_fails () throws Error {
	var executor = new Failing ("request_stop");
	assert (Call.start (executor));
	assert (Call.stop (executor));
	assert (executor.exit_status == -(int) ProcessSignal.TERM);
}

void request_stop () throws Error {
	var executor = new GentleStop ();
	assert (Call.start (executor));
	assert (Call.stop (executor));
	assert (executor.exit_status == 0);
}

void last_reference () throws Error {
	var executor = new Recorder ();
	var tag = executor.tag;
	assert (Call.start (executor));
	assert (Support.count_tagged (tag) == 1);
	executor = null;
	assert (Support.wait_untagged (tag, Support.LIMIT_MS));
}

int main (string[] args) {
	Test.init (ref args);
	add_both_ways ("/vala/probe/check", probe_check);
	add_both_ways ("/vala/probe/wake", probe_wake);
	add_both_ways ("/vala/probe/task", probe_task);
	add_both_ways ("/vala/probe/throws", probe_throws);
	add_both_ways ("/vala/probe/chains-up", probe_chains_up);
	add_both_ways ("/vala/probe/of-executor", probe_of_executor);
	add_both_ways ("/vala/executor/steps", steps);
	add_both_ways ("/vala/executor/chain-up", chain_up);
	add_both_ways ("/vala/executor/step-fails", step_fails);
	add_both_ways ("/vala/executor/request-stop", request_stop);
	add_both_ways ("/vala/executor/request-stop-fails", request_stop_fails);
	add_both_ways ("/vala/executor/last-reference", last_reference);
	return Test.run ();
}
