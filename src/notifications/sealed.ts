import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';

interface Key {
  id: string;
  key: Buffer;
}

const derived = (auditKey: string): Key => {
  const of = (purpose: string, bytes: number) => Buffer.from(hkdfSync('sha256', auditKey, 'tradewarden', purpose, bytes));
  return { id: of('notification secrets key id', 8).toString('hex'), key: of('notification secrets', 32) };
};

/**
 * Secrets at rest: AES-256-GCM under a key that is derived from AUDIT_KEY, with the name of the secret authenticated,
 * so that one cannot be put in another's place. Those that were sealed under a former key can still be read.
 */
export class Sealed {
  private readonly keys: readonly Key[];

  constructor(auditKey: string, former: readonly string[] = []) {
    this.keys = [auditKey, ...former].map(derived);
  }

  seal(name: string, secret: string): string {
    const { id, key } = this.keys[0] as Key;
    const nonce = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(name));
    const text = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final()]);
    return ['v1', id, nonce.toString('base64url'), Buffer.concat([text, cipher.getAuthTag()]).toString('base64url')].join('.');
  }

  /** Null: sealed under a key that this server does not have, or changed since. */
  open(name: string, sealed: string): string | null {
    const [version, id, nonce = '', rest = ''] = sealed.split('.');
    const key = this.keys.find((each) => each.id === id)?.key;
    const bytes = Buffer.from(rest, 'base64url');
    if (version !== 'v1' || !key || bytes.length < 16) return null;
    try {
      const decipher = createDecipheriv('aes-256-gcm', key, Buffer.from(nonce, 'base64url'), { authTagLength: 16 }).setAAD(Buffer.from(name));
      decipher.setAuthTag(bytes.subarray(-16));
      return Buffer.concat([decipher.update(bytes.subarray(0, -16)), decipher.final()]).toString('utf8');
    } catch {
      return null;
    }
  }
}
