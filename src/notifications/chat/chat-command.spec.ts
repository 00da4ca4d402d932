import { describe, expect, it } from '@jest/globals';
import { commandOf } from './chat-command.js';
import { expectWithin, timeOf } from '../../../test/support/timing.js';

const halt = (scope: string, id: string | null = null, reason = '') => ({ name: 'halt', scope, id, reason });

describe('what is written in a chat', () => {
  it.each<[string, object | null]>([
    ['/halt', halt('global')], ['/HALT', halt('global')], ['/stop', halt('global')], [' /halt@warden_bot  ', halt('global')],
    ['/halt prices are odd', halt('global', null, 'prices are odd')], ['/halt global prices', halt('global', null, 'prices')], ['/halt\nodd\nprices', halt('global', null, 'odd prices')],
    ['/halt agent scalper odd prices', halt('agent', 'scalper', 'odd prices')], ['/halt account "Main account" odd', halt('account', 'Main account', 'odd')], ['/halt account “Main account”', halt('account', 'Main account')],
    ['/halt Symbol EURUSD', halt('symbol', 'EURUSD')], ['/halt agent', halt('global')], ['/halt agents run wild', halt('global', null, 'agents run wild')], ['/halt account "open', halt('account', '"open')],
    ['/ack 12', { name: 'ack', which: '12' }], ['/ack #12 done', { name: 'ack', which: '12' }], ['/ack', { name: 'ack', which: null }],
    ['/status', { name: 'status' }], ['/help', { name: 'help' }], ['/start', { name: 'help' }], ['/release all', { name: 'unknown' }],
    ['halt', null], ['please /halt', null], ['/', null], ['', null], ['//halt', null], ['/halt!', null],
  ])('%j', (text, command) => {
    expect(commandOf(text)).toEqual(command);
  });

  it('takes no longer for being long', () => expectWithin(2_000, () => timeOf(async () => {
    for (const text of [`/halt ${'"'.repeat(100_000)}`, `/halt ${'a '.repeat(100_000)}`, `/${'a'.repeat(1_000_000)}`, ' '.repeat(1_000_000)]) commandOf(text);
  })));
});
