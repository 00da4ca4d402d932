import { randomBytes } from 'node:crypto';

/** `20260131T020000Z`. */
const stamp = (at: Date): string => at.toISOString().replaceAll(/[-:]|\.\d+/g, '');

export const backupName = (at: Date): string => `tradewarden-${stamp(at)}-${randomBytes(4).toString('hex')}`;
export const partialName = (name: string): string => `.partial-${name}`;

const SCRATCH = /^tradewarden_scratch_(\d{4})(\d\d)(\d\d)t(\d\d)(\d\d)(\d\d)z_[0-9a-f]{8}$/;
export const scratchName = (at: Date): string => `tradewarden_scratch_${stamp(at).toLowerCase()}_${randomBytes(4).toString('hex')}`;

/** When a scratch database was made; null for everything that is not ours. */
export function scratchTime(name: string): Date | null {
  const [, year, month, day, hour, minute, second] = SCRATCH.exec(name) ?? [];
  return year === undefined ? null : new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
}
