import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { replaceFile } from './durable-file.js';
import { lockFileNow } from './file-lock.js';

const SECRET = /^[0-9a-f]{64}$/;
const NAME = /^[a-zA-Z][a-zA-Z0-9]*$/;
const LOCK_WAIT_MS = 10_000;

/**
 * A random 256-bit secret (64 hex digits) of this name, made at the first call and kept in DATA_DIR/secrets.json
 * (0600). Processes that ask at the same moment get the same one. Throws when the file cannot be read or understood:
 * a new secret in place of a lost one would lock everybody out without a word.
 */
export function keptSecret(dataDir: string, name: string): string {
  if (!NAME.test(name)) throw new Error(`Not a name for a secret: "${name}"`);
  const kept = readKeptSecret(dataDir, name);
  if (kept) return kept;
  mkdirSync(dataDir, { recursive: true });
  const lock = lockFileNow(join(dataDir, '.secrets.lock'), LOCK_WAIT_MS);
  if (!lock) throw new Error(`${dataDir}/.secrets.lock has been held by another process for ${LOCK_WAIT_MS / 1000} s`);
  try {
    const secrets = readSecrets(dataDir);
    if (secrets.has(name)) return checked(dataDir, name, secrets.get(name));
    const secret = randomBytes(32).toString('hex');
    secrets.set(name, secret);
    replaceFile(secretsPath(dataDir), `${JSON.stringify(Object.fromEntries(secrets), null, 2)}\n`, 0o600);
    return secret;
  } finally {
    lock.release();
  }
}

/** The kept secret of this name, or null when none was made yet; makes and writes nothing. */
export function readKeptSecret(dataDir: string, name: string): string | null {
  const secrets = readSecrets(dataDir);
  return secrets.has(name) ? checked(dataDir, name, secrets.get(name)) : null;
}

function checked(dataDir: string, name: string, value: unknown): string {
  if (typeof value === 'string' && SECRET.test(value)) return value;
  throw new Error(`${secretsPath(dataDir)}: "${name}" is not 64 hex digits`);
}

function secretsPath(dataDir: string): string {
  return join(dataDir, 'secrets.json');
}

function readSecrets(dataDir: string): Map<string, unknown> {
  const path = secretsPath(dataDir);
  const text = readIfThere(path);
  if (text === null) return new Map();
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    // The parser's message quotes the text, and the text is secret.
    throw new Error(`${path} is not JSON; put back a good copy, or remove it to begin with new secrets`);
  }
  if (parsed === null || typeof parsed !== 'object' || Array.isArray(parsed)) {
    throw new Error(`${path} does not hold an object of secrets`);
  }
  closeToOthers(path);
  return new Map<string, unknown>(Object.entries(parsed));
}

function readIfThere(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** A copy or a restore can come back readable by everyone. */
function closeToOthers(path: string): void {
  const { mode, uid } = statSync(path);
  const me = process.getuid?.();
  if ((mode & 0o077) !== 0 && (me === 0 || me === uid)) chmodSync(path, 0o600);
}
