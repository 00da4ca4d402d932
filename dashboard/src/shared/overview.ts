import { type AnswerOf, useGet } from '../api/queries.js';

export type Overview = AnswerOf<'/api/v1/overview'>;
export type Book = Overview['accounts'][number];
export type Held = Overview['openPositions'][number];

/** The strip says its word by it: so it is looked at more often than other things. */
export const OVERVIEW_MS = 5_000;

/** One look for the strip, the overview and everybody else who asks. */
export const useOverview = () => useGet('/api/v1/overview', {}, { every: OVERVIEW_MS });
