import type { EventPosition } from '../../events/event-log.repository.js';
import type { OldStore } from '../shapes/old-store.js';

/** Where a mirror stands. It is kept in its own store, and committed with the rows: after a kill both are as of one moment. */
export interface MirrorPosition {
  /** Of this place, for ever. */
  id: string;
  /** Whose imported rows keep their old ids and cells; null: nothing was imported. */
  source: string | null;
  /** The last row of the event log that it has: when that is gone, another state of the database was restored. */
  from: EventPosition;
  /** How far the log's numbers have been looked through. */
  done: number;
  /** All is being written, beside what changes; null: it is done. */
  whole: Whole | null;
  rowsWritten: number;
  /** Tables that no shape knows, and the places in which their rows were written: an import that is taken back takes them along. */
  further?: Record<string, string[]>;
}

export interface Whole {
  /** Until it is over the mirror lacks something. Another reading only mends what no event tells of. */
  lacks: boolean;
  /** Which of the pieces is being read, and behind which row. */
  piece: number;
  after: readonly string[] | null;
  /** There were rows before: those that are no longer ours go. */
  prune: boolean;
  /** Rows that this reading found which the old tables cannot hold. */
  left?: number;
}

const NAME = 'mirror';

/** Null in a place where no mirror has been. */
export function positionIn(store: OldStore): MirrorPosition | null {
  const text = store.state(NAME);
  return text === null ? null : (JSON.parse(text) as MirrorPosition);
}

export const putPosition = (store: OldStore, position: MirrorPosition): void => store.putState(NAME, JSON.stringify(position));
