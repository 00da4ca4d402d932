import { createHash, createHmac, randomBytes } from 'node:crypto';

export const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
export const hmac = (key: string, text: string): string => createHmac('sha256', key).update(text).digest('hex');

/** `tw_` and 256 random bits. A fast hash is enough for it: there is nothing to guess. */
export function newApiKey(): { key: string; hash: string; prefix: string } {
  const key = `tw_${randomBytes(32).toString('base64url')}`;
  return { key, hash: sha256(key), prefix: key.slice(0, 9) };
}

const CREDENTIAL_NAME = /pass(word|wd|phrase)$|^pass$|secret|token$|api_?key|private_?key|credential|^auth(orization)?$|database_?url|connection_?string|dsn$/i;
const CREDENTIAL_VALUE = /^[a-z][a-z0-9+.-]*:\/\/[^/\s:@]+:[^/\s@]+@|^tw_[\w-]{20,}|^(sk|pk|ghp|xox[abp])[-_]\w{10,}|-----BEGIN [A-Z ]*PRIVATE KEY/i;

/**
 * Path of the first entry that looks like a credential, or null. What agents report and are configured with is shown
 * to every viewer; one of the originals served its database password that way.
 */
export function credentialIn(value: unknown, path = ''): string | null {
  if (typeof value === 'string') return CREDENTIAL_VALUE.test(value) ? path : null;
  if (value === null || typeof value !== 'object') return null;
  for (const [key, inner] of Object.entries(value)) {
    const place = path ? `${path}.${key}` : key;
    if (!Array.isArray(value) && CREDENTIAL_NAME.test(key) && inner !== null && inner !== '') return place;
    const found = credentialIn(inner, place);
    if (found !== null) return found;
  }
  return null;
}
