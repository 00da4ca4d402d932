import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { Tx } from '../database/transaction.js';
import type { BreakerName } from './breakers.js';
import type { Settings } from './breaker-settings.js';
import type { AllSettings } from './figures.service.js';

export interface BreakerRow {
  name: BreakerName;
  version: number;
  enabled: boolean;
  minimum_samples: number | null;
  warning_fraction: string | null;
  halt_mode: Settings['haltMode'];
  reset: Settings['reset'];
  parameters: Settings['parameters'];
  updated_at: string;
  updated_by: string;
}

/** From what to what. */
export interface SettingChange {
  field: string;
  before: unknown;
  after: unknown;
}

export interface BreakerVersionRow {
  seq: number;
  version: number;
  content: Record<string, unknown>;
  changed: SettingChange[];
  reason: string | null;
  actor: string;
  recorded_at: string;
}

export interface WrittenSettings {
  settings: Settings;
  changed: SettingChange[];
  reason: string | null;
  actor: string;
  correlationId: string;
}

export const settingsOf = ({ enabled, minimum_samples, warning_fraction, halt_mode, reset, parameters }: BreakerRow): Settings =>
  ({ enabled, minimumSamples: minimum_samples, warningFraction: warning_fraction, haltMode: halt_mode, reset, parameters });

@Injectable()
export class BreakerConfigRepository {
  constructor(private readonly dataSource: DataSource) {}

  list(tx: Tx = this.dataSource.manager): Promise<BreakerRow[]> {
    return tx.sql`select * from circuit_breakers order by name`;
  }

  async all(tx: Tx): Promise<AllSettings> {
    return Object.fromEntries((await this.list(tx)).map((row) => [row.name, settingsOf(row)])) as AllSettings;
  }

  async byName(name: string, tx: Tx = this.dataSource.manager): Promise<BreakerRow | null> {
    const [row] = await tx.sql<BreakerRow[]>`select * from circuit_breakers where name = ${name}`;
    return row ?? null;
  }

  /** Against every other change of it, and of its global state. */
  async lock(tx: Tx, name: string): Promise<BreakerRow | null> {
    const [row] = await tx.sql<BreakerRow[]>`select * from circuit_breakers where name = ${name} for no key update`;
    return row ?? null;
  }

  async update(tx: Tx, name: BreakerName, { settings, changed, reason, actor, correlationId }: WrittenSettings): Promise<BreakerRow> {
    const [row] = await tx.sql<BreakerRow[]>`
      with written as (
        update circuit_breakers set version = version + 1, enabled = ${settings.enabled}, minimum_samples = ${settings.minimumSamples}, warning_fraction = ${settings.warningFraction}::numeric,
          halt_mode = ${settings.haltMode}, reset = ${JSON.stringify(settings.reset)}::jsonb, parameters = ${JSON.stringify(settings.parameters)}::jsonb, updated_at = app_clock(), updated_by = ${actor}
        where name = ${name} returning *
      ), kept as (
        insert into circuit_breaker_versions (name, version, content, changed, reason, actor, correlation_id)
        select name, version, ${JSON.stringify(settings)}::jsonb, ${JSON.stringify(changed)}::jsonb, ${reason}, ${actor}, ${correlationId} from written
      ) select * from written`;
    if (!row) throw new Error('the breaker was not changed');
    return row;
  }

  /** Newest first. */
  versions(name: BreakerName, limit: number, before: string | undefined): Promise<BreakerVersionRow[]> {
    return this.dataSource.sql`
      select seq, version, content, changed, reason, actor, recorded_at from circuit_breaker_versions
      where name = ${name} and (${before ?? null}::bigint is null or seq < ${before ?? null}::bigint) order by seq desc limit ${limit + 1}`;
  }
}
