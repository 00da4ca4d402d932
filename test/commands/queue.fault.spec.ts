import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestAgent, type TestApp } from '../support/app.js';
import { type Client, clientOf } from '../support/http.js';
import { seeded } from '../support/random.js';

interface Leased { id: string; leaseToken: string; attempt: number }
interface Made { id: string }

/** A tenth in the everyday run; `npm run test:fuzz` takes all. */
const COMMANDS = process.env['FULL_FIGURES'] ? 2_000 : 200;
const WORKERS = 16;
const SEED = Number(process.env['FUZZ_SEED'] ?? Date.now() % 1_000_000);

let one: TestApp;
let two: TestApp;
beforeAll(async () => {
  one = await startTestApp();
  two = await one.second();
});
afterAll(async () => {
  await two.close();
  await one.close();
});

describe(`the queue under crashes, late answers and duplicates (seed ${SEED})`, () => {
  it('completes every command exactly once, loses none, and answers every lost lease with 409', async () => {
    const agents = await Promise.all(Array.from({ length: 4 }, () => one.agent()));
    await fill(agents);
    const accepted = new Map<string, Set<string>>();
    const lost = { answers: 0 };
    await Promise.all(Array.from({ length: WORKERS }, (_, n) => work(n, agents[n % agents.length] as TestAgent, accepted, lost)));

    expect(accepted.size).toBe(COMMANDS);
    expect([...accepted.values()].filter((tokens) => tokens.size !== 1)).toEqual([]);
    expect(lost.answers).toBeGreaterThan(0);
    const count = async (text: string) => (await one.db.query<{ n: number }>(text))[0]?.n;
    expect(await count(`select count(*)::int as n from agent_commands where status = 'succeeded'`)).toBe(COMMANDS);
    expect(await count(`select count(*)::int as n from command_attempts where outcome = 'succeeded'`)).toBe(COMMANDS);
    expect(await count(`select count(*)::int as n from events where type = 'command.succeeded'`)).toBe(COMMANDS);
    expect(await count(`select count(*)::int as n from command_attempts where outcome is null`)).toBe(0);
    expect(await count(`select count(*)::int as n from agent_commands c where attempt <> (select count(*) from command_attempts t where t.command_id = c.id)`)).toBe(0);
  });

  it('makes one command of sixteen concurrent retries with one key through two instances', async () => {
    const agent = await one.agent();
    for (let round = 0; round < 10; round++) {
      const ask = { body: { type: 'custom', payload: { round } }, headers: { 'idempotency-key': `retry-${round}` } };
      const send = async (base: Client): Promise<string> => {
        for (;;) {
          const answer = await base<Made>('POST', `/agents/${agent.id}/commands`, ask);
          if (answer.status === 201) return answer.body.id;
          // The first is still running: that is an answer too, and says to come again.
          expect([answer.status, answer.headers.get('retry-after')]).toEqual([409, '1']);
        }
      };
      const ids = await Promise.all(Array.from({ length: 16 }, (_, n) => send(clientOf((n % 2 ? one : two).base, one.adminToken))));
      expect(new Set(ids).size).toBe(1);
    }
    expect(await one.db.query('select 1 from agent_commands where agent_id = $1', [agent.id])).toHaveLength(10);
  });

  it('counts every concurrent start, stop and kill, and ends in the state of the last one', async () => {
    const agent = await one.agent();
    const types = ['start', 'stop', 'pause', 'resume', 'kill', 'flatten'];
    await Promise.all(Array.from({ length: 48 }, (_, n) =>
      (n % 2 ? one : two).http('POST', `/agents/${agent.id}/commands`, { body: { type: types[n % types.length] } })));
    const { body } = await one.http<{ desiredState: { version: number; run: string; reasons: { commandId: string }[] } }>('GET', `/agents/${agent.id}/state`);
    expect(body.desiredState.version).toBe(49);
    // Sequence numbers are taken under the agent's lock: the highest is the last to have been decided.
    const [last] = await one.db.query<{ id: string }>('select id from agent_commands where agent_id = $1 order by seq desc limit 1', [agent.id]);
    expect(body.desiredState.reasons[0]?.commandId).toBe(last?.id);
  });
});

/** Distinct numbers, so that a command handed to two workers would show. */
async function fill(agents: TestAgent[]): Promise<void> {
  let next = 0;
  const client = async (n: number) => {
    while (next < COMMANDS) {
      const agent = agents[next++ % agents.length] as TestAgent;
      const app = n % 2 ? one : two;
      const made = await clientOf(app.base, one.adminToken)('POST', `/agents/${agent.id}/commands`, { body: { type: 'custom', maxAttempts: 100, payload: { n: next } } });
      if (made.status !== 201) throw new Error(made.text);
    }
  };
  await Promise.all(Array.from({ length: 8 }, (_, n) => client(n)));
}

/** The time of these leases is up, whatever the clock says: leases that lapse by it would lapse before a slow machine has answered any. */
const lapse = ({ leaseToken }: Leased) => one.db.query(`update agent_commands set lease_expires_at = app_clock() where status = 'leased' and lease_token = $1`, [leaseToken]);

/** Takes commands and treats them badly until its agent has nothing left. */
async function work(n: number, agent: TestAgent, accepted: Map<string, Set<string>>, lost: { answers: number }): Promise<void> {
  const random = seeded(SEED + n);
  const late: Leased[] = [];
  const http = clientOf((n % 2 ? one : two).base, agent.apiKey);
  const complete = async (command: Leased, times = 1) => {
    const ask = async (): ReturnType<typeof http> => {
      const answer = await http('POST', `/commands/${command.id}/complete`, { body: { leaseToken: command.leaseToken, result: { worker: n } } });
      // A database that is too busy says so, and to come again.
      return answer.status === 503 ? ask() : answer;
    };
    const answers = await Promise.all(Array.from({ length: times }, ask));
    for (const { status, text } of answers) {
      if (status === 200) accepted.set(command.id, (accepted.get(command.id) ?? new Set()).add(command.leaseToken));
      else if (status === 409 && text.includes('COMMAND_LEASE_LOST')) lost.answers += 1;
      else throw new Error(`${status} ${text}`);
    }
  };
  for (let idle = 0; idle < 3; ) {
    const { body } = await http<{ commands: Leased[] }>('POST', '/agents/me/commands/lease', {
      body: { max: 1 + Math.floor(random() * 20), leaseSeconds: 900, waitSeconds: 1 },
    });
    for (const command of body.commands) {
      const fate = random();
      if (fate < 0.08) await lapse(command); // crashed
      else if (fate < 0.16) late.push(command); // answers when it is too late
      else if (fate < 0.24) await http('POST', `/commands/${command.id}/fail`, { body: { leaseToken: command.leaseToken, outcome: 'not_sent', retryable: true, error: { code: 'BUSY', message: '' } } });
      // In the moment in which it lapses, too: it is lost, or was in time.
      else await Promise.all([complete(command, fate < 0.4 ? 3 : 1), ...(fate < 0.32 ? [lapse(command)] : [])]);
    }
    if (late.length > 10 || body.commands.length === 0) {
      // Each by itself: several at once could meet a merged statement in a deadlock.
      for (const command of late.splice(0)) {
        await lapse(command);
        await complete(command);
      }
    }
    const open = body.commands.length > 0 || (await unfinished(agent)) > 0;
    idle = open ? 0 : idle + 1;
  }
}

async function unfinished(agent: TestAgent): Promise<number> {
  return (await one.db.query(`select 1 from agent_commands where agent_id = $1 and status <> 'succeeded' limit 1`, [agent.id])).length;
}
