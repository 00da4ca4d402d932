import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

export const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
export const hmac = (key: string, text: string): string => createHmac('sha256', key).update(text).digest('hex');

/** Takes the same time wherever they differ, and whatever their lengths. */
export const sameSecret = (given: string, secret: string): boolean => timingSafeEqual(Buffer.from(sha256(given)), Buffer.from(sha256(secret)));

/** `tw_` and 256 random bits. A fast hash is enough for it: there is nothing to guess. */
export function newApiKey(): { key: string; hash: string; prefix: string } {
  const key = `tw_${randomBytes(32).toString('base64url')}`;
  return { key, hash: sha256(key), prefix: key.slice(0, 9) };
}
