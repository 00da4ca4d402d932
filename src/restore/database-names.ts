import { randomBytes } from 'node:crypto';

/** Of PostgreSQL, in bytes. */
const NAME_MOST = 63;

const stamp = (at: Date): string => at.toISOString().replaceAll(/[-:]|\.\d+/g, '').toLowerCase();

export type Purpose = 'restore' | 'drill';

/** `tradewarden_restore_20260131t020000z_0a1b2c3d`. */
export const newName = (purpose: Purpose, at: Date): string => `tradewarden_${purpose}_${stamp(at)}_${randomBytes(4).toString('hex')}`;

/** Of the database that was live until then. Its own name is cut where both would be too long: in bytes, and behind a whole letter, or PostgreSQL cuts it elsewhere. */
export function nameBefore(live: string, at: Date): string {
  const end = `_before_${stamp(at)}`;
  return new TextDecoder().decode(Buffer.from(live).subarray(0, NAME_MOST - end.length), { stream: true }) + end;
}

/** Whether a database is one that a restore or a drill made: nothing else is ever dropped. */
export const isMade = (purpose: Purpose, name: string): boolean => new RegExp(`^tradewarden_${purpose}_\\d{8}t\\d{6}z_[0-9a-f]{8}$`).test(name);
