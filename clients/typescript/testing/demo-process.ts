import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { transformFileSync } from '@swc/core';

const sources = dirname(dirname(fileURLToPath(import.meta.url)));

/** A machine that stands still for seconds must not look like a server that does not answer. */
export const PATIENTLY = 'data:text/javascript,const timeout = AbortSignal.timeout; AbortSignal.timeout = (ms) => timeout.call(AbortSignal, ms * 30);';

/** The client compiled into a folder of its own, so that it can be run, and killed, as a process. */
export class DemoProcess {
  readonly folder = mkdtempSync(join(tmpdir(), 'demo-'));
  private readonly children = new Set<ChildProcess>();

  constructor() {
    const code = join(this.folder, 'code');
    mkdirSync(code);
    for (const name of readdirSync(sources)) {
      if (!name.endsWith('.ts') || name.endsWith('.spec.ts')) continue;
      const options = { jsc: { target: 'es2023', parser: { syntax: 'typescript' } }, module: { type: 'es6' } } as const;
      writeFileSync(join(code, name.replace(/ts$/, 'js')), transformFileSync(join(sources, name), options).code);
    }
    writeFileSync(join(code, 'package.json'), '{"type":"module"}');
    symlinkSync(join(sources, '..', '..', 'node_modules'), join(code, 'node_modules'));
  }

  /** Starts the demo on `<folder>/data`. `ended` gives its exit code (null after a signal) and all that it wrote. */
  start(args: string[], env: NodeJS.ProcessEnv): { child: ChildProcess; ended: Promise<{ code: number | null; out: string; err: string }> } {
    const child = spawn(process.execPath, ['--import', PATIENTLY, join(this.folder, 'code', 'demo.js'), '--data-dir', join(this.folder, 'data'), ...args], {
      env: { PATH: process.env.PATH, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.children.add(child);
    let [out, err] = ['', ''];
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
    const ended = new Promise<{ code: number | null; out: string; err: string }>((resolve) => {
      child.on('close', (code) => {
        this.children.delete(child);
        resolve({ code, out, err });
      });
    });
    return { child, ended };
  }

  /** Forgets what the demo knows, as another machine would. */
  forget(): void {
    rmSync(join(this.folder, 'data'), { recursive: true, force: true });
  }

  cleanUp(): void {
    for (const child of this.children) child.kill('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
  }
}
