import { AsyncLocalStorage } from 'node:async_hooks';
import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { isDatabaseAway, sqlState } from '../sql-state.js';
import { FALLBACK_REASONS, type FallbackReason, Replica } from './replica.service.js';
import type { Report } from './reports.js';

/** Where an answer was read. */
export type Source = { from: 'replica'; asOf: string } | { from: 'primary'; because: FallbackReason | null };

/** Whether the primary may do better: the replica went, was late, cancelled the statement for its replay, or has not heard of a table yet. */
const isOfReplica = (error: unknown): boolean => isDatabaseAway(error) || sqlState(error)?.startsWith('42') === true;

/** Not of the statement: the connection ended under it. */
const isBroken = (error: unknown): boolean => sqlState(error)?.startsWith('57P') ?? true;

/**
 * Reads named reports from the replica while it is there and new enough, and from the primary otherwise. A report that fails
 * on the replica begins anew on the primary: none is put together from both.
 */
@Injectable()
export class ReportReading {
  private readonly current = new AsyncLocalStorage<DataSource>();
  private readonly fallbacks = new Map<FallbackReason, number>(FALLBACK_REASONS.map((reason) => [reason, 0]));
  private reads = 0;

  constructor(
    private readonly primary: DataSource,
    private readonly replica: Replica,
  ) {}

  /** What a repository of reports reads from; outside `of` it is the primary. */
  get db(): DataSource {
    return this.current.getStore() ?? this.primary;
  }

  /** @param _report one that is on the list; `work` may run twice, and changes nothing */
  async of<T>(_report: Report, work: () => Promise<T>): Promise<{ result: T; source: Source }> {
    if (!this.replica.isConfigured) return { result: await work(), source: { from: 'primary', because: null } };
    let { reason }: { reason: FallbackReason | null } = this.replica.state();
    const { asOf } = this.replica.state();
    const { db } = this.replica;
    if (reason === null && db && asOf !== null) {
      try {
        const result = await this.current.run(db, work);
        this.reads += 1;
        return { result, source: { from: 'replica', asOf } };
      } catch (error) {
        if (!isOfReplica(error)) throw error;
        if (isBroken(error)) this.replica.doubt();
        reason = 'failed';
      }
    }
    const because = reason ?? 'unknown';
    this.fallbacks.set(because, (this.fallbacks.get(because) ?? 0) + 1);
    return { result: await work(), source: { from: 'primary', because } };
  }

  /** Of this instance, since it started. */
  counts(): { reads: number; fallbacks: ReadonlyMap<FallbackReason, number> } {
    return { reads: this.reads, fallbacks: this.fallbacks };
  }
}
