import { dirname, isAbsolute, join } from 'node:path';
import { z } from 'zod';

/** Where a mirror keeps the files of an old system. */
export interface MirrorPlace {
  medium: 'sqlite' | 'folder';
  /** Of the file, or the folder. Absolute. */
  path: string;
  /** Of which old system. */
  shape: string;
  /** Beside it: what this system itself reads there while its database is away, and the lock. */
  ownFolder: string;
  /** As it was set. */
  text: string;
}

const FORM = /^(sqlite|csv):([^?#]+)\?shape=([a-z0-9-]{1,50})$/;

export const mirrorPlace = z
  .string()
  .max(500, { error: 'must have at most 500 characters' })
  .refine((text) => FORM.test(text) && isAbsolute(FORM.exec(text)?.[2] ?? ''), { error: 'must be sqlite:/path/file.db?shape=SYSTEM or csv:/folder?shape=SYSTEM, with an absolute path' })
  .transform((text): MirrorPlace => {
    const [, medium, path = '', shape = ''] = FORM.exec(text) ?? [];
    return { medium: medium === 'sqlite' ? 'sqlite' : 'folder', path, shape, ownFolder: join(medium === 'sqlite' ? dirname(path) : path, 'tradewarden'), text };
  });
