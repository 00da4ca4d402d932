import { createHmac } from 'node:crypto';
import { canonicalJson } from '../common/canonical-json.js';

/** Where a page of a curve ended, and what the curve had come to. */
export interface CurvePlace {
  /** As PostgreSQL writes it, with its microseconds. */
  at: string;
  seq: string;
  cumulative: string;
  peak: string;
}

/** What a cursor looks like; whether it is one, `placeOf` says. */
export const CURSOR = /^[A-Za-z0-9_-]{1,500}\.[A-Za-z0-9_-]{22}$/;

const SEAL_BYTES = 16;

/**
 * The sums ride in the cursor: computing them anew would read all trades before the page, each time. Sealed with what
 * was asked for, since sums of another curve, or made up, would be shown as this one's.
 */
export function cursorOf(key: string, query: object, { at, seq, cumulative, peak }: CurvePlace): string {
  const place = Buffer.from(JSON.stringify([at, seq, cumulative, peak])).toString('base64url');
  return `${place}.${sealOf(key, query, place)}`;
}

/** Null: not a cursor that this query was given. */
export function placeOf(key: string, query: object, cursor: string): CurvePlace | null {
  const [place = '', seal] = cursor.split('.');
  if (seal !== sealOf(key, query, place)) return null;
  const [at, seq, cumulative, peak] = JSON.parse(Buffer.from(place, 'base64url').toString()) as [string, string, string, string];
  return { at, seq, cumulative, peak };
}

const sealOf = (key: string, query: object, place: string): string =>
  createHmac('sha256', key).update(`equity-curve ${canonicalJson(query)} ${place}`).digest().subarray(0, SEAL_BYTES).toString('base64url');
