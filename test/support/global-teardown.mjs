import { rmSync } from 'node:fs';

export default async function globalTeardown() {
  const { embedded, dataDir } = globalThis.testDatabase ?? {};
  await embedded?.release();
  if (dataDir) rmSync(dataDir, { recursive: true, force: true });
}
