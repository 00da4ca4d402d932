import { describe, expect, it } from '@jest/globals';
import { Sealed } from './sealed.js';

const KEY = 'e5Rw2Tz8Uq1Xv6Cn3Bm9Lk4Jh7Gf0Dsy';
const OTHER = 'q8Zt1xW5vK2mN7rB4cY9uH3jL6pD0sFa';

describe('a sealed secret', () => {
  it('is opened under its key and its name, also when that key is a former one', () => {
    const sealed = new Sealed(KEY).seal('email.password', 'hunter2 ü');
    expect(sealed).not.toContain('hunter2');
    expect(new Sealed(KEY).open('email.password', sealed)).toBe('hunter2 ü');
    expect(new Sealed(OTHER, [KEY]).open('email.password', sealed)).toBe('hunter2 ü');
  });

  it('is not opened under another key or name, nor when a character was changed', () => {
    const sealed = new Sealed(KEY).seal('email.password', 'hunter2');
    const [version = '', id = '', nonce = '', rest = ''] = sealed.split('.');
    const flipped = Buffer.from(rest, 'base64url').map((byte, i) => (i === 0 ? byte ^ 1 : byte));
    const changed = [[version, id, nonce, Buffer.from(flipped).toString('base64url')], [version, id, nonce, rest.slice(0, 8)], ['v2', id, nonce, rest], [version, id, 'AAAA', rest]].map((parts) => parts.join('.'));
    for (const each of [...changed, '', 'v1']) expect(new Sealed(KEY).open('email.password', each)).toBeNull();
    expect(new Sealed(KEY).open('webhook.url', sealed)).toBeNull();
    expect(new Sealed(OTHER).open('email.password', sealed)).toBeNull();
  });

  it('is another text each time', () => {
    const sealing = new Sealed(KEY);
    expect(sealing.seal('email.password', 'same')).not.toBe(sealing.seal('email.password', 'same'));
  });
});
