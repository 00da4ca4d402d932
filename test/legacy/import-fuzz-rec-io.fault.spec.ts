import { describe } from '@jest/globals';
import { fuzzImports } from '../support/fuzz-cases.js';

describe('a database of rec_io that somebody may have', () => fuzzImports('rec-io'));
