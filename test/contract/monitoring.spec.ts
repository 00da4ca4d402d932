import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SystemMonitor } from '../../src/system-monitor/system-monitor.service.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { closeEventSources, openEvents } from '../support/event-source.js';
import { propose } from '../support/ideas.js';
import { scrape } from '../support/metrics.js';
import { asked } from '../support/promql.js';

/** What a server shows only where the machine or the database is so: the archiving of its log, checksums, a replica. Their rows are written by hand. */
const ONLY_WHERE = ['tradewarden_db_archive_failing', 'tradewarden_db_checksum_failures_total', 'tradewarden_replica_lag_seconds', 'tradewarden_replica_fallbacks_total'];
/** Names in the code that are no metrics. */
const NO_METRICS = ['tradewarden_owner'];
/** Made by Prometheus when it scrapes. */
const BY_PROMETHEUS = { metrics: ['up'], labels: ['job', 'instance'] };

interface Metric {
  name: string;
  type: string;
  labels: string[];
  help: string;
  series: Record<string, string>[];
}

const PAGE = 'docs/monitoring.md';
let t: TestApp;
let live: Map<string, Metric>;

beforeAll(async () => {
  t = await startTestApp();
  const agent = await t.agent();
  const stream = await openEvents(t.base, t.adminToken);
  await stream.ready();
  await t.db.query(`insert into mirrors (id, place, shape, position, whole_as_of) values (gen_random_uuid(), 'sqlite:/x', 'ai-trader', 0, app_clock())`);
  await t.db.query(`insert into notification_channels (channel, enabled_since) values ('email', app_clock()) on conflict (channel) do update set enabled_since = excluded.enabled_since`);
  await propose(agent);
  await t.db.query(`insert into backups (origin, status, kind, name, folder, bytes, snapshot_at, finished_at, verified_at, offsite_at)
    values ('command', 'verified', 'dump', 'tradewarden-20260101T000000Z-00000000', '/x', 1, app_clock(), app_clock(), app_clock(), app_clock())`);
  await t.db.query(`insert into restore_drills (id, backup, backup_at, started_at, seconds, ok, steps) values (gen_random_uuid(), 'x', app_clock(), app_clock(), 1, true, '[]')`);
  await t.db.query(`insert into retention_totals (table_name, rows_removed, last_removed_at) values ('events', 1, app_clock())`);
  await t.app.get(SystemMonitor).step();
  await t.app.get(SystemMonitor).lookAndAct();
  await t.app.get(SystemMonitor).read();
  await t.db.query('alter table users rename to users_hidden');
  expect((await t.http('GET', '/users')).status).toBe(500);
  await t.db.query('alter table users_hidden rename to users');
  const lease = await agent.http('POST', '/agents/me/commands/lease', { body: {} });
  expect(lease.status).toBe(200);
  live = new Map();
  // What is to be looked up within a second may be missing from a scrape of a busy machine.
  for (let i = 0; i < 20 && (i === 0 || inCode().some((name) => !live.has(name) && !ONLY_WHERE.includes(name))); i++) {
    for (const [name, metric] of metricsOf((await scrape(t.base)).text)) live.set(name, metric);
  }
});
afterAll(async () => {
  closeEventSources();
  await t.close();
});

function metricsOf(text: string): Map<string, Metric> {
  const found = new Map<string, Metric>();
  for (const line of text.split('\n')) {
    const [, kind, of = '', rest = ''] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? [];
    if (kind === 'HELP') found.set(of, { name: of, type: '', labels: [], help: rest, series: [] });
    if (kind === 'TYPE') Object.assign(found.get(of) ?? {}, { type: rest });
    const [, name = '', labels = ''] = /^([a-z_]\w*)(?:\{(.*)\})? \S+$/.exec(line) ?? [];
    const metric = found.get(name) ?? found.get(name.replace(/_(bucket|sum|count)$/, ''));
    if (name === '' || !metric) continue;
    const series = Object.fromEntries([...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, label = '', value = '']) => [label, value]));
    metric.series.push(series);
    for (const label of Object.keys(series)) if (!metric.labels.includes(label) && label !== 'le') metric.labels.push(label);
  }
  // One that has no series yet has no values to be looked at.
  return new Map([...found].filter(([, { series }]) => series.length > 0));
}

