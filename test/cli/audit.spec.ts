import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestApp } from '../support/app.js';
import { cli } from '../support/cli.js';
import { aDecision, append, tamper } from '../support/decisions.js';

let t: TestApp;
let env: Record<string, string>;
const stream = randomUUID();
const folder = mkdtempSync(join(tmpdir(), 'tradewarden-audit-'));
beforeAll(async () => {
  t = await startTestApp();
  env = { DATABASE_URL: t.db.url, DATABASE_OWNER_URL: t.db.ownerUrl };
  await append(t, ...Array.from({ length: 5 }, () => aDecision(stream)));
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await t.close();
});

describe('audit:verify', () => {
  it('is exit code 0 when nothing was changed, also against the heads of a log', async () => {
    expect(await cli(['audit:verify'], env)).toMatchObject({ code: 0, stdout: '5 decisions in 1 streams checked. Nothing was changed.\n', stderr: '' });
    const [head] = await t.db.query<{ head: string }>('select head from decision_heads where stream = $1', [stream]);
    writeFileSync(join(folder, 'log'), `nothing\n{"level":"info","context":"Decisions","msg":"decision head ${stream} 5 ${head?.head}"}\n`);
    writeFileSync(join(folder, 'other'), `decision head ${stream} 4 ${head?.head}\n`);
    expect(await cli(['audit:verify', '--heads', join(folder, 'log')], env)).toMatchObject({ code: 0, stdout: expect.stringContaining('1 logged heads compared') });
    expect(await cli(['audit:verify', '--heads', join(folder, 'other'), '--json'], env)).toMatchObject({ code: 1, json: { findings: [{ problem: 'NOT_AS_LOGGED', number: 4 }] } });
  });

  it.each([[['--stream', 'everything'], /--stream/], [['--heads', '/nonexistent/log'], /--heads/], [['--heads', '/dev/null'], /no line/]])('%j is wrong usage', async (args, reason) => {
    expect(await cli(['audit:verify', ...args], env)).toMatchObject({ code: 2, stdout: '', stderr: expect.stringMatching(reason) });
  });

  it('says so when it has another key', async () => {
    expect(await cli(['audit:verify', '--json'], { ...env, AUDIT_KEY: 'a7Kp2Lx9Vn4Qw8Zr3Ty6Ub1Ci5Mo0Jhs' })).toMatchObject({
      code: 1, json: { ok: false, checked: 5, unchecked: 5, findings: [{ problem: 'KEY_UNKNOWN' }, { problem: 'KEY_UNKNOWN' }] },
    });
  });

  it('is exit code 1 with the rows that were changed', async () => {
    const [row] = await t.db.query<{ id: string }>('select id from decision_history where stream = $1 and number = 3', [stream]);
    await tamper(t, `update decision_history set canonical = replace(canonical, '"0.5"', '"0.6"') where stream = '${stream}' and number = 3`);
    const run = await cli(['audit:verify'], env);
    expect(run).toMatchObject({ code: 1, stdout: expect.stringContaining(`${stream}  number 3  ${row?.id}  SEAL: `) });
    expect(await cli(['audit:verify', '--stream', stream, '--json'], env)).toMatchObject({ code: 1, json: { ok: false, found: 1, firstBad: { number: 3, id: row?.id, problem: 'SEAL' } } });
    expect((await cli(['audit:verify', '--stream', 'system'], env)).code).toBe(0);
  });
});
