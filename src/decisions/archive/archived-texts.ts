import { join } from 'node:path';
import { Inject, Injectable, Logger } from '@nestjs/common';
import type { Env } from '../../config/env.js';
import { ENV } from '../../config/env.token.js';
import type { DecisionRow, FoundDecision } from '../decision.js';
import { readBlock } from './archive-file.js';

/** Blocks in memory, of some 130 kB each: the pages of a list, and the steps of a chain, lie beside each other. */
const BLOCKS_KEPT = 16;

/** Reads what archives hold. A file that is gone or was changed costs the texts in it, and no answer. */
@Injectable()
export class ArchivedTexts {
  private readonly log = new Logger('Archives');
  private readonly kept = new Map<string, Promise<Map<number, DecisionRow>>>();

  constructor(@Inject(ENV) private readonly env: Pick<Env, 'ARCHIVE_DIR'>) {}

  /** The rows with their texts, in their order. */
  async fill<Row extends FoundDecision>(rows: readonly Row[]): Promise<(Row & DecisionRow)[]> {
    const filled: (Row & DecisionRow)[] = [];
    for (const row of rows) filled.push(row.file === null ? { ...row, canonical: row.canonical ?? '', archive: null } : await this.ofFile(row, row.file));
    return filled;
  }

  private async ofFile<Row extends FoundDecision>(row: Row, file: string): Promise<Row & DecisionRow> {
    try {
      const found = (await this.block(file, row.block_at ?? 0, row.block_bytes ?? 0)).get(row.seq);
      if (!found) throw new Error(`the decision ${row.id} is not where it was written`);
      // What the file says in columns is not believed: the seal is over the text, and the columns are those of the index.
      return { ...row, canonical: found.canonical, archive: { file, read: true } };
    } catch (error) {
      this.log.error(`the archive ${file} cannot be read: ${(error as Error).message}`);
      return { ...row, canonical: '', archive: { file, read: false } };
    }
  }

  private block(file: string, at: number, bytes: number): Promise<Map<number, DecisionRow>> {
    const key = `${file} ${at}`;
    const known = this.kept.get(key);
    if (known) return known;
    const reading = this.read(file, at, bytes);
    this.kept.set(key, reading);
    // What could not be read is tried again: the folder may be there in a moment.
    reading.catch(() => this.kept.delete(key));
    for (const oldest of this.kept.keys()) if (this.kept.size > BLOCKS_KEPT) this.kept.delete(oldest);
    return reading;
  }

  private async read(file: string, at: number, bytes: number): Promise<Map<number, DecisionRow>> {
    if (this.env.ARCHIVE_DIR === null) throw new Error('ARCHIVE_DIR is not set');
    const rows = await readBlock(join(this.env.ARCHIVE_DIR, file), { block_at: at, block_bytes: bytes });
    return new Map(rows.map((row) => [row.seq, row]));
  }
}
