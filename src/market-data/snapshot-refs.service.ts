import { Injectable } from '@nestjs/common';
import { v7 as uuidv7, version } from 'uuid';
import type { z } from 'zod';
import { mustOwn } from '../auth/own-rows.js';
import type { Caller } from '../common/http/caller.js';
import { actorOf } from '../common/principal.js';
import { forbidden, notFound, Problem } from '../common/problem.js';
import type { Tx } from '../database/transaction.js';
import { Events } from '../events/events.service.js';
import { KINDS } from './kinds.js';
import { SNAPSHOT_KINDS, type SnapshotKindName } from './snapshot-kind.js';
import { type NamedSnapshot, type SnapshotRefRow, SnapshotRefsRepository } from './snapshot-refs.repository.js';
import type { createRefSchema, RefContent } from './snapshot-refs.schemas.js';
import { withoutStranger } from './snapshots.service.js';

type Items = z.output<typeof createRefSchema>['items'];

/** The year 9999. */
const TIME_MAX_MS = 253_402_300_799_000;

/** What a decision saw, under one id: `snapshotRef`. */
@Injectable()
export class SnapshotRefsService {
  constructor(
    private readonly refs: SnapshotRefsRepository,
    private readonly events: Events,
  ) {}

  /**
   * Copies what is named: read whole by one look-up, also after a correction, and when its months are gone.
   * @throws {Problem} 409 SNAPSHOT_NOT_FOUND names the first that is not there, or not the caller's
   */
  async create(tx: Tx, caller: Caller, items: Items): Promise<SnapshotRefRow> {
    const { principal } = caller;
    const agentId = principal.kind === 'agent' ? principal.agentId : null;
    const places = new Map<SnapshotKindName, NamedSnapshot[]>(SNAPSHOT_KINDS.map((kind) => [kind, []]));
    items.forEach(({ kind, id, revision }, n) => {
      const at = timeOf(id);
      if (at === null) throw missing(n);
      places.get(kind)?.push({ n, id, revision: revision ?? null, at });
    });
    const content: Record<string, unknown[]> = {};
    const found = new Set<number>();
    for (const [name, named] of places) {
      const kind = KINDS[name];
      const rows = named.length === 0 ? [] : await this.refs.find(tx, kind, named, kind.isPrivate ? agentId : null);
      for (const { n } of rows) found.add(n);
      content[name] = rows.sort((a, b) => a.n - b.n).map((row) => kind.toAnswer(withoutStranger(caller, row)));
    }
    const first = items.findIndex((_item, n) => !found.has(n));
    if (first >= 0) throw missing(first);
    const row = await this.refs.insert(tx, { id: uuidv7(), agentId, actor: actorOf(principal), content: content as RefContent });
    const counts = Object.fromEntries([...places].map(([kind, named]) => [kind, named.length]));
    await this.events.append(tx, caller, [{ type: 'snapshot.ref_created', subjectId: row.id, agentId, data: counts }]);
    return row;
  }

  /** @throws {Problem} 404; 403 for a key whose agent's it is not */
  async get(caller: Caller, id: string): Promise<SnapshotRefRow> {
    const row = await this.refs.get(id);
    if (!row) throw notFound('reference');
    if (row.agent_id === null && caller.principal.kind === 'agent') throw forbidden('NOT_YOUR_AGENT', 'An agent key sees what its own agent saw.');
    if (row.agent_id !== null) mustOwn(caller, row.agent_id);
    return row;
  }
}

const missing = (n: number) => {
  const message = 'no such snapshot in this revision';
  return new Problem(409, 'SNAPSHOT_NOT_FOUND', `items.${n}.id: ${message}`, { errors: [{ path: `items.${n}.id`, message }] });
};

/** The time in the id of a snapshot, which is that of its row; null: no id that was ever given. */
function timeOf(id: string): string | null {
  const ms = Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16);
  return version(id) === 7 && ms <= TIME_MAX_MS ? new Date(ms).toISOString() : null;
}
