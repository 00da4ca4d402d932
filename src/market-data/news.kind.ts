import { z } from 'zod';
import { name, symbol } from '../common/fields.js';
import { inOrder, timeWindow } from '../common/time-window.js';
import type { SnapshotKind, SnapshotRow } from './snapshot-kind.js';
import { commonFields, marketInstant, timedPageQuery, toCommon } from './snapshots.schemas.js';

interface NewsRow extends SnapshotRow {
  published_at: string;
  source: string;
  headline: string;
  symbols: string[];
}

/** With the source it stays below the 2,704 bytes that an index takes, also where every character takes three. */
const HEADLINE_MAX = 500;
const SOURCE_MAX = 100;
const SYMBOLS_MAX = 50;

export const createNewsSchema = z.strictObject({
  headline: name(HEADLINE_MAX),
  source: name(SOURCE_MAX),
  symbols: z.array(symbol()).max(SYMBOLS_MAX).nullish().transform((symbols) => [...new Set(symbols ?? [])].sort()),
  publishedAt: marketInstant(),
  capturedAt: marketInstant().nullish().describe('when it was read, now by default: symbols that are told later take the place of the first'),
});

export const newsQuery = z.strictObject({ ...timedPageQuery, symbol: symbol().optional(), source: name(SOURCE_MAX).optional(), ...timeWindow }).superRefine(inOrder);

export const newsSchema = z.object({
  ...commonFields,
  headline: z.string(),
  source: z.string(),
  symbols: z.array(z.string()),
  publishedAt: z.iso.datetime(),
}).meta({ id: 'News' });

const toNews = (row: NewsRow): z.output<typeof newsSchema> => ({
  ...toCommon(row),
  headline: row.headline,
  source: row.source,
  symbols: row.symbols,
  publishedAt: row.published_at,
});

/** Feeds are read again and again: the same headline of the same moment and source is the same news. */
export const NEWS: SnapshotKind<z.output<typeof createNewsSchema>, NewsRow, z.output<typeof newsSchema>> = {
  name: 'news', table: 'snapshot_news', time: 'published_at', key: ['source', 'headline', 'published_at'], isPrivate: false,
  columns: { published_at: 'timestamptz', source: 'text', headline: 'text', symbols: 'text[]', captured_at: 'timestamptz' },
  figures: ['symbols'],
  correctable: 'true',
  leads: [['source']],
  toRow: (body) => ({
    published_at: body.publishedAt, source: body.source, headline: body.headline, symbols: body.symbols, captured_at: body.capturedAt ?? null,
  }),
  toAnswer: toNews,
};
