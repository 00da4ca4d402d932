import { execFileSync } from 'node:child_process';
import { appendFileSync, copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomUUID } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { DataSource } from 'typeorm';
import { aDecision, append, tamper, verified } from '../support/decisions.js';
import type { Why } from '../support/why.js';
import { type AgedApp, goTo, monthAgo, monthsThere, resultOf, retain, startAged } from '../support/retention.js';

interface Decision { id: string; number: number; seal: string; reason: string | null; archive: { file: string; read: boolean } | null }

let t: AgedApp;
const stream = randomUUID();
const ideaId = randomUUID();
let old: string[];
let young: string[];
beforeAll(async () => {
  t = await startAged();
  await goTo(t, 200);
  old = await append(t, ...Array.from({ length: 5 }, (_, n) => aDecision(stream, { ideaId, reason: `old ${n}` })), aDecision('system', { type: 'ai_halted' }));
  await goTo(t, 160);
  old.push(...(await append(t, aDecision(stream, { reason: 'in the month after' }))));
  await goTo(t, 0);
  young = await append(t, aDecision(stream, { reason: 'of today' }));
});
afterAll(() => t.close());

const get = async (id: string | undefined) => (await t.http<Decision>('GET', `/decisions/${id}`)).body;
const files = () => readdirSync(t.folder).sort();

describe('decisions that are old', () => {
  it('would go, a dry run says, and stay', async () => {
    const dry = await resultOf(t, 'decision_history', { dryRun: true });
    expect(dry.months).toEqual([...new Set([monthAgo(200), monthAgo(160)])]);
    expect([files(), (await verified(t)).checked]).toEqual([[], 8]);
  });

  it('go into a file for each month, and the table loses those months', async () => {
    const done = await resultOf(t, 'decision_history');
    expect(done).toMatchObject({ rows: 7, held: [] });
    expect(files()).toHaveLength(new Set([monthAgo(200), monthAgo(160)]).size);
    expect(await monthsThere(t, 'decision_history')).not.toContain(monthAgo(200));
    expect(await t.db.query('select 1 from decision_history')).toHaveLength(1);
    const [first = ''] = files();
    const [head, ...lines] = gunzipSync(readFileSync(join(t.folder, first))).toString().trim().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(head).toMatchObject({ format: 1, month: `${monthAgo(200)}-01` });
    expect(lines[0]).toMatchObject({ stream, number: 1, canonical: expect.stringContaining('"old 0"') });
  });

  it('are verified with the others as one chain', async () => {
    expect(await verified(t)).toMatchObject({ ok: true, checked: 8, unchecked: 0, findings: [] });
    expect(await verified(t, { stream })).toMatchObject({ ok: true, checked: 7 });
  });

  it('are read one by one, and in lists, and say where they stand', async () => {
    expect(await get(old[0])).toMatchObject({ seal: 'intact', reason: 'old 0', number: 1, archive: { file: files()[0], read: true } });
    expect(await get(young[0])).toMatchObject({ seal: 'intact', reason: 'of today', archive: null });
    const seen: string[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const { body }: { body: { items: Decision[]; nextCursor: string | null } } = await t.http('GET', `/decisions?limit=2&accountId=${stream}${cursor && `&cursor=${cursor}`}`);
      seen.push(...body.items.map(({ reason }) => reason ?? ''));
      cursor = body.nextCursor;
    }
    expect(seen).toEqual(['of today', 'in the month after', 'old 4', 'old 3', 'old 2', 'old 1', 'old 0']);
    expect((await t.http<{ items: Decision[] }>('GET', `/decisions?ideaId=${ideaId}`)).body.items).toHaveLength(5);
  });

  it('are found by their id as before', async () => {
    const { body } = await t.http<{ items: { kind: string; id: string; detail: string }[] }>('GET', `/search?q=${old[0]}`);
    expect(body.items).toMatchObject([{ kind: 'decision', id: old[0], detail: expect.stringContaining('archived') }]);
  });

  it('are told by why', async () => {
    const { body } = await t.http<Why>('GET', `/why/${old[2]}`);
    expect(body.subject).toEqual({ type: 'decision', id: old[2] });
    expect(body.chain.filter(({ type }) => type === 'decision').map(({ data }) => data['reason'])).toEqual(['old 0', 'old 1', 'old 2', 'old 3', 'old 4']);
  });

  it('go on being appended to', async () => {
    await append(t, aDecision(stream));
    expect(await verified(t)).toMatchObject({ ok: true, checked: 9 });
  });

  it('are not moved again', async () => {
    const before = files();
    expect(await resultOf(t, 'decision_history')).toMatchObject({ rows: 0, months: [], held: [] });
    expect(files()).toEqual(before);
  });

  it('no writer can remove from where they are', async () => {
    const [{ id } = { id: '' }] = await t.db.query<{ id: string }>('select id from decision_archives limit 1');
    await expect(t.db.query(`set role tradewarden_test_writer; delete from decision_archives where id = '${id}'`)).rejects.toThrow(/all that is left/);
    await expect(t.db.query(`set role tradewarden_test_writer; delete from decision_archive_rows where archive_id = '${id}'`)).rejects.toThrow(/all that is left/);
    await expect(t.db.query(`set role tradewarden_test_writer; update decision_archives set dropped_at = null`)).rejects.toThrow(/permission denied/);
    await expect(t.db.query(`set role tradewarden_test_writer; select retention_drop_month('decision_history', date_trunc('month', app_clock())::date, app_clock(), '${id}')`)).rejects.toThrow(/too young/);
    await t.db.query('reset role');
  });
});

