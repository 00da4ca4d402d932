import { ACCOUNT } from './account.kind.js';
import { CALENDAR } from './calendar.kind.js';
import { INDICATORS } from './indicators.kind.js';
import { MARKET } from './market.kind.js';
import { NEWS } from './news.kind.js';
import type { SnapshotKind, SnapshotKindName, SnapshotRow } from './snapshot-kind.js';

type AnswerOf = (row: SnapshotRow) => unknown;

/** By name, for those who take snapshots as they come. */
export const KINDS = { market: MARKET, indicators: INDICATORS, calendar: CALENDAR, news: NEWS, account: ACCOUNT } as unknown as Record<
  SnapshotKindName, Omit<SnapshotKind<never, never, unknown>, 'toAnswer'> & { toAnswer: AnswerOf }
>;
