const NEEDS_QUOTES = /[",\r\n]/;
/** What a spreadsheet takes for the beginning of a formula, also in full width. */
const FORMULA = /^[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/;

/** A number, a time or an id: what it looks like is what it is. */
export const plainCell = (value: string | number | boolean | null): string => (value === null ? '' : quoted(String(value)));

/** Text from outside: an apostrophe in front keeps a spreadsheet from carrying it out. */
export const textCell = (value: string | null): string => (value === null ? '' : quoted(FORMULA.test(value) ? `'${value}` : value));

const quoted = (text: string): string => (NEEDS_QUOTES.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

export const csvLine = (cells: readonly string[]): string => `${cells.join(',')}\r\n`;
