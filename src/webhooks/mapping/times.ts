/** A blank before the offset was a plus sign, before a form was decoded. */
const ISO = /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?)?\s?(Z|UTC|[+ -]\d\d:?\d\d)?$/i;
const EPOCH = /^\d{9,16}(?:\.\d{1,6})?$/;
/** Epoch seconds reach it in the year 33658. */
const MILLISECONDS_FROM = 1e12;
const YEAR_9999 = 253_402_300_799_000;

/** RFC 3339 in UTC; a time without a zone is UTC, as TradingView writes it. Also epoch seconds and, from 10^12, milliseconds. Null for anything else. */
export function instantOf(written: string): string | null {
  const text = written.trim();
  if (EPOCH.test(text)) {
    const number = Number(text);
    return rfc3339(number >= MILLISECONDS_FROM ? number : number * 1_000);
  }
  return isoOf(text);
}

/** Only what is spelled as a time. */
export function isoOf(text: string): string | null {
  const [all, year, month, day, hour = '00', minute = '00', second = '00', part = '', zone = 'Z'] = ISO.exec(text) ?? [];
  if (all === undefined) return null;
  const offset = /^(?:Z|UTC)$/i.test(zone) ? 'Z' : `${zone.startsWith('-') ? '-' : '+'}${zone.slice(1, 3)}:${zone.slice(-2)}`;
  const date = `${year}-${month}-${day}`;
  // JavaScript would take the 31st of February for the 3rd of March.
  if (new Date(`${date}T00:00:00Z`).toJSON()?.slice(0, 10) !== date) return null;
  return rfc3339(Date.parse(`${date}T${hour}:${minute}:${second}.${part.slice(0, 3).padEnd(3, '0')}${offset}`));
}

const rfc3339 = (milliseconds: number): string | null => (Number.isFinite(milliseconds) && milliseconds >= 0 && milliseconds <= YEAR_9999 ? new Date(milliseconds).toISOString() : null);
