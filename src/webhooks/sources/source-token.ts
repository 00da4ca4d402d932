import { hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto';
import { hmac, sha256 } from '../../auth/secrets.js';

/** `tws_` and 256 random bits, so that it is recognised wherever it turns up; stored by its hash alone, which is enough: there is nothing to guess. */
export function newSourceToken(): { token: string; hash: string } {
  const token = `tws_${randomBytes(32).toString('base64url')}`;
  return { token, hash: sha256(token) };
}

/**
 * Secrets that stand in bodies are words that a person chose, so a plain hash could be guessed from the row. Keyed under
 * what is derived from AUDIT_KEY; those of its former values still hold.
 */
export class BodySecrets {
  private readonly keys: readonly string[];

  constructor(auditKey: string, former: readonly string[] = []) {
    this.keys = [auditKey, ...former].map((key) => Buffer.from(hkdfSync('sha256', key, 'tradewarden', 'webhook body secret', 32)).toString('hex'));
  }

  hashOf(secret: string): string {
    return hmac(this.keys[0] as string, secret);
  }

  /** Takes the same time wherever they differ. */
  isRight(told: string, hash: string): boolean {
    return this.keys.map((key) => timingSafeEqual(Buffer.from(hmac(key, told)), Buffer.from(hash))).includes(true);
  }
}
