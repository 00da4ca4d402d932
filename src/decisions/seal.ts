import { createHmac, hkdfSync } from 'node:crypto';
import { canonicalJson } from '../common/canonical-json.js';
import type { DecisionText, HeadRow } from './decision.js';

/** What seals are made with, and the name under which rows say which one it was. */
export interface SealKey {
  id: string;
  key: Buffer;
}

/**
 * Derived: AUDIT_KEY also digests what strangers present as credentials, so that a digest of theirs must never be a
 * seal. The id is derived too, and tells nothing of the key.
 */
function sealKey(auditKey: string): SealKey {
  const derived = (purpose: string, bytes: number) => Buffer.from(hkdfSync('sha256', auditKey, 'tradewarden', purpose, bytes));
  return { id: derived('decision-history key id', 8).toString('hex'), key: derived('decision-history', 32) };
}

/** The key that seals now, and those that did. */
export class SealKeys {
  readonly current: SealKey;
  private readonly known: Map<string, SealKey>;

  constructor(current: string, former: readonly string[] = []) {
    this.current = sealKey(current);
    this.known = new Map([...former.map(sealKey), this.current].map((key) => [key.id, key]));
  }

  find(id: string): SealKey | null {
    return this.known.get(id) ?? null;
  }
}

export const textOf = (text: DecisionText): string => canonicalJson(text);

/** Hex. The text holds the stream, its own number and the hash before it. */
export const sealOf = ({ key }: SealKey, canonical: string): string => createHmac('sha256', key).update('decision\n').update(canonical).digest('hex');

/** Hex. */
export const sealOfHead = ({ key }: SealKey, { stream, count, head }: Pick<HeadRow, 'stream' | 'count' | 'head'>): string =>
  createHmac('sha256', key).update(`head\n${stream}\n${count}\n${head}`).digest('hex');

export type Seal = 'intact' | 'broken' | 'unknown_key' | 'unread';

export function headSeal(keys: SealKeys, head: HeadRow): Exclude<Seal, 'unread'> {
  const key = keys.find(head.key_id);
  if (!key) return 'unknown_key';
  return sealOfHead(key, head) === head.mac ? 'intact' : 'broken';
}
