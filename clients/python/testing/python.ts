import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

export const FOLDER = dirname(dirname(fileURLToPath(import.meta.url)));

/** Tests of the Python client are listed as skipped where the machine has no Python 3.9 or newer. */
export const hasPython = spawnSync('python3', ['-c', 'import sys; sys.exit(sys.version_info < (3, 9))']).status === 0;
export const hasOpenssl = existsSync('/usr/bin/openssl');

export interface Ended {
  /** Null after a signal. */
  code: number | null;
  out: string;
  err: string;
}

export interface Running {
  child: ChildProcess;
  ended: Promise<Ended>;
  /** What it wrote so far to both streams. */
  said: () => string;
}

/** For `-c`, in front of what runs the example: a machine that stands still for seconds must not look like an outage. */
export const PATIENT = `import os, signal, sys, tradewarden, example
tradewarden.CALL_TIMEOUT, tradewarden.CONNECT_TIMEOUT, tradewarden.FACTS_FIRST_SECONDS = 120, 60, 300
example.IDEA_SECONDS = example.GOODBYE_SECONDS = 300
`;
export const EXAMPLE = `${PATIENT}sys.exit(example.main(sys.argv[1:]))`;

const children = new Set<ChildProcess>();

/** Runs `python3 …args` in the folder of the client, with nothing of this process's environment but the path. */
export function python(args: string[], env: Record<string, string> = {}): Running {
  const child = spawn('python3', args, {
    cwd: FOLDER, stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], FULL_FIGURES: process.env['FULL_FIGURES'], PYTHONDONTWRITEBYTECODE: '1', ...env },
  });
  children.add(child);
  let [out, err] = ['', ''];
  child.stdout.on('data', (data: Buffer) => (out += data.toString()));
  child.stderr.on('data', (data: Buffer) => (err += data.toString()));
  const ended = new Promise<Ended>((resolve) => {
    child.once('close', (code) => {
      children.delete(child);
      resolve({ code, out, err });
    });
  });
  return { child, ended, said: () => out + err };
}

/** For `afterEach`: what a failed test left running. */
export async function stopPython(): Promise<void> {
  for (const child of children) {
    const closed = new Promise((resolve) => child.once('close', resolve));
    child.kill('SIGKILL');
    await closed;
  }
}
