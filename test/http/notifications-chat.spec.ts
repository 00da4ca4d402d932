import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { ChatStatusRepository } from '../../src/notifications/chat/chat-status.repository.js';
import { TelegramChat } from '../../src/notifications/chat/telegram-chat.service.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { type Halt, releaseAll } from '../support/halts.js';
import { closeStandIns, nothingOpen, open, setUp, shown, startTelegram, type TelegramStandIn, telegramTo } from '../support/notify.js';

const BOUND = 7;
const GROUP = -100_200_300;

let t: TestApp;
let second: TestApp;
let telegram: TelegramStandIn;
beforeAll(async () => {
  telegram = await startTelegram();
  t = await startTestApp({ TELEGRAM_API_URL: telegram.url });
  second = await t.second();
});
beforeEach(async () => {
  await releaseAll(t);
  await nothingOpen(t);
  telegram.sent.splice(0);
  telegram.polls.splice(0);
  telegram.refuses.clear();
  telegram.updates = [];
  await setUp(t, { telegram: telegramTo([BOUND, GROUP]) });
  await lapse();
  await hear();
  telegram.polls.splice(0);
});
afterAll(async () => {
  await second.close();
  await t.close();
  await closeStandIns();
});

const hear = (who = t) => who.app.get(TelegramChat).hear();
/** As if the instance that polls had died, a minute ago. */
const lapse = () => t.db.query(`update telegram_bots set lease_until = app_clock() - interval '1 second'`);
const halts = async () => (await t.http<{ items: Halt[] }>('GET', '/kill-switch?active=true')).body.items;
const answers = () => telegram.sent.map(({ chat_id: chat, text }) => [chat, text]);

describe('/halt', () => {
  it('in a bound chat halts everything, in the name of the chat, and answers what it did', async () => {
    telegram.say(BOUND, '/halt prices are odd');
    await hear();
    const [halt] = await halts();
    expect(await halts()).toHaveLength(1);
    expect(halt).toMatchObject({ scope: { type: 'global' }, mode: 'halt', source: 'person', by: `telegram:${BOUND}`, reason: 'by Telegram: prices are odd' });
    expect(answers()).toEqual([[String(BOUND), expect.stringMatching(new RegExp(`^HALTED: everything \\[${halt?.id}\\]`))]]);
    const [event] = await t.db.query<{ actor: string; correlation_id: string }>(`select actor, correlation_id from events where type = 'halt.imposed' and subject_id = $1`, [halt?.id]);
    expect(event).toEqual({ actor: `telegram:${BOUND}`, correlation_id: expect.stringMatching(/^telegram-424242-\d+$/) });
  });

  it('in a group names who wrote it', async () => {
    telegram.say(GROUP, '/halt@warden_bot', { from: 99 });
    await hear();
    expect(await halts()).toMatchObject([{ by: `telegram:${GROUP}/99`, reason: 'by Telegram' }]);
  });

  it('of one agent halts that; of one that is not there it halts everything, and says so', async () => {
    const agent = await t.agent();
    telegram.say(BOUND, `/halt agent ${agent.name} it runs wild`);
    telegram.say(BOUND, '/halt account is blowing up');
    await hear();
    expect((await halts()).map(({ scope, reason }) => [scope.type, scope.name, reason]).sort()).toEqual([['agent', agent.name, 'by Telegram: it runs wild'], ['global', null, 'by Telegram: blowing up']]);
    expect(answers()[1]?.[1]).toContain('account "is" is not known: EVERYTHING is halted instead');
  });

  it('counts however old it is, and its answer says how old', async () => {
    telegram.say(BOUND, '/halt', { ageSeconds: 7_200 });
    await hear();
    expect(await halts()).toHaveLength(1);
    expect(answers()[0]?.[1]).toContain('Your message was 2 h old');
  });

  it('is carried out once, however often it is read and by whomever', async () => {
    telegram.say(BOUND, '/halt');
    const kept = [...telegram.updates];
    await hear();
    telegram.updates = kept;
    await t.db.query('update telegram_bots set next_update_id = null');
    await lapse();
    await hear(second);
    await Promise.all([hear(), hear(second)]);
    expect(await halts()).toHaveLength(1);
    expect(telegram.sent).toHaveLength(1);
  });

  it('that was carried out before its instance died is answered by the next', async () => {
    telegram.refuses.set('sendMessage', { status: 500, description: 'Internal Server Error' });
    telegram.say(BOUND, '/halt');
    await hear();
    expect([await halts(), telegram.sent]).toMatchObject([[{ scope: { type: 'global' } }], []]);
    telegram.refuses.clear();
    await lapse();
    await hear(second);
    await lapse();
    await hear();
    expect(telegram.sent).toHaveLength(1);
    expect(await halts()).toHaveLength(1);
  });

  it('is not held up by what was written before it and cannot be done', async () => {
    const fails = jest.spyOn(t.app.get(ChatStatusRepository), 'status').mockRejectedValue(new Error('canceling statement due to statement timeout'));
    try {
      const { seq } = await open(t, 'behind');
      telegram.say(BOUND, '/status');
      telegram.say(BOUND, '/halt');
      telegram.say(BOUND, `/ack ${seq}`);
      await hear();
    } finally {
      fails.mockRestore();
    }
    expect(await halts()).toHaveLength(1);
    expect(answers().map(([, text]) => text)).toEqual([expect.stringContaining('/status could not be done. Send it again'), expect.stringContaining('HALTED'), expect.stringContaining('is acknowledged')]);
  });

  it('of anybody else is ignored, counted and not answered', async () => {
    const before = (await shown(t)).telegram?.chat.ignored ?? 0;
    telegram.say(666, '/halt');
    telegram.say(666, '/status', { from: BOUND });
    await hear();
    expect([await halts(), telegram.sent, (await shown(t)).telegram?.chat.ignored]).toEqual([[], [], before + 2]);
    expect(await t.db.query(`select 1 from telegram_updates where chat_id = '666'`)).toEqual([]);
  });
});

