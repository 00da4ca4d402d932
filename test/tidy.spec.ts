import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from '@jest/globals';

/** Imports point to the same folder, to a level above (a smaller number), or along an arrow inside a level. */
const LEVELS: Record<string, number> = {
  config: 0, database: 0, common: 0,
  // Of tests: what specs beside the code share.
  support: 0,
  events: 1, auth: 1, incidents: 1,
  accounts: 2, agents: 2, instruments: 2, 'market-data': 2, predictions: 2, trades: 2, explanations: 2,
  limits: 2, strategies: 2,
  halts: 2,
  'circuit-breaker': 3, risk: 3,
  commands: 4, decisions: 4, closures: 4, 'kill-switch': 4, positions: 4, execution: 4, supervisor: 4,
  'trade-ideas': 4,
  why: 4,
  backup: 5, health: 5, legacy: 5, live: 5, notifications: 5, overview: 5, reports: 5, restore: 5, retention: 5, 'system-monitor': 5, webhooks: 5,
  '.': 6, cli: 6,
};

/** Who may import whom inside a level. */
const ARROWS: Record<string, string[]> = {
  config: ['common'], common: ['config', 'database'], database: ['common', 'config'],
  auth: ['events'], incidents: ['auth', 'events'], agents: ['accounts', 'halts'], predictions: ['agents', 'instruments'], trades: ['halts', 'instruments', 'market-data'], strategies: ['instruments', 'limits'],
  risk: ['circuit-breaker'], decisions: ['commands'], 'kill-switch': ['closures', 'commands', 'decisions'],
  'trade-ideas': ['commands', 'decisions', 'kill-switch'], positions: ['commands'], execution: ['commands', 'positions', 'trade-ideas'],
  closures: ['commands'], supervisor: ['closures', 'commands', 'execution', 'positions'],
  why: ['closures', 'commands', 'decisions', 'trade-ideas'],
  'system-monitor': ['live'], health: ['backup', 'notifications', 'restore', 'retention', 'system-monitor', 'webhooks'], overview: ['backup', 'health', 'live', 'restore', 'retention', 'system-monitor'],
  restore: ['backup'],
  '.': ['cli'], cli: ['.'],
};

const LINES_MOST = 350;

interface Source {
  path: string;
  text: string;
}

function sources(folder: string, end = /\.ts$/): Source[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((entry) => end.test(entry))
    .map((entry) => ({ path: join(folder, entry), text: readFileSync(join(folder, entry), 'utf8') }));
}

const folderOf = (path: string) => path.split('/').length > 2 ? (path.split('/')[1] ?? '.') : '.';

/** Sentences about imports that point the wrong way. */
export function wrongImports(files: Source[]): string[] {
  const found: string[] = [];
  for (const { path, text } of files) {
    const from = folderOf(path);
    if (LEVELS[from] === undefined) found.push(`${path}: the folder has no level`);
    for (const [, target = ''] of text.matchAll(/from '(\.{1,2}\/[^']+)'/g)) {
      const to = folderOf(normalize(join(dirname(path), target)));
      if (to === from) continue;
      const allowed = (LEVELS[to] ?? 99) < (LEVELS[from] ?? -1) || ARROWS[from]?.includes(to);
      if (!allowed) found.push(`${path} imports ${target}: ${from} (level ${LEVELS[from]}) may not know ${to} (level ${LEVELS[to]})`);
    }
  }
  return found;
}

