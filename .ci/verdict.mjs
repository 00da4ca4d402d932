/**
 * What the runs of the tests came to. `failed <results>` prints the files to run once more; `count <open> <results> [<again>]`
 * prints what was left out, what failed once only, and `N passed, N failed`, and exits 1 unless all passed.
 * Results are what jest writes with --json.
 */
import { existsSync, readFileSync } from 'node:fs';

/** More than these are no chance, and running them again would only take time. */
const FLAKY_FILES_MOST = 4;

const [what, ...args] = process.argv.slice(2);

function read(file) {
  if (!file || !existsSync(file)) return null;
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return null;
  }
}

const failedFiles = (results) => (results?.testResults ?? []).filter(({ status }) => status === 'failed').map(({ name }) => name);

if (what === 'failed') {
  const files = failedFiles(read(args[0]));
  if (files.length <= FLAKY_FILES_MOST) for (const file of files) console.log(file);
} else {
  const [open, first, second] = args;
  const results = read(first);
  const again = new Map((read(second)?.testResults ?? []).map((suite) => [suite.name, suite]));
  const count = { passed: 0, failed: 0, skipped: 0 };
  for (const suite of results?.testResults ?? []) {
    const last = again.get(suite.name) ?? suite;
    for (const { status, fullName } of last.assertionResults) {
      if (status === 'passed') count.passed += 1;
      else if (status === 'failed') count.failed += 1;
      else if (status === 'pending') {
        count.skipped += 1;
        console.log(`skipped: ${fullName}`);
      }
    }
    // A file that could not run has failed without a test to its name.
    if (last.status === 'failed' && !last.assertionResults.some(({ status }) => status === 'failed')) count.failed += 1;
    if (last !== suite && last.status !== 'failed') {
      const tests = suite.assertionResults.filter(({ status }) => status === 'failed').map(({ fullName }) => fullName);
      for (const name of tests.length > 0 ? tests : [suite.name]) console.log(`flaky, passed when run again alone: ${name}`);
    }
  }
  console.log(`${count.passed} passed, ${count.failed} failed`);
  process.exit(count.failed > 0 || (count.skipped > 0 && open === '1') || count.passed === 0 ? 1 : 0);
}
