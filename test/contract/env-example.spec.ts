import { describe, it } from '@jest/globals';
import { envExample } from '../../src/config/env.js';
import { expectContract } from '../support/contract.js';

describe('.env.example', () => {
  it('is checked in as the settings are', () => {
    expectContract('../../.env.example', envExample());
  });
});
