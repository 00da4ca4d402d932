import type { HandPlan } from './hand.js';
import type { Reason } from './ideas.js';
import type { Instrument } from './instrument.js';
import type { Market } from './market.js';

/** What the server allows at this moment. */
export interface Permission {
  decide: boolean;
  /** Why the gate cannot even be asked; null: it can. */
  against: Reason | null;
}

export interface TraderOptions {
  folder: string;
  instrument: Instrument;
  market: Market;
  initialBalance: string;
  /** The present, as the server counts it. */
  now: () => Date;
  say: (line: string) => void;
  /** Called when facts may be sent. */
  onFacts: () => void;
  /** Called when the broker holds something else than before. */
  onPositions: () => void;
  /** A person who trades at the same broker, for a demo. */
  byHand?: HandPlan;
}
