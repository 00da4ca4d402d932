import { AI_TRADER } from './ai-trader.js';
import { SIGMATRADER } from './sigmatrader.js';
import type { Shape } from './shape.js';

export const SHAPES: readonly Shape[] = [AI_TRADER, SIGMATRADER];
