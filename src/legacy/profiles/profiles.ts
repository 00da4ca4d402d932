import type { Profile } from '../profile.js';
import { AI_TRADER } from './ai-trader/profile.js';
import { AI_TRADING_PLATFORM } from './ai-trading-platform/profile.js';
import { SIGMATRADER } from './sigmatrader/profile.js';
import { FINANCE_FEEDBACK_ENGINE } from './finance-feedback-engine/profile.js';
import { REC_IO } from './rec-io/profile.js';

/** The old systems that are known. */
export const PROFILES: readonly Profile[] = [
  AI_TRADER,
  AI_TRADING_PLATFORM,
  SIGMATRADER,
  FINANCE_FEEDBACK_ENGINE,
  REC_IO,
];
