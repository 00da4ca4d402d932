import type { Linked, SubjectType } from './linked.js';

/** What one would expect of a chain and is not there, in words; empty: nothing is missing. */
export function missingIn(subject: SubjectType, linked: Linked): string[] {
  return [
    ...linked.alerts.flatMap(ofAlert), ...linked.predictions.flatMap((each) => ofPrediction(each, subject, linked)), ...linked.ideas.flatMap((each) => ofIdea(each, linked)), ...linked.decisions.flatMap(ofDecision),
    ...linked.commands.flatMap(({ id, type, status }) => (status === 'unknown' ? [`Nobody knows what became of the command ${type} ${id}.`] : [])),
    ...linked.trades.flatMap((each) => ofTrade(each, linked)),
    ...linked.closures.flatMap(({ id, ended_at }) => (ended_at === null ? [`The closure ${id} has not ended: nobody has seen its trade flat.`] : [])),
    ...linked.halts.flatMap(({ id, effective_at, released_at }) => (effective_at === null && released_at === null ? [`The halt ${id} is not carried through on every account yet.`] : [])),
  ];
}

type Row<K extends keyof Linked> = Linked[K][number];

/** What only events said. @param until events before it were removed */
export function goneWithEvents(subject: SubjectType, { commands, halts }: Linked, until: string | null): string[] {
  if (until === null) return [];
  const day = until.slice(0, 10);
  return [
    ...commands.flatMap(({ id, reason, halted_by, created_at }) => (reason?.startsWith('halted: ') && halted_by === null && created_at < until ? [`Which halt ended the command ${id} stood in the event log, which was removed up to ${day}.`] : [])),
    ...(subject === 'halt' ? halts.flatMap(({ id, imposed_at }) => (imposed_at < until ? [`Which openings the halt ${id} cancelled stood in the event log, which was removed up to ${day}.`] : [])) : []),
  ];
}

function ofAlert({ id, status, code, detail }: Row<'alerts'>): string[] {
  if (status === 'received') return [`The alert ${id} is not done with yet${code === null ? '' : `: ${code}`}.`];
  return status === 'quarantined' || status === 'failed' ? [`The alert ${id} is ${status}: ${code ?? 'nobody said why'}${detail === null ? '' : `, ${detail}`}`] : [];
}

function ofPrediction({ id, should_trade }: Row<'predictions'>, subject: SubjectType, { ideas, trades }: Linked): string[] {
  const isUsed = ideas.some(({ prediction_id }) => prediction_id === id) || trades.some(({ prediction_id }) => prediction_id === id);
  return subject === 'prediction' && should_trade && !isUsed ? ['The prediction was to be traded, and no idea and no trade names it.'] : [];
}

function ofIdea(idea: Row<'ideas'>, { predictions, decisions, commands, trades }: Linked): string[] {
  const found: string[] = [];
  const named = `The idea ${idea.id}`;
  if (idea.prediction_id === null && idea.snapshot_ref === null && idea.alert_id === null) found.push(`${named} names neither a prediction nor a snapshotRef: what it was decided on is not kept.`);
  if (idea.prediction_id !== null && !predictions.some(({ id }) => id === idea.prediction_id)) found.push(`The prediction ${idea.prediction_id} of the idea is gone.`);
  if (!decisions.some(({ row }) => row.idea_id === idea.id)) found.push(`${named} has no decision in the history.`);
  if (idea.decided_at === null) found.push(`${named} is not decided yet: ${idea.status}.`);
  const command = commands.find(({ id }) => id === idea.command_id);
  if (idea.command_id !== null && !command) found.push(`The command ${idea.command_id} of the idea is gone.`);
  if (command?.status === 'succeeded' && !trades.some(({ idea_id, command_id }) => idea_id === idea.id || command_id === command.id)) found.push(`The command ${command.id} succeeded, and nobody told of its trade.`);
  if (command && ['queued', 'leased', 'waiting_for_market'].includes(command.status)) found.push(`The command ${command.id} has not ended: ${command.status}.`);
  return found;
}

const ofDecision = ({ row, checked: { seal, changed } }: Row<'decisions'>): string[] =>
  seal === 'unread' ? [`The decision ${row.id} stands in the archive ${row.archive?.file}, which cannot be read.`] : seal === 'broken' || changed.length > 0 ? [`The decision ${row.id} was changed after it was written: see audit:verify.`]
    : seal === 'unknown_key' ? [`The decision ${row.id} is sealed under a key that this server does not have.`] : [];

const ORIGINS = {
  gated: null,
  ungated: 'There is no decision: its agent traded it without asking (ungated).',
  external: 'There is no idea, decision or command: the trade was found at the broker, and nobody told of it before (external).',
  imported: 'There is no idea, decision or command: the trade came with an import from another system (imported).',
};

function ofTrade(trade: Row<'trades'>, { ideas, commands, fills }: Linked): string[] {
  const found: string[] = [];
  const origin = ORIGINS[trade.origin];
  if (origin !== null) found.push(origin);
  // A chain that begins behind the idea does not go back to it.
  else if (trade.idea_id === null && !ideas.some(({ command_id }) => command_id !== null && command_id === trade.command_id)) found.push('The idea of the trade is not there.');
  if (trade.command_id !== null && !commands.some(({ id }) => id === trade.command_id)) found.push(`The command ${trade.command_id} of the trade is gone.`);
  if (trade.status === 'unknown') found.push(`Nobody knows what became of the trade ${trade.id}.`);
  else if (trade.finished_at === null) found.push(`The trade ${trade.id} is not over: ${trade.status}.`);
  if (trade.status !== 'closed') return found;
  if (!fills.some(({ trade_id, role }) => trade_id === trade.id && role === 'exit')) found.push(`No exit deal of the trade ${trade.id} was told: price and profit are its agent's word.`);
  if (trade.net_profit === null) found.push(`The net profit of the trade ${trade.id} is not known.`);
  if (trade.exit_reason === null || trade.exit_reason === 'unknown') found.push(`Why the trade ${trade.id} was closed is not known.`);
  return found;
}
