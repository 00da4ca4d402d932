import { spawn } from 'node:child_process';
import { basename } from 'node:path';
import { environmentOfCommands } from '../config/env.js';

/** A copy of a large backup over a slow line. */
const UPLOAD_MS = 4 * 3_600_000;
const KILL_AFTER_MS = 10_000;
const OUTPUT_MOST = 4_000;

/** Values of the environment by such names are never shown, whatever the command prints. */
const SECRET_NAME = /KEY|SECRET|TOKEN|PASS|CREDENTIAL|AUTH/i;

/** How the command failed, in its own last words, and what of them is to be hidden. */
export class UploadFailed extends Error {
  constructor(message: string, readonly secrets: readonly string[]) {
    super(message);
  }
}

/**
 * Runs BACKUP_UPLOAD_COMMAND in a shell, with the backup's folder as its first argument and in BACKUP_FOLDER, and its
 * name in BACKUP_NAME. Of our own settings it sees none. What it starts ends with it when its time is over.
 * @throws {UploadFailed} unless it ends with 0
 */
export async function upload(command: string, folder: string, signal: AbortSignal, timeoutMs = UPLOAD_MS): Promise<void> {
  const environment = environmentOfCommands();
  const secrets = Object.entries(environment).filter(([name]) => SECRET_NAME.test(name)).flatMap(([, value]) => [value, ...value.split(/\s*\n\s*/)]).filter((value) => value.length > 5);
  const child = spawn('/bin/sh', ['-c', command, 'sh', folder], { stdio: ['ignore', 'pipe', 'pipe'], detached: true, env: { ...environment, BACKUP_FOLDER: folder, BACKUP_NAME: basename(folder) } });
  let said = '';
  const hear = (text: string) => (said = (said + text).slice(-OUTPUT_MOST));
  child.stdout.setEncoding('utf8').on('data', hear);
  child.stderr.setEncoding('utf8').on('data', hear);
  const all = (name: NodeJS.Signals) => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, name);
    } catch {
      // Ended meanwhile.
    }
  };
  const limit = AbortSignal.timeout(timeoutMs);
  const ended = AbortSignal.any([signal, limit]);
  const stop = () => {
    all('SIGTERM');
    setTimeout(() => all('SIGKILL'), Math.min(KILL_AFTER_MS, timeoutMs)).unref();
  };
  ended.addEventListener('abort', stop, { once: true });
  try {
    const code = await new Promise<number | NodeJS.Signals | null>((resolve, reject) => {
      child.once('error', reject);
      // Not 'close': what it left running in the background may hold its output open for ever.
      child.once('exit', (status, by) => resolve(status ?? by));
    });
    signal.throwIfAborted();
    if (limit.aborted) throw new UploadFailed(`BACKUP_UPLOAD_COMMAND took longer than ${Math.round(timeoutMs / 60_000)} minutes and was ended`, secrets);
    if (code !== 0) throw new UploadFailed(`BACKUP_UPLOAD_COMMAND ended with ${String(code)}${lastLine(said, secrets)}`, secrets);
  } finally {
    ended.removeEventListener('abort', stop);
    child.stdout.destroy();
    child.stderr.destroy();
  }
}

/** What is hidden is hidden before it is cut: half a secret is one. */
const lastLine = (said: string, secrets: readonly string[]): string => {
  const known = secrets.toSorted((one, other) => other.length - one.length);
  const whole = said.length < OUTPUT_MOST ? said : said.slice(known[0]?.length ?? 0);
  const shown = known.reduce((text, secret) => text.replaceAll(secret, '***'), whole);
  const line = shown.split('\n').map((each) => each.trim()).filter(Boolean).at(-1);
  return line === undefined ? '' : `: ${line.slice(0, 300)}`;
};
