import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What the inbox looks for each second, and lists of alerts by time and symbol; in place of two indexes that nothing asks. */
export class AlertInbox1763600000031 implements MigrationInterface {
  name = 'AlertInbox1763600000031';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`create index alerts_unmapped on alerts (seq) where status = 'received' and is_exit is null`);
    // An exit is found at once behind however many entries that wait in its stream.
    await db.query(`create index alerts_exits on alerts (source_id, symbol, seq) where status = 'received' and is_exit`);
    await db.query(`create index alerts_by_time on alerts (received_at, seq)`);
    await db.query(`create index alerts_by_symbol on alerts (symbol, seq)`);
    await db.query(`create index alerts_quarantined on alerts (source_id) where status = 'quarantined'`);
    await db.query(`drop index alerts_due`);
    await db.query(`drop index alerts_last_received`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`create index alerts_last_received on alerts (source_id, received_at desc)`);
    await db.query(`create index alerts_due on alerts (next_attempt_at) where status = 'received'`);
    await db.query(`drop index alerts_unmapped, alerts_exits, alerts_by_time, alerts_by_symbol, alerts_quarantined`);
  }
}
