import { masked } from '../../auth/credentials.js';
import type { Severity } from '../../incidents/incident-kinds.js';
import type { Channel, Content } from '../channels/channel.js';
import { oneLine } from '../channels/said.js';
import { ADVICE } from './advice.js';
import type { Telling } from './telling.js';

/** More lines than this nobody reads on a phone; all are counted. */
const LISTED_MOST = 15;
const SUMMARY_CHARACTERS = 600;
const LISTED_CHARACTERS = 160;
const BODY_MOST = 100;

const RANK: Record<Severity, number> = { critical: 0, warning: 1, info: 2 };
const REPEATED: Record<Severity, string> = { critical: '5 minutes', warning: 'hour', info: 'day' };

/** `14:02:11 UTC`; with its day, since a message may be read the next morning. */
const at = (time: string): string => `${new Date(time).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
const clean = (text: string, most: number) => oneLine(masked(text), most);
const link = (publicUrl: string | undefined, id?: string) => (publicUrl === undefined ? [] : [`${publicUrl}/overview${id === undefined ? '' : `?incident=${id}`}`]);

/** LIVE is written as nothing else is. */
const whose = ({ mode, account, agent }: Telling): string =>
  [mode === 'live' ? 'LIVE' : mode, account && `account ${clean(account, 60)}`, agent && `agent ${clean(agent, 60)}`].filter(Boolean).join(', ');
const name = (telling: Telling): string => [`${telling.kind} #${telling.seq}`, whose(telling) && `(${whose(telling)})`].filter(Boolean).join(' ');

/** Worst first; what is over stands last. */
export function worstFirst(tellings: readonly Telling[]): Telling[] {
  return [...tellings].sort((a, b) => Number(a.is_over) - Number(b.is_over) || RANK[a.severity] - RANK[b.severity] || a.opened_at.localeCompare(b.opened_at) || a.seq - b.seq);
}

/** The words of a message about one incident, or of a digest of many. */
export function contentOf(channel: Channel, tellings: readonly Telling[], publicUrl: string | undefined): Content {
  const sorted = worstFirst(tellings);
  const [first] = sorted;
  if (!first) throw new Error('a message tells of something');
  const { subject, lines } = sorted.length === 1 ? single(first, channel, publicUrl) : digest(sorted, channel, publicUrl);
  const text = lines.join('\n');
  return { subject: oneLine(subject, 150), text, body: { type: typeOf(sorted), timestamp: new Date().toISOString(), data: { text, count: sorted.length, incidents: sorted.slice(0, BODY_MOST).map((each) => shown(each, publicUrl)) } } };
}

function single(telling: Telling, channel: Channel, publicUrl: string | undefined): { subject: string; lines: string[] } {
  const summary = clean(telling.summary, SUMMARY_CHARACTERS);
  const subject = `${telling.is_over ? 'Over' : telling.severity.toUpperCase()}: ${name(telling)}`;
  if (telling.is_over) return { subject, lines: [subject, summary, over(telling), ...link(publicUrl, telling.incident_id)] };
  const again = telling.repeats > 0 ? `Still open, told for the ${telling.repeats + 1}. time. ` : '';
  const seen = telling.occurrences > 1 ? `, seen ${telling.occurrences} times` : '';
  return {
    subject,
    lines: [
      subject, summary, `${again}Since ${at(telling.opened_at)}${seen}.`, ADVICE[telling.kind] ?? 'Look at the page.',
      `Told again every ${REPEATED[telling.severity]} until it is acknowledged${channel === 'telegram' ? `: /ack ${telling.seq}` : ''}.`, ...link(publicUrl, telling.incident_id),
    ],
  };
}

function over({ told, opened_at: opened, resolved_at: ended, resolution }: Telling): string {
  const why = resolution === null ? '' : ` ${clean(resolution, 200)}.`;
  const times = `${at(opened)} to ${at(ended ?? opened)}`;
  return told ? `Open from ${times}.${why}` : `It was open from ${times}; you may not have been told of it before.${why}`;
}

function digest(sorted: readonly Telling[], channel: Channel, publicUrl: string | undefined): { subject: string; lines: string[] } {
  const open = sorted.filter((each) => !each.is_over);
  const counts = (['critical', 'warning', 'info'] as const).map((severity) => [severity, open.filter((each) => each.severity === severity).length] as const).filter(([, count]) => count > 0);
  const parts = [...counts.map(([severity, count]) => `${count} ${severity}`), ...(sorted.length > open.length ? [`${sorted.length - open.length} over`] : [])];
  const worst = open[0]?.severity;
  const live = sorted.some(({ mode }) => mode === 'live') ? ', some LIVE' : '';
  const subject = `${worst === undefined ? 'Over' : worst.toUpperCase()}: ${sorted.length} incidents (${parts.join(', ')}${live})`;
  const rest = sorted.length - LISTED_MOST;
  return {
    subject,
    lines: [
      `${subject}, worst first:`,
      ...sorted.slice(0, LISTED_MOST).map((each) => `${each.is_over ? 'over' : each.severity.toUpperCase()} ${name(each)}: ${clean(each.summary, LISTED_CHARACTERS)}`),
      ...(rest > 0 ? [`and ${rest} more`] : []),
      ...(open.length > 0 && channel === 'telegram' ? ['Each is told again until it is acknowledged: /ack and its number.'] : open.length > 0 ? ['Each is told again until it is acknowledged.'] : []),
      ...link(publicUrl),
    ],
  };
}

function typeOf(sorted: readonly Telling[]): string {
  const [first] = sorted;
  if (sorted.length !== 1 || !first) return 'incidents.digest';
  return first.is_over ? 'incident.resolved' : first.repeats > 0 ? 'incident.repeated' : 'incident.opened';
}

const shown = (telling: Telling, publicUrl: string | undefined) => ({
  id: telling.incident_id, number: telling.seq, kind: telling.kind, severity: telling.severity, status: telling.is_over ? 'resolved' : 'open', subject: { type: telling.subject_type, id: telling.subject_id },
  summary: clean(telling.summary, SUMMARY_CHARACTERS), mode: telling.mode, account: telling.account, agent: telling.agent, openedAt: new Date(telling.opened_at).toISOString(),
  resolvedAt: telling.resolved_at === null ? null : new Date(telling.resolved_at).toISOString(), resolution: telling.resolution === null ? null : clean(telling.resolution, 200), repeats: telling.repeats, occurrences: telling.occurrences,
  url: link(publicUrl, telling.incident_id)[0] ?? null,
});
