import type { SourceTable } from '../source/cell.js';
import { plainName } from '../source/plain-name.js';

/**
 * Profiles name tables by their base; in a folder several files may have one of that name. The one beside the table that
 * asks is meant, else the only one there is. What is not there keeps the name it was asked by, and so has no rows.
 */
export class TableNames {
  private readonly names: Set<string>;
  private readonly byPlain: Map<string, string>;
  private readonly byBase: Map<string, string[]>;

  constructor(tables: readonly SourceTable[]) {
    this.names = new Set(tables.map(({ name }) => name));
    this.byPlain = new Map(tables.map(({ name }) => [plainName(name), name]));
    this.byBase = new Map([...Map.groupBy(tables, ({ base }) => base)].map(([base, group]) => [base, group.map(({ name }) => name)]));
  }

  /** @param from the table whose row asks */
  find(asked: string, from: SourceTable): string {
    if (this.names.has(asked)) return asked;
    const beside = from.name.slice(0, from.name.length - from.base.length) + asked;
    if (this.names.has(beside)) return beside;
    return this.byPlain.get(plainName(beside)) ?? this.byBase.get(asked)?.[0] ?? asked;
  }
}
