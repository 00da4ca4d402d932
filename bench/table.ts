import type { Spread } from './percentiles.js';
import type { ProcessorShare } from './processor-time.js';

export interface Row {
  what: string;
  ours: string;
  /** What it is compared with. */
  peer: string;
  ratio: string;
  bar: string;
  /** Null where there is no bar. */
  passed: boolean | null;
}

const HEAD = ['what', 'Tradewarden', 'compared with', 'ratio', 'bar', ''];

const verdict = ({ passed }: Row) => (passed === null ? '' : passed ? 'met' : '**not met**');

export function markdownTable(rows: Row[]): string {
  const lines = rows.map((row) => [row.what, row.ours, row.peer, row.ratio, row.bar, verdict(row)]);
  return [HEAD, HEAD.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

/**
 * Replaces what stands between `<!-- name -->` and `<!-- /name -->`.
 * @throws Error when the markers are not there: a figure that lands nowhere is lost
 */
export function betweenMarkers(text: string, name: string, content: string): string {
  const pattern = new RegExp(`<!-- ${name} -->[^]*<!-- /${name} -->`);
  if (!pattern.test(text)) throw new Error(`there is no <!-- ${name} --> … <!-- /${name} --> to write into`);
  return text.replace(pattern, () => `<!-- ${name} -->\n\n${content}\n\n<!-- /${name} -->`);
}

/** Such as `2.31 (2.20 to 2.44)`. */
export const ratioText = ({ median, least, most }: Spread): string => `**${median.toFixed(2)}** (${least.toFixed(2)} to ${most.toFixed(2)})`;

/** Such as `3,310/s`. */
export const rateText = (perSecond: number): string => `${Math.round(perSecond).toLocaleString('en-US')}/s`;

/** Such as `2.4 ms`. */
export const msText = (ms: number): string => `${ms.toFixed(ms < 10 ? 2 : ms < 100 ? 1 : 0)} ms`;

/** Percent of one core. */
export const shareText = ({ server, postgres, client, others }: ProcessorShare): string =>
  `server ${Math.round(server)} %, PostgreSQL ${Math.round(postgres)} %, load ${Math.round(client)} %, other programs ${Math.round(others)} %`;
