import type { Tx } from '../../database/transaction.js';
import { importedId } from './imported-id.js';
import { ImportsSql } from './imports.repository.js';

const NAME_MOST = 100;

/**
 * Two sources of one system have the same strategies: a copied folder, an account each. Whose name is here already, of another
 * source or of a person's own, has the name of its source behind it, and keeps it when the other is gone.
 */
export class StrategyNames {
  private constructor(private readonly source: string, private readonly own: ReadonlyMap<string, string>, private readonly others: ReadonlySet<string>) {}

  static none(source: string): StrategyNames {
    return new StrategyNames(source, new Map(), new Set());
  }

  /** As they are now: of the rows that this source brought before, and of all others. */
  static async of(tx: Tx, source: string): Promise<StrategyNames> {
    const rows = await ImportsSql.strategyNames(tx, source);
    return new StrategyNames(source, new Map(rows.filter(({ isOwn }) => isOwn).map(({ id, name }) => [id, name])), new Set(rows.filter(({ isOwn, isRetired }) => !isOwn && !isRetired).map(({ name }) => name)));
  }

  /** @param table the whole name of the old row's table */
  free(table: string, oldId: string, name: string): string {
    const behind = ` (${this.source})`.slice(-NAME_MOST / 2);
    const other = `${name.slice(0, NAME_MOST - behind.length).replace(/[\ud800-\udbff]$/, '')}${behind}`;
    return this.others.has(name) || this.own.get(importedId(this.source, table, oldId)) === other ? other : name;
  }
}
