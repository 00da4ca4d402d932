import { describe } from '@jest/globals';
import { fuzzImports } from '../support/fuzz-cases.js';

describe('a database of SigmaTrader that somebody may have', () => fuzzImports('sigmatrader'));
