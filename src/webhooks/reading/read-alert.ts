import { createHash } from 'node:crypto';
import type { Mapping } from '../mapping/declared-mapping.js';

/** What can be said of an alert before it is stored. `readAlert` of `masked` says the same, but the secrets. */
export interface ReadAlert {
  /** A plain object; numbers as text, digit by digit as they were sent. Null: unreadable. */
  payload: Record<string, unknown> | null;
  unreadable: { code: string; detail: string } | null;
  /** A sender's test of its line: nothing to store. */
  ping: boolean;
  /** Told in the body, trimmed, each once. */
  secrets: string[];
  /** The body with `***` for every told secret; what is to be stored. */
  masked: Buffer;
  key: AlertKey;
  /** Stream of order inside a source: canonical, with exchange (`NSE:INFY`); empty: unknown. */
  symbol: string;
}

export interface AlertKey {
  /** 64 hexadecimal digits. */
  text: string;
  /** `explicit`: a per-alert id of our template; `bar`: order id and bar time; `content`: all of the payload; `bytes`: nothing could be read. */
  kind: 'explicit' | 'bar' | 'content' | 'bytes';
  /** Whether the key is to be forgotten after a minute: nothing in it tells tomorrow's identical alert from this one. */
  expires: boolean;
}

export function readAlert(bytes: Buffer, _contentType: string | undefined, _mapping: Mapping): ReadAlert {
  const text = createHash('sha256').update(bytes).digest('hex');
  return { payload: null, unreadable: { code: 'BODY_NOT_READABLE', detail: '' }, ping: false, secrets: [], masked: bytes, key: { text, kind: 'bytes', expires: true }, symbol: '' };
}