describe('an archive', () => {
  const firstFile = () => join(t.folder, files()[0] ?? '');
  /** Each way of losing one, and the way back. */
  const whole = () => readFileSync(firstFile());
  const open = () => t.db.query(`select 1 from incidents where kind = 'RETENTION_FAILED' and resolved_at is null`);

  it.each([
    ['is gone', (path: string) => renameSync(path, `${path}.away`), (path: string) => renameSync(`${path}.away`, path), /not there/],
    ['was cut', (path: string) => truncateSync(path, 300), null, /300 bytes of/],
    ['was changed in the middle', (path: string, bytes: Buffer) => writeFileSync(path, Buffer.concat([bytes.subarray(0, 250), Buffer.from([(bytes[250] ?? 0) ^ 1]), bytes.subarray(251)])), null, /checksum/],
    ['was added to', (path: string) => appendFileSync(path, 'x'), null, /bytes of/],
  ])('that %s is found by audit:verify and by the next run, and comes back when it does', async (_what, harm, back, detail) => {
    const [path, bytes] = [firstFile(), whole()];
    harm(path, bytes);
    const verdict = await verified(t);
    expect(verdict.ok).toBe(false);
    expect(verdict.findings.map(({ problem, detail: more }) => `${problem} ${more}`).join('\n')).toMatch(detail);
    await expect(resultOf(t, 'decision_history')).rejects.toThrow(detail);
    expect(await open()).toHaveLength(1);
    if (back) back(path);
    else writeFileSync(path, bytes);
    // A run of one table says nothing of the others.
    await retain(t);
    expect(await open()).toEqual([]);
    expect((await verified(t)).ok).toBe(true);
  });

  it('that cannot be read costs its texts, and neither the list nor the links of the chain', async () => {
    const path = firstFile();
    const u = await t.second();
    renameSync(path, `${path}.away`);
    expect((await u.http<Decision>('GET', `/decisions/${old[0]}`)).body).toMatchObject({ seal: 'unread', reason: null, number: 1, archive: { read: false } });
    expect((await u.http<{ items: Decision[] }>('GET', `/decisions?accountId=${stream}`)).body.items).toHaveLength(8);
    const { body } = await u.http<Why>('GET', `/why/${old[0]}`);
    expect(body.missing.join(' ')).toMatch(/stands in the archive .* which cannot be read/);
    const verdict = await verified(u, { stream });
    expect(verdict.findings.map(({ problem }) => problem)).toEqual(['ARCHIVE']);
    renameSync(`${path}.away`, path);
    expect((await u.http<Decision>('GET', `/decisions/${old[0]}`)).body).toMatchObject({ seal: 'intact', reason: 'old 0' });
    await u.close();
  });
});

