import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestApp } from '../support/app.js';
import { Importer } from '../support/fuzz-import.js';

let t: TestApp;
let importer: Importer;
const folder = mkdtempSync(join(tmpdir(), 'tradewarden-secrets-'));
beforeAll(async () => {
  t = await startTestApp();
  importer = new Importer(t);
});
afterAll(async () => {
  await t.close();
  rmSync(folder, { recursive: true, force: true });
});

let names = 0;
function files(of: Record<string, string>): string {
  const root = join(folder, String(++names));
  for (const [path, content] of Object.entries(of)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  }
  return root;
}

const DECISION = (why: string) => `id,trade_idea_id,action,performed_by,risk_check_result,human_override,rationale,occurred_at,created_at\n1,,ai_proposed,me,,,${why},2026-01-05T10:00:00Z,2026-01-05T10:00:00Z\n`;

describe('secrets of a folder', () => {
  it('go out of a document that cannot be read, wherever they stand in it, and the rest of it stays', async () => {
    const report = await importer.run(files({
      'config/ai/profiles/p.json': '{"symbol": "EURUSD", "main_timeframe": "H1", "analysis_mode": "x", "style": "day"}', 'data/decision_history.csv': DECISION('as it was'),
      'config/accounts.json': '{"accounts": [{"id": "1", "name": "Ann\0a", "server": "Demo-3", "password": "Zx81Wq77broker"}]}',
      'data/trade_ideas/i.json': '{"id": "i", "timeframe": "H1", "approval_status": "x", "password": "Zx81Wq77other", "notes": "told Zx81Wq77other to him"}{"a":',
    }), 'ai-trading-platform', 'broken');
    expect([report.error, report.secretsLeft, report.rejects.map(({ code }) => code)]).toEqual([null, 0, ['JSON_INVALID', 'JSON_INVALID']]);
    const kept = await importer.originals(report.runId);
    for (const word of ['Demo-3', 'told [secret removed] to him']) expect(kept).toContain(word);
    expect(kept).not.toContain('Zx81Wq77');
    expect(await importer.whereAre(['Zx81Wq77broker', 'Zx81Wq77other'], report)).toEqual([]);
  });

  it('go out of other files too, when they stand deep in a document or in the text of one', async () => {
    const report = await importer.run(files({
      'data/decision_history.csv': DECISION('connected with Zx81Wq77deep and Zx81Wq77yaml'), 'config/keys.json': '{"brokers": [{"name": "x", "credentials": {"first": "Zx81Wq77deep"}}]}', 'config/app.yaml': 'api_keys:\n  default: Zx81Wq77yaml\nhost: h\n',
    }), 'ai-trading-platform', 'deep');
    expect([report.error, report.secretsLeft]).toEqual([null, 0]);
    expect(await importer.whereAre(['Zx81Wq77deep', 'Zx81Wq77yaml'], report)).toEqual([]);
    expect(await importer.originals(report.runId)).toContain('connected with [secret removed] and [secret removed]');
  });

  it('go out of the words of a decision, which is masked once and imports', async () => {
    const report = await importer.run(files({ 'data/decision_history.csv': DECISION('the login with password=Zx81Wq77a failed; password: Zx81Wq77b too') }), 'ai-trading-platform', 'words');
    expect([report.error, report.secretsLeft, report.proof?.damage]).toEqual([null, 0, []]);
    expect(report.tables.map(({ imported, rejected }) => [imported, rejected])).toEqual([[1, 0]]);
    expect(await importer.originals(report.runId)).not.toContain('Zx81Wq77');
    const [decision] = await t.db.query<{ canonical: string }>(`select canonical from decision_history where stream = $1`, [`import:${report.runId}`]);
    expect(decision?.canonical).toContain('password=[secret removed] failed; password: [secret removed] too');
  });

  it('that a setting keeps as JSON go out of every other text too', async () => {
    const report = await importer.run(files({
      'configuration_settings.csv': 'id,category,key,value,value_type,description,version,updated_by,updated_at,created_at\n1,broker,alpaca_api_key,"""Zx81Wq77quoted""",string,,2,me,2026-01-05 10:00:00,2026-01-05 10:00:00\n'
        + '2,broker,alpaca_credentials,"{""id"": ""Zx81Wq77inside"", ""paper"": true}",json,,1,me,2026-01-05 10:00:00,2026-01-05 10:00:00\n',
      'configuration_history.csv': 'id,setting_id,category,key,old_value,new_value,version,changed_by,changed_at,reason\n1,1,broker,alpaca_api_key,null,"""Zx81Wq77quoted""",1,me,2026-01-05 10:00:00,instead of Zx81Wq77quoted and Zx81Wq77inside\n',
    }), 'ai-trader', 'settings');
    expect([report.error, report.secretsLeft]).toEqual([null, 0]);
    expect(await importer.whereAre(['Zx81Wq77quoted', 'Zx81Wq77inside'], report)).toEqual([]);
    const kept = await importer.originals(report.runId);
    expect(kept).toContain('instead of [secret removed] and [secret removed]');
    // Before there was none: that is no secret.
    expect(kept).toMatch(/"old_value": ?"null"/);
  });
});
