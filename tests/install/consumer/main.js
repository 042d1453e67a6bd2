// SPDX-License-Identifier: LGPL-2.1-or-later

// The same in JavaScript. The argument says where the module was installed.
const {default: Mk, withExecutor} = await import(`file://${ARGV[0]}`);

const executor = Mk.SimpleExecutor.new(['sleep', '60']);
await withExecutor(executor, () => {
  if (executor.state !== Mk.ExecutorState.READY)
    throw new Error('it is not ready');
});
print(executor.active ? 'still active' : 'started and stopped');