const page = () => readFileSync(PAGE, 'utf8');
const rowOf = ({ name, type, labels, help }: Metric) => `| \`${name}\` | ${type} | ${labels.map((label) => `\`${label}\``).join(', ')} | ${help.replaceAll('|', '\\|')} |`;
const rowsIn = (text: string) => [...(/<!-- metrics -->([^]*)<!-- \/metrics -->/.exec(text)?.[1] ?? '').matchAll(/^\| `(tradewarden_\w+)` \| (\w+) \| (.*?) \| (.+) \|$/gm)].map(([row, name = '', type = '', labels = '']) => ({ row, name, type, labels: [...labels.matchAll(/`(\w+)`/g)].map(([, label = '']) => label) }));

const sources = () => readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts') && !name.endsWith('.spec.ts')).map((name) => readFileSync(join('src', name), 'utf8'));
const inCode = () => [...new Set(sources().flatMap((text) => [...text.matchAll(/'(tradewarden_[a-z_]+[a-z])'/g)].map(([, name = '']) => name)))].filter((name) => !NO_METRICS.includes(name));

describe('the table of metrics in docs/monitoring.md', () => {
  it('has a row for each metric of a server with its type, its labels and its own words, and no other', () => {
    const kept = rowsIn(page()).filter(({ name }) => !live.has(name) && inCode().includes(name));
    const own = [...live.values()].filter(({ name }) => name.startsWith('tradewarden_'));
    const rows = [...own.map((metric) => ({ name: metric.name, row: rowOf(metric) })), ...kept].sort((one, other) => (one.name < other.name ? -1 : 1));
    const made = page().replace(/<!-- metrics -->[^]*<!-- \/metrics -->/, `<!-- metrics -->\n\n| metric | type | labels | says |\n|---|---|---|---|\n${rows.map(({ row }) => row).join('\n')}\n\n<!-- /metrics -->`);
    if (process.env['UPDATE_CONTRACT']) writeFileSync(PAGE, made);
    expect(page()).toBe(made);
  });

  it('has each that the code names, seen or not, and those that are not seen are known to be so', () => {
    const documented = rowsIn(page()).map(({ name }) => name);
    expect(inCode().length).toBeGreaterThan(40);
    expect(inCode().filter((name) => !documented.includes(name))).toEqual([]);
    expect(documented.filter((name) => !live.has(name) && !ONLY_WHERE.includes(name))).toEqual([]);
  });

  it('is followed by names that conventions ask for: base units, counts that end in _total, nothing else that does', () => {
    for (const { name, type } of live.values()) {
      expect([name, /^(tradewarden|process|nodejs)_[a-z0-9_]+$/.test(name)]).toEqual([name, true]);
      expect([name, name.endsWith('_total')]).toEqual([name, type === 'counter']);
      expect([name, /(_ms|_milliseconds|_minutes|_kb|_mb)$/.test(name)]).toEqual([name, false]);
    }
  });
});

/** Why an expression would find nothing on this server; null: it finds all that it names. */
function lost(expression: string): string | null {
  const { metrics, grouped } = asked(expression);
  const labels = new Set([...BY_PROMETHEUS.labels, 'le']);
  for (const { name, matchers } of metrics) {
    if (BY_PROMETHEUS.metrics.includes(name)) continue;
    const metric = live.get(name) ?? live.get(name.replace(/_(bucket|sum|count)$/, ''));
    const row = rowsIn(page()).find((each) => each.name === name);
    if (!metric && !(row && ONLY_WHERE.includes(name))) return `${name} is no metric`;
    for (const label of metric?.labels ?? row?.labels ?? []) labels.add(label);
    for (const { label, op, value } of matchers) {
      if (BY_PROMETHEUS.labels.includes(label)) continue;
      if (!metric?.labels.includes(label)) return `${name} has no label ${label}`;
      // What is left out need not be there.
      if (op.startsWith('!')) continue;
      const fits = (seen: string) => (op.endsWith('~') ? new RegExp(`^(?:${value})$`).test(seen) : seen === value);
      if (!metric.series.some((series) => fits(series[label] ?? ''))) return `${name} has no series with ${label} ${value}`;
    }
  }
  const unknown = grouped.find((label) => !labels.has(label));
  return unknown === undefined ? null : `nothing in it has a label ${unknown}`;
}

interface Rule { alert: string; expr: string; for: string; severity: string; summary: string; runbook: string }

const RULE = /^ {6}- alert: (\w+)\n {8}expr: '((?:[^'\n]|'')+)'\n {8}for: (\d+[smh])\n {8}labels:\n {10}severity: (\w+)\n {8}annotations:\n {10}summary: '((?:[^'\n]|'')+)'\n {10}runbook: (\S+)\n/gm;
const alertsText = () => readFileSync('deploy/prometheus/alerts.yml', 'utf8');
const rules = (): Rule[] => [...alertsText().matchAll(RULE)].map(([, alert = '', expr = '', wait = '', severity = '', summary = '', runbook = '']) => ({ alert, expr: expr.replaceAll(`''`, `'`), for: wait, severity, summary, runbook }));

