import { plainNumber } from '../convert/decimals.js';
import { BadText, type Cell, JsonNumber } from '../source/cell.js';

/** A cell as JSON; numbers with the digits they have. @param indent 0 for one line */
export function jsonText(cell: Cell, indent = 0, depth = 0): string {
  if (cell === null) return 'null';
  if (cell instanceof JsonNumber) return cell.text;
  if (typeof cell === 'bigint') return String(cell);
  if (typeof cell === 'number') return Number.isFinite(cell) ? plainNumber(cell).replace(/^-?\d+$/, '$&.0') : 'null';
  if (cell instanceof BadText) return JSON.stringify(Buffer.from(cell.bytes).toString('utf8'));
  if (cell instanceof Uint8Array) return JSON.stringify(Buffer.from(cell).toString('base64'));
  if (typeof cell !== 'object') return JSON.stringify(cell);
  const parts = Array.isArray(cell) ? cell.map((each) => jsonText(each, indent, depth + 1)) : Object.entries(cell).map(([name, each]) => `${JSON.stringify(name)}:${indent > 0 ? ' ' : ''}${jsonText(each, indent, depth + 1)}`);
  const [open, shut] = Array.isArray(cell) ? '[]' : '{}';
  if (parts.length === 0) return `${open}${shut}`;
  const line = indent > 0 ? `\n${' '.repeat(indent * (depth + 1))}` : '';
  return `${open}${line}${parts.join(`,${line}`)}${indent > 0 ? `\n${' '.repeat(indent * depth)}` : ''}${shut}`;
}
