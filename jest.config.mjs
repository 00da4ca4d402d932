const swc = {
  jsc: {
    target: 'es2023',
    keepClassNames: true,
    parser: { syntax: 'typescript', decorators: true },
    transform: { legacyDecorator: true, decoratorMetadata: true, useDefineForClassFields: false },
  },
  module: { type: 'es6' },
  sourceMaps: 'inline',
};

export default {
  testEnvironment: 'node',
  testRegex: '(src|clients|test)/.*\\.spec\\.ts$',
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '^.+\\.ts$': ['@swc/jest', swc] },
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  globalSetup: './test/support/global-setup.mjs',
  globalTeardown: './test/support/global-teardown.mjs',
  // More than the machine's cores: the specs wait for timers, processes and locks for half of their time.
  maxWorkers: 3,
  // A worker keeps what each file loaded: after a hundred of them it stood at 3 GB, and at the 4 GB of Node's heap it ends with the file that it runs.
  workerIdleMemoryLimit: '1500MB',
  testSequencer: './test/support/sequencer.mjs',
  // Against hanging only, and no test has its own: on a busy machine a start of a process takes ten times as long, and
  // "until" waits five times as long as it says. What must be fast measures that itself.
  testTimeout: process.env.FULL_FIGURES ? 3_600_000 : 600_000,
};
