import { describe, expect, it } from '@jest/globals';
import { type Filling, type Recorded, templatesOf, transactionOf } from '../../bench/recorded.js';

const id = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
const NOW = Date.parse('2026-01-02T03:04:05.000Z');
const FILLING: Filling = { agentId: id(101), accountId: id(102), now: NOW + 5_000, tag: 'FEDCBA9876543210', fresh: (n) => `fresh-${n}` };
const sent = (text: string, values: unknown[] = [], connection = 1): Recorded => ({ connection, text, values });
const about = (idea: string) => [sent('insert into ideas', [idea, id(1), 7, null, [id(2), 'x'], `{"id":"${idea}","at":"2026-01-02T03:04:06.000Z","since":"2025-01-01T00:00:00.000Z","orderTag":"0123456789ABCDEF"}`])];

describe('recorded statements', () => {
  it('of one request are those of its transaction, whatever else was sent meanwhile', () => {
    const own = [sent('START TRANSACTION'), sent('select 1'), sent('insert into ideas (id) values (1)'), sent('COMMIT')];
    const all = [sent('START TRANSACTION'), sent('COMMIT'), own[0], sent('select 2', [], 2), own[1], own[2], sent('COMMIT', [], 2), own[3], sent('select 3')] as Recorded[];
    expect(transactionOf(all, 'insert into ideas')).toEqual(own);
  });

  it('are refused when the request was not served alone, or in no transaction', () => {
    const one = [sent('START TRANSACTION'), sent('insert into ideas'), sent('COMMIT')];
    expect(() => transactionOf([...one, ...one], 'insert into ideas')).toThrow('sent 2 times');
    expect(() => transactionOf([], 'insert into ideas')).toThrow('sent 0 times');
    expect(() => transactionOf([sent('insert into ideas')], 'insert into ideas')).toThrow('outside a transaction');
  });

  it('are sent again with the ids of whoever sends, new ones for what the request made up, and times as much later', () => {
    const [template] = templatesOf(about(id(3)), about(id(4)), { agentId: id(1), accountId: id(2), now: NOW });
    expect(template?.fill(FILLING)).toEqual([
      'fresh-0', id(101), 7, null, [id(102), 'x'], `{"id":"fresh-0","at":"2026-01-02T03:04:11.000Z","since":"2025-01-01T00:00:00.000Z","orderTag":"FEDCBA9876543210"}`,
    ]);
  });
});
