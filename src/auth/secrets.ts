import { createHash, createHmac, randomBytes } from 'node:crypto';

export const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
export const hmac = (key: string, text: string): string => createHmac('sha256', key).update(text).digest('hex');

/** `tw_` and 256 random bits. A fast hash is enough for it: there is nothing to guess. */
export function newApiKey(): { key: string; hash: string; prefix: string } {
  const key = `tw_${randomBytes(32).toString('base64url')}`;
  return { key, hash: sha256(key), prefix: key.slice(0, 9) };
}
