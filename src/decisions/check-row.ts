import type { DecisionRow, DecisionText } from './decision.js';
import { type Seal, sealOf, type SealKeys } from './seal.js';

export interface CheckedRow {
  seal: Seal;
  /** Null when it cannot be read. */
  text: DecisionText | null;
  /** Columns that say something else than the text. */
  changed: string[];
}

const COLUMNS: readonly [keyof DecisionRow, keyof DecisionText][] = [
  ['seq', 'seq'], ['at', 'at'], ['stream', 'stream'], ['number', 'number'], ['id', 'id'], ['type', 'type'], ['agent_id', 'agentId'], ['idea_id', 'ideaId'],
  ['command_id', 'commandId'], ['halt_id', 'haltId'], ['key_id', 'key'],
];

/** Whether a row, by itself, is as it was written. What stands before and after it is for `StreamCheck`. */
export function checkRow(keys: SealKeys, row: DecisionRow): CheckedRow {
  if (row.archive?.read === false) return { seal: 'unread', text: null, changed: [] };
  const text = parsed(row.canonical);
  const key = keys.find(row.key_id);
  const fits = key !== null && sealOf(key, row.canonical) === row.hash;
  const changed = text === null ? [] : COLUMNS.filter(([column, field]) => row[column] !== text[field]).map(([column]) => column);
  return { seal: key === null ? 'unknown_key' : fits ? 'intact' : 'broken', text, changed };
}

function parsed(canonical: string): DecisionText | null {
  try {
    const value: unknown = JSON.parse(canonical);
    return value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as DecisionText) : null;
  } catch {
    return null;
  }
}
