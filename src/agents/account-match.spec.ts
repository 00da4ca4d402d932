import { describe, expect, it } from '@jest/globals';
import { type AccountTold, differences, hasChanged } from './account-match.js';

const account: AccountTold = {
  mode: 'live', told_account: null, told_currency: null, login_hash: 'a'.repeat(64), server: 'Broker-Live', kind: 'live', account_currency: 'USD', margin_mode: 'hedging', account_mismatch: null,
};
const same = { loginHash: 'a'.repeat(64), server: 'Broker-Live', kind: 'live', currency: 'USD', marginMode: 'hedging' };

describe('an agent trades on', () => {
  it.each<[string, Partial<AccountTold>, string[]]>([
    ['its account', { told_account: same }, []],
    ['its account, in other capitals', { told_account: { ...same, server: 'BROKER-LIVE', currency: 'usd' } }, []],
    ['what it does not tell', {}, []],
    ['what nobody registered', { told_account: same, login_hash: null, server: null }, []],
    ['another login', { told_account: { ...same, loginHash: 'b'.repeat(64) } }, ['loginHash']],
    ['another server', { told_account: { server: 'Broker-Demo' } }, ['server']],
    ['a demo account although it is live', { told_account: { ...same, kind: 'demo' } }, ['kind', 'mode']],
    ['a live account although it is not live', { mode: 'paper', kind: 'demo', told_account: { kind: 'live' } }, ['kind', 'mode']],
    ['a live account that is its own, without being live', { mode: 'paper', told_account: { kind: 'live' } }, []],
    ['another margin mode', { told_account: { ...same, marginMode: 'netting' } }, ['marginMode']],
    ['another currency', { told_account: { ...same, currency: 'EUR' } }, ['currency']],
    ['figures in another currency', { told_account: same, told_currency: 'EUR' }, ['currency']],
    ['figures in another currency, and says nothing else', { told_currency: 'EUR' }, ['currency']],
  ])('%s', (_what, more, expected) => {
    expect(differences({ ...account, ...more })).toEqual(expected);
  });

  it('news only when it begins, changes or ends', () => {
    const other = { ...account, told_currency: 'EUR' };
    expect([hasChanged(account), hasChanged(other), hasChanged({ ...other, account_mismatch: ['currency'] }), hasChanged({ ...account, account_mismatch: ['currency'] })]).toEqual([false, true, false, true]);
  });
});
