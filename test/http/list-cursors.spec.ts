import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { startTestApp, type TestAgent, type TestApp } from '../support/app.js';

interface Page { items: { id: string }[]; nextCursor: string | null; detail?: string; errors?: { path: string }[] }

let t: TestApp;
let agent: TestAgent;
beforeAll(async () => {
  t = await startTestApp();
  agent = await t.agent();
  await t.agent();
  for (const clientOrderId of ['a', 'b', 'c']) await agent.http('POST', '/trades', { body: { clientOrderId, symbol: 'EURUSD', direction: 'long', lotSize: '1' } });
  for (const minute of ['00', '05', '10']) await agent.http('POST', '/snapshots/market', { body: { symbol: 'EURUSD', timeframe: 'M5', openTime: `2026-01-05T10:${minute}:00Z`, open: '1', high: '1', low: '1', close: '1', volume: '1' } });
});
afterAll(() => t.close());

const page = async (path: string, cursor?: string | null) => (await t.http<Page>('GET', `${path}?limit=1${cursor ? `&cursor=${cursor}` : ''}`)).body;

it.each(['/trades', '/agents', '/accounts', '/snapshots/market'])('of %s goes on in that list, and in no other', async (path) => {
  const first = await page(path);
  const second = await page(path, first.nextCursor);
  expect(second.items).toHaveLength(1);
  expect(second.items[0]?.id).not.toBe(first.items[0]?.id);
  for (const other of ['/trades', '/agents', '/accounts', '/snapshots/market', '/snapshots/news', '/commands', '/predictions', '/incidents', '/quotes', '/decisions'].filter((each) => each !== path)) {
    expect([other, await page(other, first.nextCursor)]).toMatchObject([other, { status: 400, detail: 'cursor: is not a cursor that this list gave', errors: [{ path: 'cursor' }] }]);
  }
});

it('of one trade\'s history is none of another\'s', async () => {
  const [one, other] = (await t.http<Page>('GET', '/trades')).body.items;
  const moved = await agent.http('POST', `/trades/${one?.id}/transitions`, { body: { to: 'cancelled', version: 1 } });
  expect(moved.status).toBe(200);
  const { nextCursor } = await page(`/trades/${one?.id}/transitions`);
  expect((await page(`/trades/${one?.id}/transitions`, nextCursor)).items).toHaveLength(1);
  expect(await page(`/trades/${other?.id}/transitions`, nextCursor)).toMatchObject({ status: 400, errors: [{ path: 'cursor' }] });
});

it('without its mark is none: what stands within cannot be made up', async () => {
  const { nextCursor } = await page('/trades');
  expect(await page('/trades', nextCursor?.slice(0, -6))).toMatchObject({ status: 400, errors: [{ path: 'cursor' }] });
});
