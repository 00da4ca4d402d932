import { z } from 'zod';
import { uuid } from '../common/fields.js';
import { accountSnapshotSchema } from './account.kind.js';
import { calendarSchema } from './calendar.kind.js';
import { indicatorsSchema } from './indicators.kind.js';
import { candleSchema } from './market.kind.js';
import { newsSchema } from './news.kind.js';
import { SNAPSHOT_KINDS } from './snapshot-kind.js';
import type { SnapshotRefRow } from './snapshot-refs.repository.js';
import { BATCH_MAX } from './snapshots.schemas.js';

const REVISION_MAX = 2_147_483_647;

export const createRefSchema = z.strictObject({
  items: z.array(z.strictObject({
    kind: z.enum(SNAPSHOT_KINDS),
    id: uuid().describe('as the answer to the snapshot, or a list, said'),
    revision: z.int().min(1).max(REVISION_MAX).nullish().describe('the one that was seen; the present one by default'),
  })).min(1).max(BATCH_MAX),
});

export const refSchema = z.object({
  id: z.uuid(),
  agentId: z.uuid().nullable(),
  createdAt: z.iso.datetime(),
  market: z.array(candleSchema),
  indicators: z.array(indicatorsSchema),
  calendar: z.array(calendarSchema),
  news: z.array(newsSchema),
  account: z.array(accountSnapshotSchema),
}).meta({ id: 'SnapshotRef' });

export const toRef = (row: SnapshotRefRow): z.output<typeof refSchema> => ({
  id: row.id,
  agentId: row.agent_id,
  createdAt: row.created_at,
  ...row.content,
});

export type RefContent = Omit<z.output<typeof refSchema>, 'id' | 'agentId' | 'createdAt'>;
