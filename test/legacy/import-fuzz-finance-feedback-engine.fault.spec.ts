import { describe } from '@jest/globals';
import { fuzzImports } from '../support/fuzz-cases.js';

describe('a database of Finance Feedback Engine that somebody may have', () => fuzzImports('finance-feedback-engine'));
