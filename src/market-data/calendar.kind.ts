import { z } from 'zod';
import { name } from '../common/fields.js';
import { inOrder, timeWindow } from '../common/time-window.js';
import type { SnapshotKind, SnapshotRow } from './snapshot-kind.js';
import { commonFields, marketInstant, plannedInstant, timedPageQuery, toCommon } from './snapshots.schemas.js';

const IMPACT_LEVELS = ['low', 'medium', 'high'] as const;

interface CalendarRow extends SnapshotRow {
  event_time: string;
  currency: string;
  title: string;
  impact_level: (typeof IMPACT_LEVELS)[number];
  previous_value: string | null;
  forecast_value: string | null;
  actual_value: string | null;
}

const TITLE_MAX = 300;
const VALUE_MAX = 64;

const currency = () => z.string().trim().regex(/^[A-Z]{3,10}$/, { error: 'must be a currency such as USD: 3 to 10 capital letters' });
/** "3.2%", "215K", "<0.10%": as the calendar says it. */
const value = () => name(VALUE_MAX).nullish();

export const createCalendarSchema = z.strictObject({
  eventTime: plannedInstant(),
  currency: currency(),
  impactLevel: z.enum(IMPACT_LEVELS),
  title: name(TITLE_MAX),
  previousValue: value(),
  forecastValue: value(),
  actualValue: value(),
  capturedAt: marketInstant().nullish().describe('when the calendar said so, now by default: what a later one says takes its place'),
});

export const calendarQuery = z.strictObject({
  ...timedPageQuery, currency: currency().optional(), impactLevel: z.enum(IMPACT_LEVELS).optional(), ...timeWindow,
}).superRefine(inOrder);

export const calendarSchema = z.object({
  ...commonFields,
  eventTime: z.iso.datetime(),
  currency: z.string(),
  impactLevel: z.enum(IMPACT_LEVELS),
  title: z.string(),
  previousValue: z.string().nullable(),
  forecastValue: z.string().nullable(),
  actualValue: z.string().nullable(),
}).meta({ id: 'CalendarEvent' });

const toCalendarEvent = (row: CalendarRow): z.output<typeof calendarSchema> => ({
  ...toCommon(row),
  eventTime: row.event_time,
  currency: row.currency,
  impactLevel: row.impact_level,
  title: row.title,
  previousValue: row.previous_value,
  forecastValue: row.forecast_value,
  actualValue: row.actual_value,
});

/** One row for one event: forecasts are revised, and the actual value comes last. */
export const CALENDAR: SnapshotKind<z.output<typeof createCalendarSchema>, CalendarRow, z.output<typeof calendarSchema>> = {
  name: 'calendar', table: 'snapshot_calendar', time: 'event_time', key: ['currency', 'title', 'event_time'], isPrivate: false,
  columns: {
    event_time: 'timestamptz', currency: 'text', title: 'text', impact_level: 'text', previous_value: 'text', forecast_value: 'text', actual_value: 'text',
    captured_at: 'timestamptz',
  },
  figures: ['impact_level', 'previous_value', 'forecast_value', 'actual_value'],
  correctable: 'true',
  leads: [['currency']],
  toRow: (body) => ({
    event_time: body.eventTime, currency: body.currency, title: body.title, impact_level: body.impactLevel, previous_value: body.previousValue ?? null,
    forecast_value: body.forecastValue ?? null, actual_value: body.actualValue ?? null, captured_at: body.capturedAt ?? null,
  }),
  toAnswer: toCalendarEvent,
};
