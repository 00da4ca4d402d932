import { clientOf } from './http.js';
import { until } from './timing.js';

/** What one scrape said. */
export interface Scraped {
  text: string;
  status: number;
  headers: Headers;
  /** Milliseconds from asking to the last byte. */
  ms: number;
  /** The value of a series, as it is written: `name{a="b"}`; undefined when it was left out. */
  value(series: string): number | undefined;
  /** Every series of a metric with its value. */
  of(name: string): Record<string, number>;
}

const LINE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{(?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\.)*",?)*\})? (-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)$/;

/** The last that a scrape reads of the database. */
const WHOLE = '# TYPE tradewarden_retention_rows_removed_total';

/** As `scrapeOnce`, again until all is there that the database says: it has 0.9 s for that, and on a busy machine some is left out. */
export async function scrape(base: string, token: string | null = null): Promise<Scraped> {
  let seen = await scrapeOnce(base, token);
  await until(async () => seen.status !== 200 || seen.text.includes(WHOLE) || ((seen = await scrapeOnce(base, token)), false), 12_000);
  return seen;
}

/** Scrapes as Prometheus does. @throws when a line is none of the text format, a series comes twice or has no declared type */
export async function scrapeOnce(base: string, token: string | null = null): Promise<Scraped> {
  const started = performance.now();
  const { text, status, headers } = await clientOf(base)('GET', '/metrics', { token });
  const ms = performance.now() - started;
  const series = new Map<string, number>();
  const types = new Map<string, string>();
  for (const line of status === 200 ? text.split('\n') : []) {
    const [, declared, type] = /^# TYPE (\S+) (counter|gauge|histogram)$/.exec(line) ?? [];
    if (declared !== undefined && type !== undefined) {
      if (types.has(declared)) throw new Error(`${declared} is declared twice`);
      types.set(declared, type);
    }
    if (line === '' || line.startsWith('# ')) continue;
    const [, name = '', labels = '', value] = LINE.exec(line) ?? [];
    if (value === undefined) throw new Error(`this is no line of the format: ${line}`);
    if (series.has(name + labels)) throw new Error(`${name}${labels} comes twice`);
    if (!types.has(name) && types.get(name.replace(/_(bucket|sum|count)$/, '')) !== 'histogram') throw new Error(`${name} has no type`);
    series.set(name + labels, Number(value));
  }
  return {
    text, status, headers, ms,
    value: (wanted) => series.get(wanted),
    of: (name) => Object.fromEntries([...series].filter(([each]) => each === name || each.startsWith(`${name}{`))),
  };
}

/** How many polls wait on these instances. */
export async function parkedPolls(...bases: string[]): Promise<number> {
  const seen = await Promise.all(bases.map((base) => scrapeOnce(base)));
  return seen.reduce((sum, each) => sum + (each.value('tradewarden_parked_polls') ?? 0), 0);
}
