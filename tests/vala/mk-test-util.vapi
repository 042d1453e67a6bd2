// SPDX-FileCopyrightText: mirakuru-glib contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

// What the C tests have for all tests, as far as the Vala tests need it.
[CCode (cheader_filename = "mk-test-util.h", lower_case_cprefix = "mk_test_")]
namespace Support {
	[CCode (cname = "MK_TEST_LIMIT_MS")]
	public const int LIMIT_MS;

	public uint free_port ();
	public string new_tag ();
	public uint count_tagged (string tag);
	public bool wait_untagged (string tag, uint limit_ms);
	public void kill_tagged (string tag);
	[CCode (array_length = false, array_null_terminated = true, sentinel = "NULL")]
	public string[] service_argv (string tag, ...);
}
