import type { Profile } from './profile.js';
import type { Source, SourceTable } from './source/cell.js';
import { plainName } from './source/plain-name.js';

/**
 * To SQLite `Trades` and `Pnl_USD` are `trades` and `pnl_usd`: the old application reads either. So the tables and columns that
 * a profile knows go by its spelling; a profit under another one would be read as missing. All others keep theirs.
 */
export function respelled(source: Source, profile: Profile): Source {
  if (!source.tables.some(isOdd)) return source;
  const plain = { ...source, tables: source.tables.map((table) => (isOdd(table) ? (table.respelled?.(plainName(table.base), plainName) ?? table) : table)) };
  const shape = (profile.recognise(plain) ?? profile.recognise(source))?.shape;
  if (shape === undefined) return source;
  return { ...source, tables: source.tables.map((table, place) => asKnown(table, plain.tables[place] ?? table, (each, of) => profile.mapping(each, shape, of)?.columns, source, plain)) };
}

const isOdd = ({ respelled: can, base, columns }: SourceTable): boolean => can !== undefined && [base, ...columns].some((name) => plainName(name) !== name);

type ColumnsOf = (table: SourceTable, of: Source) => Readonly<Record<string, unknown>> | undefined;

function asKnown(table: SourceTable, plain: SourceTable, columnsOf: ColumnsOf, source: Source, plainSource: Source): SourceTable {
  if (!isOdd(table)) return table;
  const [asWritten, asPlain] = [columnsOf(table, source), columnsOf(plain, plainSource)];
  const known = asPlain ?? asWritten;
  if (known === undefined) return table;
  const spelling = (name: string) => (!(asWritten !== undefined && Object.hasOwn(asWritten, name)) && Object.hasOwn(known, plainName(name)) ? plainName(name) : name);
  return table.respelled?.(asPlain === undefined ? table.base : plain.base, spelling) ?? table;
}
