import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';

export interface ArchiveRow {
  id: string;
  /** First day. */
  month: string;
  file: string;
  bytes: number;
  sha256: string;
  decisions: number;
  last_seq: number;
  digest: string;
  verified_at: string | null;
  dropped_at: string | null;
}

export const ARCHIVE_COLUMNS = `id, to_char(month, 'YYYY-MM-DD') as month, file, bytes, sha256, decisions, last_seq, digest, verified_at, dropped_at`;

@Injectable()
export class ArchivesRepository {
  constructor(private readonly dataSource: DataSource) {}

  /** Those whose months stand nowhere else, oldest first. */
  async relied(): Promise<ArchiveRow[]> {
    return this.dataSource.sql`select ${() => ARCHIVE_COLUMNS} from decision_archives where dropped_at is not null order by month, id`;
  }
}
