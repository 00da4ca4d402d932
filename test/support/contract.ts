import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from '@jest/globals';

/**
 * Compares with the checked-in text of test/contract. What changes there is a change for clients or operators: it is
 * written anew by UPDATE_CONTRACT=1 and read by a person in the diff.
 */
export function expectContract(file: string, text: string): void {
  const path = join(process.cwd(), 'test', 'contract', file);
  if (process.env['UPDATE_CONTRACT'] === '1') writeFileSync(path, text);
  expect(existsSync(path) ? readFileSync(path, 'utf8') : '').toBe(text);
}
