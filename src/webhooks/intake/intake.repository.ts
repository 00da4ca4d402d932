import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Merged } from '../../database/merged.js';
import { Schedules } from '../../database/schedules.js';
import { type Statement, Statements } from '../../database/statements.js';
import type { AlertKey } from '../reading/read-alert.js';

/** An alert as it is stored; its id is made here. */
export interface NewAlert {
  id: string;
  /** Alerts that arrive together are numbered as they arrived. */
  arrival: number;
  sourceId: string;
  /** Of the source and the token by which it was judged: if they have changed, nothing is stored. */
  sourceVersion: number;
  tokenHash: string;
  key: AlertKey;
  body: Buffer;
  contentType: string | null;
  sender: string | null;
  symbol: string;
  correlationId: string;
}

export type StoredAs =
  | { as: 'accepted' | 'duplicate' }
  /** The source, or its token, is no longer what it was when the alert was judged. */
  | { as: 'changed' };

/** How long what does not tell tomorrow's alert from today's is a duplicate. */
const EXPIRES_SECONDS = 60;

/**
 * Alerts, the keys that make them the first of their kind, and their events, in one statement for all that arrive now. A
 * key that has run out is taken over where it stands; one that has not leaves no row here. Keys are claimed in their
 * order, so that two instances wait for each other in one; alerts are numbered in the order of arrival.
 */
const STORE: Statement = {
  name: 'store_alerts',
  text: `
    with clock as materialized (select app_clock() as at),
    asked as materialized (
      select q.*, clock.at from clock, jsonb_to_recordset($1::jsonb) as q (n int, id uuid, arrival bigint, source uuid, version int, token text, key text, kind text, expires boolean,
        body text, content_type text, sender text, symbol text, correlation text)
      join webhook_sources s on s.id = q.source and s.version = q.version
      where s.retired_at is null and (s.token_hash = q.token or (s.previous_token_hash = q.token and s.previous_token_until > clock.at))
    ), claimed as (
      insert into alert_keys as k (source_id, key, alert_id, expires_at)
      select source, key, id, case when expires then at + interval '${EXPIRES_SECONDS} seconds' end from asked order by source, key
      on conflict (source_id, key) do update set alert_id = excluded.alert_id, expires_at = excluded.expires_at where k.expires_at <= app_clock()
      returning k.alert_id
    ), made as (
      insert into alerts (id, source_id, key_kind, body, content_type, sender, symbol, correlation_id, received_at, next_attempt_at)
      select q.id, q.source, q.kind, decode(q.body, 'base64'), q.content_type, q.sender, q.symbol, q.correlation, q.at, q.at
      from asked q join claimed c on c.alert_id = q.id order by q.arrival
    ), logged as (
      insert into events (type, subject_id, actor, correlation_id, data)
      select 'alert.received', q.id, 'webhook:' || q.source, q.correlation, jsonb_build_object('sourceId', q.source, 'symbol', q.symbol, 'keyKind', q.kind)
      from asked q join claimed c on c.alert_id = q.id order by q.arrival
    )
    select q.n, c.alert_id is not null as made from asked q left join claimed c on c.alert_id = q.id`,
};

/** Beyond the last moment at which a statement under way could still read it. */
const FORGOTTEN_AFTER = '1 hour';

@Injectable()
export class IntakeRepository {
  private readonly merged = new Merged((alerts: readonly NewAlert[]) => this.storeAll(alerts), {
    // The same alert twice in one statement is one row, and the first id is everybody's.
    keyOf: ({ sourceId, key, sourceVersion, tokenHash }) => `${sourceId} ${key.text} ${sourceVersion} ${tokenHash}`, sharesAnswers: true,
  });

  constructor(
    private readonly dataSource: DataSource,
    private readonly statements: Statements,
    schedules: Schedules,
  ) {
    schedules.every(3_600, 'webhooks.forget-keys', async () => {
      while ((await this.forgetKeys()) > 0);
    });
  }

  /** Committed when it resolves. */
  async store(alert: NewAlert): Promise<StoredAs> {
    const stored = await this.merged.do(alert);
    if (stored === 'changed') return { as: 'changed' };
    return { as: stored === alert.id ? 'accepted' : 'duplicate' };
  }

  /** The id of what is stored now, null for what was there before. */
  private async storeAll(alerts: readonly NewAlert[]): Promise<(string | 'changed' | null)[]> {
    const items = alerts.map((alert, n) => ({
      n, id: alert.id, arrival: alert.arrival, source: alert.sourceId, version: alert.sourceVersion, token: alert.tokenHash, key: alert.key.text, kind: alert.key.kind,
      expires: alert.key.expires, body: alert.body.toString('base64'), content_type: alert.contentType, sender: alert.sender, symbol: alert.symbol, correlation: alert.correlationId,
    }));
    const answers: (string | 'changed' | null)[] = alerts.map(() => 'changed');
    for (const { n, made } of await this.statements.run<{ n: number; made: boolean }>(STORE, [JSON.stringify(items)])) answers[n] = made ? (alerts[n]?.id ?? null) : null;
    return answers;
  }

  /** A bounded batch of keys that have run out. One that is just being taken over is passed over. Returns how many. */
  async forgetKeys(batch = 1_000): Promise<number> {
    const gone: unknown[] = await this.dataSource.sql`
      with old as (
        select source_id, key from alert_keys where expires_at < app_clock() - ${FORGOTTEN_AFTER}::interval limit ${batch} for update skip locked
      ), gone as (delete from alert_keys k using old where k.source_id = old.source_id and k.key = old.key returning 1)
      select * from gone`;
    return gone.length;
  }
}
