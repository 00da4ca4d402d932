import { credentialIn, masked, withoutCredentials } from '../../../auth/credentials.js';
import type { Reading } from '../../profile.js';
import type { Cell, JsonCell } from '../../source/cell.js';
import { JsonBroken, parseJson } from '../../source/json-text.js';

const MARKER = '[secret removed]';
const BODY_BYTES_MOST = 196_608;
/** The value that stands under such a name in JSON, as it is written there. */
const NAMED = /("[A-Za-z_-]*(?:secret|passphrase|password|api_?key|token)"\s*:\s*)("(?:[^"\\]|\\.)*"|[^\s,}\]"]+)/gi;
/** Shorter ones stand in other words too. */
const REPEATED_LEAST = 6;

export interface AlertBody {
  text: string;
  /** What it says, where it is a JSON object; without secrets. */
  said: { [name: string]: JsonCell };
}

/** The stored payload with nothing in it that could be a secret: every alert carried the one of its webhook, in clear. */
export function bodyOf(cell: Cell | undefined, reading: Reading): AlertBody {
  if (typeof cell !== 'string' || cell.trim() === '') {
    reading.note('BODY_NOT_SHOWN', 'the payload is empty, or no text; the old row keeps it');
    return { text: '{}', said: {} };
  }
  const text = withoutSecrets(cell);
  const said = objectIn(text);
  if (Buffer.byteLength(text) <= BODY_BYTES_MOST) return { text, said };
  reading.note('BODY_NOT_SHOWN', `the payload has more than ${BODY_BYTES_MOST} bytes; the old row keeps it`);
  return { text: '{}', said };
}

/** Each secret also where it is repeated, in a comment say. */
function withoutSecrets(written: string): string {
  const secrets = new Set<string>();
  let text = written.replace(NAMED, (whole: string, name: string, value: string) => {
    const plain = value.startsWith('"') ? value.slice(1, -1) : value;
    if (plain === '' || /^(?:null|true|false)$/.test(value)) return whole;
    if (plain.length >= REPEATED_LEAST) secrets.add(plain);
    return `${name}"${MARKER}"`;
  });
  for (const secret of secrets) text = text.replaceAll(secret, MARKER);
  text = masked(text);
  const said = objectIn(text);
  // A name that is written with escapes: found only once it is read.
  const place = credentialIn(JSON.parse(JSON.stringify(said).replaceAll(MARKER, '')));
  return place === null ? text : JSON.stringify(withoutCredentials(said));
}

function objectIn(text: string): AlertBody['said'] {
  try {
    const { value } = parseJson(text);
    return value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as AlertBody['said']) : {};
  } catch (error) {
    if (error instanceof JsonBroken) return {};
    throw error;
  }
}