describe('the house', () => {
  const files = sources('src');
  const code = files.filter(({ path }) => !path.endsWith('.spec.ts'));

  it('imports point upwards only', () => {
    expect(wrongImports(files)).toEqual([]);
  });

  it('would be told of an import that points down', () => {
    expect(wrongImports([{ path: 'src/events/x.ts', text: `import { y } from '../commands/y.js';` }])).toHaveLength(1);
    expect(wrongImports([{ path: 'src/agents/x.ts', text: `import { y } from '../trades/y.js';` }])).toHaveLength(1);
    expect(wrongImports([{ path: 'src/agents/x.ts', text: `import { y } from '../accounts/y.js';` }])).toEqual([]);
    expect(wrongImports([{ path: 'src/elsewhere/x.ts', text: '' }])).toHaveLength(1);
  });

  it('has no barrel, no forward reference and no request scope', () => {
    expect(code.filter(({ path }) => /\/index\.ts$/.test(path))).toEqual([]);
    expect(code.filter(({ text }) => /forwardRef|Scope\.REQUEST/.test(text)).map(({ path }) => path)).toEqual([]);
  });

  it(`has no file of more than ${LINES_MOST} lines`, () => {
    expect(code.filter(({ text }) => text.split('\n').length > LINES_MOST).map(({ path }) => path)).toEqual([]);
  });

  it('writes every time in SQL as app_clock(), which tests can move', () => {
    // Shapes have the statements of old SQLite databases, with their defaults.
    const stopped = code.filter(({ path, text }) => !path.includes('foundation') && !path.startsWith('src/legacy/shapes/') && /\b(now\(\)|current_timestamp|clock_timestamp\(\)|localtimestamp)/i.test(text.replace(/Date\.now\(\)|performance\.now\(\)/g, '').replace(/^\s*(\/\/|\*).*$/gm, '')));
    expect(stopped.map(({ path }) => path)).toEqual([]);
  });

  it('has no document that leads to a file which is not there', () => {
    const documents = ['.', 'docs', 'bench', 'clients/python', 'clients/typescript'].flatMap((folder) => readdirSync(folder).filter((name) => name.endsWith('.md')).map((name) => join(folder, name)));
    const lost = documents.flatMap((path) => [...readFileSync(path, 'utf8').matchAll(/\]\((?!https?:|mailto:|#)([^)#\s]+)/g)]
      .map(([, target = '']) => join(dirname(path), target)).filter((target) => !existsSync(target)).map((target) => `${path}: ${target}`));
    expect(documents.length).toBeGreaterThan(5);
    expect(lost).toEqual([]);
  });

  it('skips no test and focuses none', () => {
    const specs = [...files, ...sources('test'), ...sources('clients')].filter(({ path }) => path.endsWith('.spec.ts') && !path.endsWith('tidy.spec.ts'));
    expect(specs.filter(({ text }) => /\b(it|test|describe)\.(only|todo)\b|\bf(it|describe)\(/.test(text)).map(({ path }) => path)).toEqual([]);
  });
});

/** Of the page: what the API says, what everything is drawn with, what knows both, what stands around each page, and the pages. */
const PAGE_LEVELS: Record<string, number> = { styles: 0, api: 0, kit: 1, shared: 2, frame: 3, pages: 4, '.': 5 };

describe('the page', () => {
  const files = sources('dashboard/src', /(?<!schema\.d)\.tsx?$/);
  const roomOf = (path: string) => (path.split('/').length > 3 ? path.split('/')[2] ?? '.' : '.');
  const areaOf = (path: string) => (roomOf(path) === 'pages' && path.split('/').length > 4 ? path.split('/')[3] : undefined);

  it('imports point upwards only, and no area of pages knows another', () => {
    const wrong = files.flatMap(({ path, text }) => [...text.matchAll(/from '(\.{1,2}\/[^']+)'/g)].map(([, target = '']) => normalize(join(dirname(path), target)))
      .filter((to) => (PAGE_LEVELS[roomOf(to)] ?? 99) > (PAGE_LEVELS[roomOf(path)] ?? -1) || (areaOf(path) !== undefined && areaOf(to) !== undefined && areaOf(path) !== areaOf(to))).map((to) => `${path}: ${to}`));
    expect(files.length).toBeGreaterThan(30);
    expect(wrong).toEqual([]);
  });

  it(`has no file of more than ${LINES_MOST} lines`, () => {
    expect(files.filter(({ text }) => text.split('\n').length > LINES_MOST).map(({ path }) => path)).toEqual([]);
  });

  it('makes no markup and no code out of text, and uses nothing that a phone on plain http lacks', () => {
    const forbidden = /dangerouslySetInnerHTML|\.innerHTML|\beval\(|new Function\(|document\.write|crypto\.randomUUID\(|serviceWorker/;
    expect(files.filter(({ text }) => forbidden.test(text.replace(/^\s*(\/\/|\/?\*).*$/gm, ''))).map(({ path }) => path)).toEqual([]);
  });
});