describe('what stands where an archive belongs', () => {
  it.each([
    ['a pipe without a writer', (path: string) => void execFileSync('mkfifo', [path])], ['a folder', (path: string) => mkdirSync(path)], ['an endless device', (path: string) => symlinkSync('/dev/zero', path)],
    ['a link to nothing', (path: string) => symlinkSync('/nonexistent/archive', path)], ['another archive', (path: string) => copyFileSync(join(t.folder, files()[1] ?? ''), path)],
  ])('%s holds nothing up, and is said', async (_what, put) => {
    const path = join(t.folder, files()[0] ?? '');
    renameSync(path, `${path}.away`);
    const u = await t.second();
    try {
      put(path);
      for (let n = 0; n < 5; n++) expect((await u.http<Decision>('GET', `/decisions/${old[0]}`)).body).toMatchObject({ seal: 'unread', archive: { read: false } });
      expect((await verified(u)).findings.map(({ problem }) => problem)).toContain('ARCHIVE');
      await expect(resultOf(u, 'decision_history')).rejects.toThrow(/bytes of|cannot be read|not there/);
    } finally {
      await u.close();
      rmSync(path, { recursive: true, force: true });
      renameSync(`${path}.away`, path);
    }
    expect(await get(old[0])).toMatchObject({ seal: 'intact' });
  });

  it('a link to it on another disk is the archive', async () => {
    const path = join(t.folder, files()[0] ?? '');
    const elsewhere = mkdtempSync(join(tmpdir(), 'tradewarden-archive-'));
    renameSync(path, join(elsewhere, 'archive'));
    symlinkSync(join(elsewhere, 'archive'), path);
    expect((await verified(t)).ok).toBe(true);
    rmSync(path);
    renameSync(join(elsewhere, 'archive'), path);
    rmSync(elsewhere, { recursive: true });
    await retain(t);
  });
});

describe('a month of decisions stays', () => {
  it('when its chain does not hold, so that what was changed can be looked at', async () => {
    await goTo(t, 130);
    const lone = randomUUID();
    await append(t, aDecision(lone), aDecision(lone), aDecision(lone));
    await goTo(t, 0);
    await tamper(t, `update decision_history set canonical = replace(canonical, '"0.5"', '"0.6"') where stream = '${lone}' and number = 2`);
    await expect(resultOf(t, 'decision_history')).rejects.toThrow(/number 2 of .*changed/);
    expect(await monthsThere(t, 'decision_history')).toContain(monthAgo(130));
    await tamper(t, `update decision_history set canonical = replace(canonical, '"0.6"', '"0.5"') where stream = '${lone}' and number = 2`);
    expect((await resultOf(t, 'decision_history')).rows).toBe(3);
    expect((await verified(t)).ok).toBe(true);
  });

  it('without ARCHIVE_DIR, and says so', async () => {
    await goTo(t, 130);
    await append(t, aDecision(stream));
    await goTo(t, 0);
    const u = await t.second({ ARCHIVE_DIR: '' });
    expect(await resultOf(u, 'decision_history').catch((error: Error) => error.message)).toMatch(/ARCHIVE_DIR is not set/);
    await u.close();
    expect(await monthsThere(t, 'decision_history')).toContain(monthAgo(130));
    await resultOf(t, 'decision_history');
  });

  it('while a decision of it is of a trade that is not finished', async () => {
    await goTo(t, 130);
    const agent = await t.agent();
    const made = await agent.http<{ id: string }>('POST', '/trades', { body: { clientOrderId: randomUUID(), symbol: 'EURUSD', direction: 'long', lotSize: '0.1' } });
    const idea = randomUUID();
    await append(t, aDecision(stream, { ideaId: idea }));
    await goTo(t, 0);
    await t.db.query(`update trades set idea_id = $1 where id = $2`, [idea, made.body.id]);
    expect((await resultOf(t, 'decision_history')).held).toEqual([{ month: monthAgo(130), why: expect.stringContaining('not finished') }]);
    await t.db.query(`update trades set status = 'cancelled', finished_at = app_clock() where id = $1`, [made.body.id]);
    expect((await resultOf(t, 'decision_history')).rows).toBe(1);
  });

  it('when an import brought decisions of it: its proof and its rollback need them', async () => {
    await goTo(t, 130);
    const [brought] = await append(t, aDecision(randomUUID()));
    await tamper(t, `update decision_history set stream = 'import:' || stream where id = '${brought}'`);
    await goTo(t, 0);
    expect((await resultOf(t, 'decision_history')).held).toEqual([{ month: monthAgo(130), why: expect.stringContaining('import') }]);
  });
});

