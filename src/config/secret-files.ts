import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';

/** What holds a password, a key or a token may come from a file as well: secrets of containers are files. By name, so that none is forgotten. */
const SECRET_NAME = /^(DATABASE_(\w+_)?URL|\w+_(SECRET|KEY|KEYS_FORMER|TOKEN|PASSWORD)|WATCHDOG_URL)$/;
const FILE_BYTES_MOST = 16_384;

/** The name of the setting that names a file with this one's value; null for what is no secret. */
export const fileSettingOf = (name: string): string | null => (SECRET_NAME.test(name) ? `${name}_FILE` : null);

/**
 * The environment with the values of the files that it names. An empty variable is not set, as everywhere.
 * @param violations gains a sentence for each file that cannot be taken; neither its content nor its path is in it, for the secret itself may stand where a path belongs
 */
export function withSecretFiles(source: NodeJS.ProcessEnv, names: readonly string[], violations: string[]): NodeJS.ProcessEnv {
  const found = { ...source };
  for (const name of names) {
    const file = fileSettingOf(name);
    const path = file === null ? undefined : source[file];
    if (file === null || !path) continue;
    if (source[name]) {
      violations.push(`${name} and ${file} are both set: one of them must go`);
      continue;
    }
    const read = readSecret(path);
    if ('fault' in read) violations.push(`${file} ${read.fault}`);
    else found[name] = read.value;
  }
  return found;
}

/** Without the line end that every editor and `echo` puts behind it. */
function readSecret(path: string): { value: string } | { fault: string } {
  let bytes: Buffer;
  try {
    bytes = readMost(path);
  } catch (error) {
    return { fault: `names what cannot be read (${(error as NodeJS.ErrnoException).code ?? 'no file'})` };
  }
  if (bytes.length > FILE_BYTES_MOST) return { fault: `names a file of more than ${FILE_BYTES_MOST} bytes` };
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes).replace(/[\r\n]+$/, '');
  } catch {
    return { fault: 'names a file that is not UTF-8 text' };
  }
  if (text.trim() === '') return { fault: 'names an empty file' };
  return /[\r\n\0]/.test(text) ? { fault: 'names a file that is not one line of text' } : { value: text };
}

/** No more than tells that it is too much: the path may lead to a device without an end. A pipe without a writer would hold the start up for ever: opening it waits, unless told not to. */
function readMost(path: string): Buffer {
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    if (!fstatSync(file).isFile()) throw Object.assign(new Error(), { code: 'not a file' });
    const bytes = Buffer.alloc(FILE_BYTES_MOST + 1);
    let length = 0;
    for (let read = -1; read !== 0 && length < bytes.length; length += read) read = readSync(file, bytes, length, bytes.length - length, null);
    return bytes.subarray(0, length);
  } finally {
    closeSync(file);
  }
}