describe('/ack', () => {
  it('acknowledges by number or id in the name of the chat, and says what else there is', async () => {
    const [one, two] = [await open(t, 'one'), await open(t, 'two')];
    telegram.say(BOUND, `/ack ${one.seq}`);
    telegram.say(BOUND, '/ack');
    telegram.say(BOUND, `/ack #${one.seq}`);
    telegram.say(BOUND, `/ack ${two.id.toUpperCase()}`);
    telegram.say(BOUND, '/ack 999999');
    await hear();
    const rows = await t.db.query<{ by: string }>('select acknowledged_by as by from incidents order by seq');
    expect(rows).toEqual([{ by: `telegram:${BOUND}` }, { by: `telegram:${BOUND}` }]);
    const texts = answers().map(([, text]) => text);
    expect(texts[0]).toBe(`#${one.seq} COMMAND_UNKNOWN is acknowledged and not told again. It is still open.`);
    expect(texts[1]).toContain(`#${two.seq} critical: COMMAND_UNKNOWN`);
    expect(texts[1]).not.toContain(`#${one.seq} `);
    expect(texts[4]).toContain('no incident "999999"');
  });

  it('that is older than five minutes does nothing, and says so', async () => {
    const { id, seq } = await open(t, 'old');
    telegram.say(BOUND, `/ack ${seq}`, { ageSeconds: 360 });
    await hear();
    expect(await t.db.query('select acknowledged_at from incidents where id = $1', [id])).toEqual([{ acknowledged_at: null }]);
    expect(answers()[0]?.[1]).toContain('Nothing was done: your message was 6 min old');
  });
});

describe('the chat', () => {
  it('says how it stands: halts, agents, incidents', async () => {
    const agent = await t.agent();
    const { seq } = await open(t, 'shown', { summary: 'password=hunter2 was told' });
    telegram.say(BOUND, '/halt');
    telegram.say(BOUND, '/status');
    await hear();
    const text = answers()[1]?.[1] ?? '';
    expect(text.split('\n')[0]).toBe('HALTED.');
    expect(text).toContain(`- ${agent.name} (paper): offline`);
    expect(text).toContain(`#${seq} critical: COMMAND_UNKNOWN: password=*** was told`);
  });

  it('knows no way to release or approve, and answers help to what it does not know', async () => {
    telegram.say(BOUND, '/halt');
    for (const text of ['/release', '/approve 1', '/resume', '/help', 'good morning']) telegram.say(BOUND, text);
    await hear();
    expect(await halts()).toHaveLength(1);
    expect(answers().slice(1).map(([, text]) => text?.split('\n')[0])).toEqual([...Array(3).fill('There is no such command.'), expect.stringContaining('/status')]);
  });

  it('is heard by one instance at a time, which goes on behind what was stored', async () => {
    const last = telegram.say(BOUND, '/help');
    await hear();
    await hear(second);
    expect(telegram.polls).toHaveLength(1);
    await lapse();
    await hear(second);
    expect(telegram.polls.at(-1)).toBe(last + 1);
    await lapse();
    // Telegram begins anew anywhere after a week without an update.
    await t.db.query(`update telegram_bots set last_update_at = last_update_at - interval '7 days'`);
    await hear();
    expect(telegram.polls.at(-1)).toBeNull();
  });

  it('that cannot be heard says why, without the token', async () => {
    telegram.refuses.set('getUpdates', { status: 409, description: 'Conflict: can\'t use getUpdates method while webhook is active' });
    await expect(hear()).rejects.toThrow('409 Conflict');
    expect((await shown(t)).telegram?.chat.lastError).toBe('409 Conflict: can\'t use getUpdates method while webhook is active');
    telegram.refuses.clear();
    await hear();
    expect((await shown(t)).telegram?.chat).toMatchObject({ lastError: null, lastHeardAt: expect.any(String) });
  });

  it('is not heard where commands are switched off', async () => {
    await setUp(t, { telegram: telegramTo([BOUND], { commands: false }) });
    telegram.say(BOUND, '/halt');
    await hear();
    expect([await halts(), telegram.polls]).toEqual([[], []]);
  });
});
