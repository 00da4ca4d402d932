import { HALT_SCOPES, type HaltScope } from '../../halts/halt-rows.js';
import { oneLine } from '../channels/said.js';

export type ChatCommand =
  | { name: 'halt'; scope: HaltScope; id: string | null; reason: string }
  | { name: 'ack'; which: string | null }
  | { name: 'status' | 'help' | 'unknown' };

const REASON_CHARACTERS = 500;
const OF_QUOTES: Record<string, string> = { '"': '"', "'": "'", '“': '”', '«': '»' };

/** Words of one line; what stands in quotes is one, since names may have blanks. */
function words(text: string): string[] {
  const found: string[] = [];
  for (let rest = oneLine(text, 2_000); rest !== '';) {
    const end = OF_QUOTES[rest[0] ?? ''];
    const close = end === undefined ? -1 : rest.indexOf(end, 1);
    const [word, length] = close > 1 ? [rest.slice(1, close), close + 1] : [/^\S+/.exec(rest)?.[0] ?? '', /^\S+/.exec(rest)?.[0].length ?? 1];
    found.push(word);
    rest = rest.slice(length).trimStart();
  }
  return found;
}

/** Null: no command, such as what people write to each other in a group. */
export function commandOf(text: string): ChatCommand | null {
  const [, name = '', rest = ''] = /^\s*\/([a-z]{1,32})(?:@\w{1,64})?(?:\s+([\s\S]*))?$/i.exec(text) ?? [];
  switch (name.toLowerCase()) {
    case '': return null;
    case 'halt': case 'stop': case 'kill': return haltOf(words(rest));
    case 'ack': return { name: 'ack', which: words(rest)[0]?.replace(/^#/, '') ?? null };
    case 'status': return { name: 'status' };
    case 'help': case 'start': return { name: 'help' };
    default: return { name: 'unknown' };
  }
}

/** `agent scalper odd prices`; without a scope everything that follows is the reason, and all is meant. */
function haltOf([first = '', second, ...rest]: string[]): ChatCommand {
  const said = (parts: (string | undefined)[]) => oneLine(parts.filter((part) => part !== undefined).join(' '), REASON_CHARACTERS);
  const scope = HALT_SCOPES.find((each) => each === first.toLowerCase());
  if (scope === undefined || scope === 'global') return { name: 'halt', scope: 'global', id: null, reason: said(scope === 'global' ? [second, ...rest] : [first === '' ? undefined : first, second, ...rest]) };
  // Whoever types this in a hurry means to stop something: with nothing named, everything.
  if (second === undefined) return { name: 'halt', scope: 'global', id: null, reason: '' };
  return { name: 'halt', scope, id: second, reason: said(rest) };
}
