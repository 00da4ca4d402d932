import type { Env } from '../config/env.js';
import { uuid } from '../common/fields.js';
import { WhyService } from '../why/why.service.js';
import type { Why } from '../why/why.schemas.js';
import { type Say, withDatabase } from './database.js';
import type { Outcome } from './outcome.js';
import { checked } from './people.js';
import { withServices } from './services.js';

/** Why it was traded, or not. */
export function why(env: Env, say: Say, given: string): Promise<Outcome> {
  const id = checked(uuid(), given);
  return withDatabase(env, say, (urls) =>
    withServices(env, urls, async (app) => {
      const answer = await app.get(WhyService, { strict: false }).ask(null, id);
      return { json: answer, text: textOf(answer) };
    }),
  );
}

interface Rule {
  rule: string;
  outcome: string;
  reasons?: { code: string; message: string }[];
  input?: Record<string, unknown>;
}

function textOf({ subject, chain, complete, missing, cut }: Why): string {
  return [
    `Why ${subject.type} ${subject.id}:`, ...chain.flatMap(({ at, type, summary, data }) => [`${at}  ${type.padEnd(11)}  ${oneLine(summary)}`, ...(type === 'decision' ? refusals(data) : [])]),
    ...(cut ? ['There are more steps: those in the middle are not shown.'] : []), ...missing.map((each) => `Missing: ${oneLine(each)}`), complete ? 'Complete: nothing is missing.' : 'Not complete.',
  ].join('\n');
}

/** Rules that stood in the way, with what they looked at. */
function refusals(data: Record<string, unknown>): string[] {
  const rules = (data['riskCheckResult'] as { rules?: Rule[] } | null)?.rules;
  if (!Array.isArray(rules)) return [];
  return rules.filter(({ outcome }) => ['rejected', 'halted_by_risk', 'needs_approval', 'waiting'].includes(outcome)).map(({ rule, outcome, reasons = [], input = {} }) =>
    `    ${outcome}: ${rule}: ${oneLine(reasons.map(({ code, message }) => `${code} ${message}`).join('; '))} (${oneLine(Object.entries(input).map(([name, value]) => `${name} ${String(value)}`).join(', '))})`);
}

/** What agents say may hold line ends and whatever moves a cursor. */
const oneLine = (words: string): string => words.replace(/[\p{Cc}\u2028-\u202e\u2066-\u2069]+/gu, ' ');
