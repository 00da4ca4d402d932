import { masked } from '../../auth/credentials.js';
import type { HaltAnswer } from '../../kill-switch/kill-switch.schemas.js';
import { oneLine } from '../channels/said.js';
import type { ChatStatus, OpenIncident } from './chat-status.repository.js';

/** Of each kind; all are counted. */
const SHOWN_MOST = 8;

export const HELP = [
  '/status: halts, agents, what is open',
  '/halt [reason]: everything stops opening, at once',
  '/halt account|agent|strategy|symbol NAME [reason]: only that; a name with blanks in quotes',
  '/ack NUMBER: an incident is not told again',
  'Releasing and approving take a sign-in: never from here.',
].join('\n');

const clean = (text: string, most = 120) => oneLine(masked(text), most);
const some = <T>(what: string, all: readonly T[], line: (each: T) => string): string[] =>
  all.length === 0 ? [] : [`${what} (${all.length}):`, ...all.slice(0, SHOWN_MOST).map((each) => `- ${line(each)}`), ...(all.length > SHOWN_MOST ? [`- and ${all.length - SHOWN_MOST} more`] : [])];

const incidentLine = ({ seq, kind, severity, summary, acknowledged }: OpenIncident) => `#${seq} ${severity}${acknowledged ? ', acknowledged' : ''}: ${kind}: ${clean(summary)}`;

export function statusText({ halts, breakers, agents, incidents }: ChatStatus, link: string | null): string {
  const offline = agents.filter(({ state }) => state !== 'running');
  return [
    halts.length > 0 ? 'HALTED.' : 'Not halted.',
    ...some('Halts', halts, ({ scope, name, mode, reason }) => `${scope}${name === null ? '' : ` ${clean(name, 60)}`} (${mode}): ${clean(reason)}`),
    ...some('Breakers', breakers, ({ name, scope, state }) => `${name} of ${clean(scope, 80)}: ${state}`),
    `Agents: ${agents.length - offline.length} of ${agents.length} running.`,
    ...some('Not running', offline, ({ name, mode, state }) => `${clean(name, 60)} (${mode === 'live' ? 'LIVE' : mode}): ${state}`),
    ...(incidents.length === 0 ? ['No incident is open.'] : some('Incidents', incidents, incidentLine)),
    ...(link === null ? [] : [link]),
  ].join('\n');
}

export const openText = (incidents: readonly OpenIncident[]): string =>
  incidents.length === 0 ? 'No incident is open.' : [`Say which: /ack NUMBER.`, ...some('Open', incidents, incidentLine)].join('\n');

export function haltText({ id, scope, agents, effectiveAt, stillOpen, notInControl }: HaltAnswer): string {
  return [
    `HALTED: ${scope.type === 'global' ? 'everything' : `${scope.type} ${clean(scope.name ?? scope.id ?? '', 80)}`} [${id}]. Nothing opens there any more.`,
    effectiveAt === null ? `${stillOpen.accounts.length} account(s) are busy: what was let through there before is being ended.` : 'Nothing that was let through before is left in the queue.',
    `${agents?.observed ?? 0} of ${agents?.inScope ?? 0} agents have observed it. What is open stays open.`,
    ...(notInControl.length > 0 ? [`${notInControl.length} position(s) are not under control: their agents are offline.`] : []),
    'Releasing it takes an administrator who signs in.',
  ].join('\n');
}

/** `3 min`, `2 h`. */
export function ageText(seconds: number): string {
  if (seconds < 120) return `${Math.max(0, Math.round(seconds))} s`;
  return seconds < 7_200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3_600)} h`;
}
