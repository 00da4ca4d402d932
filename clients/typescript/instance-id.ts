import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { readIfThere, replaceFile } from './durable-file.js';

/**
 * Names this copy to the server, which lets one copy of an agent trade. It stays with the folder, whose lock lets one
 * process in: an agent that is started again after a crash is the same copy, and need not wait until it counts as
 * silent. A folder that was copied to another machine makes another copy.
 */
export function instanceIdOf(folder: string): string {
  const path = `${folder}/instance-id`;
  const [known = '', host] = readIfThere(path)?.trim().split(' ') ?? [];
  if (known && host === hostname()) return known;
  const made = randomUUID();
  replaceFile(path, `${made} ${hostname()}`);
  return made;
}
