import type { TableMapping, TargetRow } from '../profile.js';
import type { SourceTable } from '../source/cell.js';
import type { Expected } from './expected.js';
import { Figures } from './figures.js';
import { Side } from './side.js';
import { comparedColumns, type SideKey, sideTexts } from './sides.js';

/**
 * The source's side of a table whose rows are all alike, added up from what was read before anything of it was sent: with it the
 * proof of an import need not read five million rows twice. What the database holds is asked of it afterwards, as ever.
 */
export class SeenRows {
  readonly key: SideKey;
  readonly columns: readonly string[];
  readonly side = new Side();
  readonly figures: Figures;
  private readonly text: ReturnType<typeof sideTexts>;

  /** @param first of them: all others fill the same columns */
  constructor(table: SourceTable, mapping: TableMapping | null, first: TargetRow, beginning: string) {
    this.key = { part: 'own', table: first.table };
    this.columns = comparedColumns(this.key, new Set(Object.keys(first.values)));
    this.figures = new Figures(table, mapping, beginning);
    this.figures.restart(first.table);
    this.text = sideTexts(this.key, this.columns, beginning);
  }

  add(expected: Expected, row: TargetRow): void {
    this.side.add(expected.bucket, this.text(expected, row, expected.targetId));
    this.figures.add(expected, row);
  }
}
