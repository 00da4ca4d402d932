import { createHmac } from 'node:crypto';
import type { VerifyPlace } from './decision-verifier.js';

/** What a cursor looks like; whether it is one, `placeOf` says. */
export const CURSOR = /^[A-Za-z0-9_-]{1,400}\.[A-Za-z0-9_-]{22}$/;

const SEAL_BYTES = 16;

/** Sealed: the check goes on from the hash in it, which a made-up one could fit to forged rows. */
export function cursorOf(key: string, stream: string | undefined, { stream: at, place }: VerifyPlace): string {
  const text = Buffer.from(JSON.stringify([at, place.seq, place.number, place.hash, place.key])).toString('base64url');
  return `${text}.${sealOf(key, stream, text)}`;
}

/** Null: not a cursor that this check was given. */
export function placeOf(key: string, stream: string | undefined, cursor: string): VerifyPlace | null {
  const [text = '', seal] = cursor.split('.');
  if (seal !== sealOf(key, stream, text)) return null;
  const [at, seq, number, hash, rowKey] = JSON.parse(Buffer.from(text, 'base64url').toString()) as [string, number, number, string | null, string | null];
  return { stream: at, place: { seq, number, hash, key: rowKey } };
}

const sealOf = (key: string, stream: string | undefined, text: string): string =>
  createHmac('sha256', key).update(`verify ${stream ?? '*'} ${text}`).digest().subarray(0, SEAL_BYTES).toString('base64url');
