import type { Tone } from '../../kit/figures.js';
import { type Step, textOf, tradeIdsOf } from './step.js';

/** Where a path that led to no outcome came to its end, or where it stands. */
export interface Ending {
  tone: Tone;
  title: string;
  text: string;
  /** The decision that ended it, whose reasons are shown. */
  decision: Step | null;
  link?: { to: string; name: string };
}

export function endingsOf(chain: readonly Step[]): Ending[] {
  const of = (type: Step['type']) => chain.filter((step) => step.type === type);
  const ideas = of('idea');
  const isTraded = tradeIdsOf(chain).length > 0;
  if (isTraded) return of('outcome').length > 0 ? [] : [standing(chain)];
  if (ideas.length > 0) return ideas.map((idea) => ofIdea(idea, chain));
  if (of('prediction').length > 0) return [{ tone: 'off', title: 'Nothing was proposed', text: 'No idea was made of this prediction, so the gate was never asked and nothing was traded.', decision: null }];
  if (of('alert').length > 0) return of('alert').map(ofAlert);
  return [];
}

function standing(chain: readonly Step[]): Ending {
  const [id] = tradeIdsOf(chain);
  const last = chain.filter(({ type }) => type === 'transition').at(-1);
  const status = last ? textOf(last.data, 'to') : null;
  return { tone: 'doubt', title: `Not over: the trade is ${status ?? 'not known to have ended'}`, text: 'What comes of it will stand here.', decision: null, link: { to: `/trades/${id}`, name: 'The trade as it is now' } };
}

function ofIdea(idea: Step, chain: readonly Step[]): Ending {
  const decision = chain.filter(({ type, data }) => type === 'decision' && textOf(data, 'ideaId') === idea.id).at(-1) ?? null;
  const status = textOf(idea.data, 'status');
  const because = textOf(idea.data, 'endedReason');
  const said = because === null ? '' : ` ${because}`;
  const link = { to: `/ideas/${idea.id}`, name: 'The idea' };
  if (status === 'needs_approval') return { tone: 'doubt', title: 'It waits for a person', text: 'Nothing is traded until somebody approves it; in time it expires.', decision, link };
  if (status === 'waiting') return { tone: 'doubt', title: 'It waits for its price', text: 'The whole gate is asked again when a quote enters its range.', decision, link };
  if (status === 'rejected' || status === 'halted_by_risk') {
    const isPerson = decision !== null && textOf(decision.data, 'type') === 'human_rejected';
    return { tone: 'danger', title: 'It ended here: nothing was traded', text: `${isPerson ? 'A person said no.' : status === 'halted_by_risk' ? 'A halt stood in the way.' : 'The gate refused it.'} No order was sent.${said}`, decision, link };
  }
  if (status === 'expired') return { tone: 'danger', title: 'It ended here: its time ran out', text: `Nothing was traded.${said}`, decision, link };
  const command = chain.find(({ type, id }) => type === 'command' && id === textOf(idea.data, 'commandId'));
  const came = command ? `; its command is ${textOf(command.data, 'status') ?? 'not known'}` : '; no command of it is known';
  const isOver = command !== undefined && ['cancelled', 'expired', 'failed', 'dead'].includes(textOf(command.data, 'status') ?? '');
  return { tone: isOver ? 'danger' : 'doubt', title: isOver ? 'It ended here: nothing was traded' : 'No trade of it is known', text: `It was let through${came}.${command ? ` ${textOf(command.data, 'reason') ?? ''}` : ''}`, decision: null, link };
}

const ofAlert = (alert: Step): Ending => {
  const status = textOf(alert.data, 'status') ?? 'not known';
  const code = textOf(alert.data, 'code');
  return { tone: 'danger', title: 'Nothing came of this signal', text: `It is ${status}${code === null ? '' : ` (${code})`}. ${textOf(alert.data, 'detail') ?? ''}`, decision: null, link: { to: `/alerts/${alert.id}`, name: 'The alert' } };
};
