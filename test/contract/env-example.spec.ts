import { describe, expect, it } from '@jest/globals';
import { readFileSync, writeFileSync } from 'node:fs';
import { envExample, settingsTable } from '../../src/config/settings-text.js';
import { expectContract } from '../support/contract.js';

describe('.env.example', () => {
  it('is checked in as the settings are', () => {
    expectContract('../../.env.example', envExample());
  });
});

describe("the README's table of settings", () => {
  it('is as the settings are', () => {
    const text = readFileSync('README.md', 'utf8');
    const made = text.replace(/<!-- settings -->[^]*<!-- \/settings -->/, `<!-- settings -->\n\n${settingsTable()}\n\n<!-- /settings -->`);
    if (process.env['UPDATE_CONTRACT']) writeFileSync('README.md', made);
    else expect(text).toBe(made);
  });
});
