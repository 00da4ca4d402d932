import { isUtf8 } from 'node:buffer';
import { alertFields, type AlertFields } from '../mapping/alert-fields.js';
import type { Mapping } from '../mapping/declared-mapping.js';
import { keyOf, keyOfBytes, streamOf } from './alert-key.js';
import { MASK, masked, maskedText, secretPaths, secretsInText, secretsOf } from './mask.js';
import { parseBody, type ParsedBody } from './parse-body.js';
import { NOT_READABLE, ReadingFault } from './reading-fault.js';

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

/** The intake refuses more; so nothing here has to be fast for more. */
const BYTES_MAX = 65_536;
const ROUNDS_MAX = 3;

/**
 * Total and bounded: it reads what it can, throws nothing, and takes a time that grows with the length of the body alone. What it says
 * of the masked body is what it says of the body, but for the secrets: a redrive reads the stored bytes again.
 */
export function readAlert(bytes: Buffer, contentType: string | undefined, mapping: Mapping): ReadAlert {
  try {
    return read(bytes, contentType, mapping);
  } catch (error) {
    return unreadable(bytes, mapping, error instanceof ReadingFault ? error : new ReadingFault(NOT_READABLE, 'The body could not be read.'));
  }
}

function read(bytes: Buffer, contentType: string | undefined, mapping: Mapping): ReadAlert {
  if (bytes.length > BYTES_MAX) throw new ReadingFault('BODY_TOO_LARGE', `The body has more than ${BYTES_MAX} bytes.`);
  // Decoding would quietly put replacement characters in place of what is broken; as Latin-1 every byte stays.
  const encoding = isUtf8(bytes) ? 'utf8' : 'latin1';
  const text = bytes.toString(encoding);
  const paths = secretPaths(mapping);
  const isForm = contentType?.trim().toLowerCase().startsWith('application/x-www-form-urlencoded') ?? false;
  const parse = (body: string): ParsedBody | ReadingFault => {
    try {
      if (encoding !== 'utf8') throw new ReadingFault('BODY_NOT_UTF8', 'The body is not valid UTF-8.');
      return parseBody(body, isForm, mapping, paths);
    } catch (error) {
      if (error instanceof ReadingFault) return error;
      throw error;
    }
  };
  const orNull = (parsed: ParsedBody | ReadingFault) => (parsed instanceof ReadingFault ? null : parsed);
  const toldIn = (parsed: ParsedBody | ReadingFault, of: string) => (parsed instanceof ReadingFault ? secretsInText(of, paths) : parsed.told);

  let kept: string | null = text;
  let body = parse(text);
  const secrets = secretsOf(toldIn(body, text).map(({ value }) => value));
  // What could not be read may be readable once masked, and says then what it will say to a redrive.
  for (let round = 0; kept !== null && secretsOf(toldIn(body, kept).map(({ value }) => value)).length > 0; round += 1) {
    if (round === ROUNDS_MAX) kept = null;
    else if (body instanceof ReadingFault) {
      kept = maskedText(kept, paths);
      if (kept !== null) body = parse(kept);
    } else {
      const clean = masked(kept, body, (again) => orNull(parse(again)));
      kept = clean?.text ?? null;
      body = clean?.parsed ?? body;
    }
  }
  if (kept === null) return unread(new ReadingFault('SECRET_NOT_SEPARABLE', 'The secrets that were told cannot be told from the rest of the body: nothing of it is kept.'), secrets, Buffer.from(MASK));
  const stored = kept === text ? bytes : Buffer.from(kept, encoding);
  if (body instanceof ReadingFault) return unread(unfilled(kept, body), secrets, stored);
  const fields = alertFields(body.payload, mapping);
  const symbol = streamOf(fields);
  return { payload: body.payload, unreadable: null, ping: isPing(body.payload, fields), secrets, masked: stored, key: keyOf(body.payload, fields, symbol), symbol };
}

/** Even then no secret is kept that stands behind its name. */
function unreadable(bytes: Buffer, mapping: Mapping, fault: ReadingFault): ReadAlert {
  try {
    const text = bytes.toString('latin1');
    const paths = secretPaths(mapping);
    const secrets = secretsOf(secretsInText(text, paths).map(({ value }) => value));
    return unread(fault, secrets, Buffer.from(maskedText(text, paths) ?? MASK, 'latin1'));
  } catch {
    return unread(fault, [], Buffer.from(MASK));
  }
}

const unread = ({ code, message }: ReadingFault, secrets: string[], stored: Buffer): ReadAlert =>
  ({ payload: null, unreadable: { code, detail: message }, ping: false, secrets, masked: stored, key: keyOfBytes(stored), symbol: '' });

/** What stands without quotes and was not filled in is the reason that a person has to know. */
const unfilled = (text: string, fault: ReadingFault): ReadingFault =>
  fault.code === NOT_READABLE && text.includes('{{') ? new ReadingFault('UNRESOLVED_PLACEHOLDER', 'The body holds a placeholder that was not filled in, and cannot be read.') : fault;

function isPing(payload: Record<string, unknown>, { action, side, symbol }: AlertFields): boolean {
  const { test } = payload;
  return typeof test === 'string' && test.trim().toLowerCase() === 'tradingview' && action === null && side === null && symbol === null;
}
