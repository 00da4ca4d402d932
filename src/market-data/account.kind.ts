import { z } from 'zod';
import { decimalText, money, uuid } from '../common/fields.js';
import { inOrder, timeWindow } from '../common/time-window.js';
import type { SnapshotKind, SnapshotRow } from './snapshot-kind.js';
import { commonFields, marketInstant, timedPageQuery, toCommon } from './snapshots.schemas.js';

interface AccountSnapshotRow extends SnapshotRow {
  account_id: string;
  balance: string;
  equity: string;
  margin_used: string | null;
  margin_free: string | null;
  open_pl: string | null;
  open_positions: number | null;
}

const POSITIONS_MAX = 100_000;

export const createAccountSnapshotSchema = z.strictObject({
  accountId: uuid().nullish().describe("an agent's own, which it need not name; people name one"),
  balance: money(),
  equity: money(),
  marginUsed: money().nullish(),
  marginFree: money().nullish(),
  openPl: money().nullish(),
  openPositions: z.int().min(0).max(POSITIONS_MAX).nullish(),
  capturedAt: marketInstant(),
});

export const accountSnapshotsQuery = z.strictObject({ ...timedPageQuery, agentId: uuid().optional(), accountId: uuid().optional(), ...timeWindow }).superRefine(inOrder);

const amount = () => decimalText().nullable();

export const accountSnapshotSchema = z.object({
  ...commonFields,
  accountId: z.uuid(),
  balance: decimalText(),
  equity: decimalText(),
  marginUsed: amount(),
  marginFree: amount(),
  openPl: amount(),
  openPositions: z.int().nullable(),
}).meta({ id: 'AccountSnapshot' });

const toAccountSnapshot = (row: AccountSnapshotRow): z.output<typeof accountSnapshotSchema> => ({
  ...toCommon(row),
  accountId: row.account_id,
  balance: row.balance,
  equity: row.equity,
  marginUsed: row.margin_used,
  marginFree: row.margin_free,
  openPl: row.open_pl,
  openPositions: row.open_positions,
});

/** What one agent saw of its account: another, perhaps in another execution mode, sees other sums. */
export const ACCOUNT: SnapshotKind<z.output<typeof createAccountSnapshotSchema>, AccountSnapshotRow, z.output<typeof accountSnapshotSchema>> = {
  name: 'account', table: 'snapshot_account', time: 'captured_at', key: ['sender', 'account_id', 'captured_at'], isPrivate: true,
  columns: {
    sender: 'uuid', account_id: 'uuid', balance: 'numeric', equity: 'numeric', margin_used: 'numeric', margin_free: 'numeric', open_pl: 'numeric',
    open_positions: 'int', captured_at: 'timestamptz',
  },
  figures: ['balance', 'equity', 'margin_used', 'margin_free', 'open_pl', 'open_positions'],
  correctable: null,
  leads: [['agent_id'], ['account_id']],
  toRow: (body, sender) => ({
    sender, account_id: body.accountId ?? null, balance: body.balance, equity: body.equity, margin_used: body.marginUsed ?? null,
    margin_free: body.marginFree ?? null, open_pl: body.openPl ?? null, open_positions: body.openPositions ?? null, captured_at: body.capturedAt,
  }),
  toAnswer: toAccountSnapshot,
};
