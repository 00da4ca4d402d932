import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestApp } from '../support/app.js';
import { Breakers } from '../support/breakers.js';

let t: TestApp;
let b: Breakers;
beforeAll(async () => {
  t = await startTestApp();
  b = new Breakers(t);
});
afterAll(() => t.close());

describe('consecutive losses', () => {
  it('trip at the fifth and not at the fourth', async () => {
    const agent = await t.agent();
    await b.trades(agent, '-1', '-1', '-1', '-1');
    expect(await b.state('consecutive_losses', agent.accountId)).toMatchObject({ state: 'warning', value: '4', limit: '5', resets: { rule: 'figure' } });
    await b.trades(agent, '-1');
    expect(await b.state('consecutive_losses', agent.accountId)).toMatchObject({ state: 'cooling_down', value: '5', limit: '5', resets: { rule: 'staged' } });
    expect(await b.halts('consecutive_losses', agent.accountId)).toMatchObject([{ scope_type: 'account', execution_mode: 'paper', mode: 'halt', source: 'breaker' }]);
    expect(await b.actions('consecutive_losses', agent.accountId)).toEqual(['warned', 'triggered']);
  });
});
