import TestSequencer from '@jest/test-sequencer';

/** Seconds of what is long by waiting, on two cores. A file's size, which stands in where no time is known, says nothing of it. */
const LONG = [
  [/clients\/python\/python-(client|tests)/, 90], [/clients\/(python|typescript)\/.*process/, 30], [/\.fault\.spec/, 40], [/test\/(cli|demo)\//, 30],
  [/test\/execution\/simulated|test\/http\/hostile/, 60], [/test\/commands\/halt-races/, 40], [/test\/shared\/|breakers-settings|sign-in|rate-limited|wind-down|kill-switch/, 25],
];

/** The longest first, also in a fresh checkout: what begins last decides when the run ends. */
export default class Sequencer extends (TestSequencer.default ?? TestSequencer) {
  sort(tests) {
    const longest = ({ path, context }) => (LONG.find(([which]) => which.test(path))?.[1] ?? 0) * 1_000 + (context.hasteFS.getSize(path) ?? 0) / 10;
    const first = (test) => (this.hasFailed(test) ? Infinity : this.time(test) ?? longest(test));
    return [...tests].sort((a, b) => Math.sign(first(b) - first(a)) || a.path.localeCompare(b.path));
  }
}
