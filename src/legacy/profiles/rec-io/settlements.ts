import { parseJson } from '../../source/json-text.js';
import type { Cell, SourceTable } from '../../source/cell.js';
import { has } from '../columns.js';

/** How markets were settled, of the exchange's own list; a market with two results has none. Read at the first question. */
export function settlementsIn(tables: readonly SourceTable[]): (ticker: string) => 'yes' | 'no' | null {
  let results: Map<string, 'yes' | 'no' | null> | null = null;
  return (ticker) => (results ??= read(tables)).get(ticker) ?? null;
}

function read(tables: readonly SourceTable[]): Map<string, 'yes' | 'no' | null> {
  const results = new Map<string, 'yes' | 'no' | null>();
  for (const table of tables) {
    if (!has(table.columns, 'ticker market_result') && !(/settlements/i.test(table.base) && table.columns.includes('data'))) continue;
    for (const { cells } of table.rows()) {
      const [ticker, result] = said(cells);
      if (ticker === null || result === null) continue;
      results.set(ticker, results.has(ticker) && results.get(ticker) !== result ? null : result);
    }
  }
  return results;
}

function said(cells: Readonly<Record<string, Cell>>): [string | null, 'yes' | 'no' | null] {
  const { ticker, market_result: result } = 'market_result' in cells ? cells : documentIn(cells.data);
  const word = typeof result === 'string' ? result.trim().toLowerCase() : '';
  return [typeof ticker === 'string' ? ticker.trim() : null, word === 'yes' || word === 'no' ? word : null];
}

function documentIn(cell: Cell | undefined): Readonly<Record<string, unknown>> {
  try {
    const { value } = parseJson(typeof cell === 'string' ? cell : '{}');
    return value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
  } catch {
    // It is archived as it is.
    return {};
  }
}
