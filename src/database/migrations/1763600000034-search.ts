import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What people type into a search: texts by their beginning, whatever the collation, and what brokers number. */
export class Search1763600000034 implements MigrationInterface {
  name = 'Search1763600000034';

  async up(db: QueryRunner): Promise<void> {
    await db.query(`create index trades_client_order_search on trades (client_order_id text_pattern_ops, seq)`);
    await db.query(`create index trades_ticket_search on trades (broker_ticket) where broker_ticket is not null`);
    await db.query(`create index fills_deal_search on fills (broker_deal_id)`);
    await db.query(`create index instruments_symbol_search on instruments (symbol text_pattern_ops)`);
    for (const table of ['accounts', 'agents', 'strategies', 'webhook_sources']) await db.query(`create index ${table}_name_search on ${table} (lower(name) text_pattern_ops)`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`drop index trades_client_order_search, trades_ticket_search, fills_deal_search, instruments_symbol_search, accounts_name_search, agents_name_search, strategies_name_search, webhook_sources_name_search`);
  }
}