describe('the extractor of expressions', () => {
  it('finds metrics, matchers and labels, and refuses what is no expression', () => {
    expect(asked('sum by (a, b) (rate(x_total{c="d",e=~"f|g"}[5m])) / on (a) group_left (h) max(y) > 0.5')).toEqual({
      metrics: [{ name: 'x_total', matchers: [{ label: 'c', op: '=', value: 'd' }, { label: 'e', op: '=~', value: 'f|g' }] }, { name: 'y', matchers: [] }], grouped: ['a', 'b', 'a', 'h'],
    });
    for (const wrong of ['sum(x', 'x)', 'x{a}', 'x{a="b"', 'nofunction(x)', '1 > 2', 'sum by x (y)', 'x{a="b" c="d"}', 'x @ y']) expect([wrong, (() => { try { return asked(wrong); } catch { return 'refused'; } })()]).toEqual([wrong, 'refused']);
  });

  it('is told of what the server does not have', () => {
    expect(lost('tradewarden_nothing > 0')).toBe('tradewarden_nothing is no metric');
    expect(lost('tradewarden_halts{nothing="x"} > 0')).toBe('tradewarden_halts has no label nothing');
    expect(lost('tradewarden_halts{scope="planet"} > 0')).toBe('tradewarden_halts has no series with scope planet');
    expect(lost('sum by (nothing) (tradewarden_halts)')).toBe('nothing in it has a label nothing');
  });
});

describe('deploy/prometheus/alerts.yml', () => {
  it('is rules and nothing else: name, expression, patience, severity, summary and runbook', () => {
    const rest = alertsText().replace(RULE, '').split('\n').filter((line) => !/^(#.*|groups:|\s*- name: tradewarden-[a-z-]+|\s*rules:|)$/.test(line));
    expect(rest).toEqual([]);
    expect(rules().length).toBeGreaterThan(25);
    expect(new Set(rules().map(({ alert }) => alert)).size).toBe(rules().length);
    for (const { alert, severity, runbook } of rules()) expect([alert, severity, runbook]).toEqual([alert, expect.stringMatching(/^(warning|critical)$/), `${PAGE}#${alert.toLowerCase()}`]);
  });

  it('asks only for what a server has, in each expression', () => {
    expect(rules().map(({ alert, expr }) => [alert, lost(expr)]).filter(([, why]) => why !== null)).toEqual([]);
  });

  it('has a page for each rule, with what it means, how to look and what to do; and no page is of a rule that is not there', () => {
    const text = page();
    const sections = text.slice(text.indexOf('\n## Alerts')).split(/\n### /).slice(1).map((section) => ({ name: section.split('\n')[0], section }));
    expect(sections.map(({ name }) => name)).toEqual(rules().map(({ alert }) => alert));
    for (const { alert, severity, summary } of rules()) {
      const { section = '' } = sections.find(({ name }) => name === alert) ?? {};
      expect([alert, section.toLowerCase().includes(`${severity}. ${summary.replaceAll(`''`, `'`).toLowerCase()}`)]).toEqual([alert, true]);
      for (const part of ['**Means**: ', '**Look**: ', '**Do**: ']) expect([alert, part, section.includes(part)]).toEqual([alert, part, true]);
    }
  });

  it('is what prometheus.yml loads, of the job that it names', () => {
    const text = readFileSync('deploy/prometheus/prometheus.yml', 'utf8');
    expect(text).toMatch(/^rule_files:\n {2}- alerts\.yml$/m);
    expect(text).toMatch(/^ {2}- job_name: tradewarden\n {4}metrics_path: \/metrics$/m);
    for (const [, job] of rules().flatMap(({ expr }) => [...expr.matchAll(/job="(\w+)"/g)])) expect(job).toBe('tradewarden');
  });
});

describe('deploy/grafana/tradewarden.json', () => {
  interface Panel { id: number; type: string; title: string; gridPos: { x: number; y: number; w: number; h: number }; targets?: { expr: string; legendFormat: string }[]; datasource?: { uid: string } }
  const panels = () => (JSON.parse(readFileSync('deploy/grafana/tradewarden.json', 'utf8')) as { panels: Panel[] }).panels;

  it('asks only for what a server has, in each panel, and names only labels that its expression keeps', () => {
    const targets = panels().flatMap(({ title, targets: of = [] }) => of.map((target) => ({ title, ...target })));
    expect(targets.length).toBeGreaterThan(30);
    expect(targets.map(({ title, expr }) => [title, expr, lost(expr)]).filter(([, , why]) => why !== null)).toEqual([]);
    for (const { title, expr, legendFormat } of targets) for (const [, label = ''] of legendFormat.matchAll(/\{\{(\w+)\}\}/g)) expect([title, label, asked(expr).grouped.includes(label)]).toEqual([title, label, true]);
  });

  it('has panels that lie beside each other, each with an id of its own and the data source that is chosen', () => {
    const all = panels();
    expect(all.filter(({ type }) => type !== 'row').length).toBeGreaterThanOrEqual(12);
    expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
    for (const panel of all.filter(({ type }) => type !== 'row')) {
      expect(panel.datasource?.uid).toBe('${datasource}');
      expect(panel.gridPos.x + panel.gridPos.w).toBeLessThanOrEqual(24);
      const over = all.filter(({ id, gridPos: { x, y, w, h } }) => id !== panel.id && x < panel.gridPos.x + panel.gridPos.w && panel.gridPos.x < x + w && y < panel.gridPos.y + panel.gridPos.h && panel.gridPos.y < y + h);
      expect([panel.title, over.map(({ title }) => title)]).toEqual([panel.title, []]);
    }
  });
});
