import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** From package.json, found upwards: the file stands at another depth in dist/ than in src/. */
function readVersion(): string {
  for (let folder = dirname(fileURLToPath(import.meta.url)); folder !== dirname(folder); folder = dirname(folder)) {
    try {
      const { name, version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { name?: string; version?: string };
      if (name === 'tradewarden' && version) return version;
    } catch {
      // Not in this folder.
    }
  }
  return 'unknown';
}

export const APP_VERSION = readVersion();
