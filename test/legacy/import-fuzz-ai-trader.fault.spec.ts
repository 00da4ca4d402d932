import { describe } from '@jest/globals';
import { fuzzImports } from '../support/fuzz-cases.js';

describe('a database of AI Trader that somebody may have', () => fuzzImports('ai-trader'));