describe('years of archives', () => {
  const ROWS_A_MONTH = 2_000;
  beforeAll(async () => {
    await tamper(t, `insert into decision_archives (id, month, file, bytes, sha256, decisions, last_seq, digest, verified_at, dropped_at)
      select gen_random_uuid(), m::date, 'decisions-' || to_char(m, 'YYYY-MM') || '-x.jsonl.gz', 1, repeat('a', 64), ${ROWS_A_MONTH}, 1000000 + n * ${ROWS_A_MONTH}, repeat('b', 64), m, m from generate_series('2020-01-01'::timestamp, '2022-12-01', '1 month') with ordinality as m (m, n);
      insert into decision_archive_rows (seq, archive_id, at, stream, number, id, type, agent_id, key_id, hash, bytes, block_at, block_bytes)
      select a.last_seq - ${ROWS_A_MONTH} + n, a.id, a.month + n * interval '15 minutes', case when n = 1 then $$${randomUUID()}$$ else $$${randomUUID()}$$ end, n, gen_random_uuid(), 'ai_proposed', gen_random_uuid(), repeat('c', 16), repeat('d', 64), 1, 1, 1
      from decision_archives a, generate_series(1, ${ROWS_A_MONTH}) n where a.sha256 = repeat('a', 64)`);
    await t.db.query('vacuum analyze decision_archive_rows');
  });

  interface Plan { 'Shared Hit Blocks': number; 'Shared Read Blocks': number }

  it.each<[string, string, number]>([
    ['of a week long ago', 'from=2020-03-01T00:00:00Z&to=2020-03-08T00:00:00Z', 50], ['up to long ago', 'to=2020-01-15T00:00:00Z', 50], ['since yesterday, that have none', `from=${new Date(Date.now() - 2 * 3_600_000).toISOString()}`, 1], ['of before all of them', 'to=2019-12-31T00:00:00Z', 0],
  ])('cost a list %s no more than a month of them', async (_what, query, least) => {
    const sent: [string, unknown[]][] = [];
    const spy = jest.spyOn(t.app.get(DataSource), 'query');
    const { body } = await t.http<{ items: unknown[] }>('GET', `/decisions?limit=50&${query}`);
    for (const [text, values] of spy.mock.calls) if (text.includes('from archived_decisions')) sent.push([text, values as unknown[]]);
    spy.mockRestore();
    expect([body.items.length >= least, sent.length]).toEqual([true, 1]);
    const [row] = await t.db.query<{ 'QUERY PLAN': { Plan: Plan }[] }>(`explain (analyze, buffers, format json) ${sent[0]?.[0]}`, sent[0]?.[1]);
    const { 'Shared Hit Blocks': hit = Infinity, 'Shared Read Blocks': read = Infinity } = row?.['QUERY PLAN'][0]?.Plan ?? {};
    // Where each of 36 months begins is three blocks of its index; of the month, two for each row. All rows were 68,000 blocks, and none of them 2,400.
    expect(hit + read).toBeLessThan(least > 1 ? 400 + 2 * ROWS_A_MONTH : 400);
  });
});
