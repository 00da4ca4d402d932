import { AI_TRADER } from './ai-trader.js';
import { AI_TRADING_PLATFORM } from './ai-trading-platform.js';
import { REC_IO } from './rec-io.js';
import type { Shape } from './shape.js';
import { SIGMATRADER } from './sigmatrader.js';

export const SHAPES: readonly Shape[] = [AI_TRADER, AI_TRADING_PLATFORM, SIGMATRADER, REC_IO];
