import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { TEST_SECRETS } from './app.js';

export interface CliRun<T = Record<string, unknown>> {
  code: number | null;
  stdout: string;
  stderr: string;
  /** Stdout as one object; throws when it is anything else. */
  json: T;
}

/** Settings with which it is killed by itself at the line that says this, before it does what that says. */
export const diesAt = (line: string): Record<string, string> => ({ NODE_OPTIONS: `--import=${pathToFileURL(join(process.cwd(), 'test/support/dies-at.mjs')).href}`, DIES_AT: line });

/**
 * Runs the built command line in a process of its own, with nothing of this process's environment.
 * @param hear is given what it writes to stderr, as it does, and the process
 * @param begun is given the process
 */
export async function cli<T = Record<string, unknown>>(
  args: string[], env: Record<string, string> = {}, stdin = '', hear: (stderr: string, child: ChildProcess) => void = () => undefined,
  begun: (child: ChildProcess) => void = () => undefined,
): Promise<CliRun<T>> {
  const child = spawn(process.execPath, [join(process.cwd(), 'dist', 'src', 'cli.js'), ...args], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'], NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'], NODE_ENV: 'test', DATA_DIR: '/nonexistent/tradewarden', ...TEST_SECRETS, ...env },
  });
  begun(child);
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (data: Buffer) => (stdout += data.toString()));
  child.stderr.on('data', (data: Buffer) => {
    stderr += data.toString();
    hear(stderr, child);
  });
  child.stdin.end(stdin);
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return {
    code, stdout, stderr,
    get json() {
      if (!/^\{.*\}\n$/.test(stdout)) throw new Error(`not one object on stdout: ${stdout}\nstderr: ${stderr}`);
      return JSON.parse(stdout) as T;
    },
  };
}
