/** A row of a table, or a line of a CSV file. */
export interface Row {
  /** Where it ends in the file, from 1. */
  line: number;
  cells: string[];
  /** Made of heading cells alone: a new section. */
  isTitle: boolean;
}

/** Wider cells are a fault of the file, and would be many empty ones. */
const COLUMNS_MOST = 200;
/** Of a tag; what is longer ends at its first `>`, wherever its quotes are. */
const TAG_MOST = 1_024;

const ENTITIES: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: ' ', minus: '-' };

/** Rows of all tables, one after the other. Takes what browsers take: cells and rows that nobody closes, any attributes, comments. One pass, whatever stands in it. */
export function* htmlRows(html: string): Generator<Row> {
  let at = 0;
  let [line, lineEnd] = [1, html.indexOf('\n')];
  let row: { cells: string[]; titles: number } | null = null;
  let cell: { text: string; columns: number } | null = null;
  const lineAt = (place: number) => {
    // Looked for once each: a report in a single line would be read to its end for each of its rows.
    for (; lineEnd !== -1 && lineEnd < place; lineEnd = html.indexOf('\n', lineEnd + 1)) line += 1;
    return line;
  };
  const endCell = () => {
    const room = row && cell ? Math.min(cell.columns, COLUMNS_MOST - row.cells.length) : 0;
    if (row && cell && room > 0) row.cells.push(plainText(cell.text), ...Array.from({ length: room - 1 }, () => ''));
    cell = null;
  };
  const endRow = (place: number): Row | null => {
    endCell();
    const ended = row;
    row = null;
    return ended && ended.cells.length > 0 ? { line: lineAt(place), cells: ended.cells, isTitle: ended.titles === ended.cells.filter((text) => text !== '').length && ended.titles > 0 } : null;
  };
  for (let begin = html.indexOf('<'); begin !== -1; begin = html.indexOf('<', at)) {
    if (cell) (cell as { text: string }).text += html.slice(at, begin);
    if (html.startsWith('<!--', begin)) {
      at = after(html, '-->', begin + 4);
      continue;
    }
    const [, slash = '', name = ''] = /^<(\/?)([A-Za-z][A-Za-z0-9]*)/.exec(html.slice(begin, begin + 32)) ?? [];
    if (name === '') {
      // A lone `<`, or a declaration.
      if (cell && html[begin + 1] !== '!' && html[begin + 1] !== '?') {
        (cell as { text: string }).text += '&lt;';
        at = begin + 1;
      } else at = after(html, '>', begin);
      continue;
    }
    at = tagEnd(html, begin);
    if (html[at - 1] !== '>') break;
    const tag = name.toLowerCase();
    if (slash === '' && (tag === 'script' || tag === 'style')) {
      const close = new RegExp(`</${tag}`, 'gi');
      close.lastIndex = at;
      at = close.test(html) ? after(html, '>', close.lastIndex) : html.length;
    } else if (tag === 'tr' || tag === 'table') {
      const ended = endRow(begin);
      if (ended) yield ended;
      if (tag === 'tr' && slash === '') row = { cells: [], titles: 0 };
    } else if (tag === 'td' || tag === 'th') {
      endCell();
      if (slash !== '') continue;
      row ??= { cells: [], titles: 0 };
      if (tag === 'th') (row as { titles: number }).titles += 1;
      cell = { text: '', columns: Number(/\scolspan\s*=\s*["']?(\d{1,4})/i.exec(html.slice(begin, Math.min(at, begin + TAG_MOST)))?.[1] ?? 1) || 1 };
    } else if (cell) {
      (cell as { text: string }).text += ' ';
    }
  }
  // The file ends here, in a tag or behind one.
  const rest = html.indexOf('<', at) === -1 ? html.slice(at) : '';
  if (cell) (cell as { text: string }).text += rest;
  const last = endRow(html.length);
  if (last) yield last;
}

const after = (html: string, text: string, from: number): number => {
  const found = html.indexOf(text, from);
  return found === -1 ? html.length : found + text.length;
};

/** Behind the `>` that is not inside quotes. */
function tagEnd(html: string, begin: number): number {
  let quote = '';
  for (let at = begin; at < Math.min(html.length, begin + TAG_MOST); at++) {
    const character = html[at] ?? '';
    if (quote !== '') quote = character === quote ? '' : quote;
    else if (character === '"' || character === "'") quote = character;
    else if (character === '>') return at + 1;
  }
  return after(html, '>', begin);
}

const plainText = (text: string): string => text.replace(/&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|([a-z]{2,8}));/gi, (whole, decimal?: string, hex?: string, name?: string) => {
  if (name !== undefined) return ENTITIES[name.toLowerCase()] ?? whole;
  const code = decimal !== undefined ? Number(decimal) : Number.parseInt(hex ?? '', 16);
  return code > 0 && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff) ? String.fromCodePoint(code) : whole;
}).replace(/\s+/g, ' ').trim();
