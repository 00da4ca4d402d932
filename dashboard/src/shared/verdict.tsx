import type { components } from '../api/schema.js';
import { written } from '../kit/decimal.js';
import { Code, Light, type Tone } from '../kit/figures.js';
import { titleOf } from '../kit/schema.js';
import { RULES, OUTCOMES, VERDICTS } from './rules.js';
import css from './verdict.module.css';

type Rule = components['schemas']['GateRule'];
type Reason = components['schemas']['GateReason'];

export interface Verdict {
  verdict: string;
  reasons: readonly Reason[];
  rules: readonly Rule[];
  price?: string | null;
}

/** `riskCheckResult` of a decision, where the gate was asked; null otherwise, as of a halt. */
export function verdictOf(result: unknown): Verdict | null {
  const found = result as Partial<Verdict> | null;
  if (!found || typeof found.verdict !== 'string' || !Array.isArray(found.rules)) return null;
  // Sealed years ago, maybe by another version: what is not there is not looked at.
  return { verdict: found.verdict, reasons: found.reasons ?? [], rules: found.rules.map((rule) => ({ ...rule, reasons: rule.reasons ?? [], input: rule.input ?? {} })), price: found.price ?? null };
}

/** The figure of one rule's input, as it was written down; undefined: the rule did not look at it, null: it was not known. */
export const inputOf = ({ rules }: Verdict, rule: string, name: string): string | null | undefined => {
  const value = rules.find((each) => each.rule === rule)?.input[name];
  return value === undefined || value === null ? value : String(value);
};

const toneOf = (outcome: string): Tone => (outcome === 'passed' || outcome === 'approved' ? 'good' : outcome === 'off' || outcome === 'skipped' ? 'off' : outcome === 'rejected' || outcome === 'halted_by_risk' ? 'danger' : 'doubt');

/** One line: what the gate said. */
export const VerdictWord = ({ verdict }: { verdict: string }) => <Light tone={toneOf(verdict)}>{VERDICTS[verdict] ?? verdict}</Light>;

/** Why, in the gate's own sentences. */
export function Reasons({ reasons }: { reasons: readonly Reason[] }) {
  if (reasons.length === 0) return null;
  return <ul className={css.reasons}>{reasons.map(({ code, message }) => <li key={code + message}>{message} <Code>{code}</Code></li>)}</ul>;
}

const LIMIT = /^(.+) (global|account|agent|strategy|riskCaps)$/;
const WHOSE: Record<string, string> = { global: 'for all', account: 'of the account', agent: 'of the agent', strategy: 'of the strategy', riskCaps: "of the strategy's caps" };
const OF: Record<string, string> = { account: 'account', agent: 'agent', strategy: 'strategy', idea: 'idea' };

const valueOf = (value: unknown): string => (value === null || value === '' ? '—' : typeof value === 'boolean' ? (value ? 'yes' : 'no') : /[a-zA-Z]/.test(String(value)) ? String(value) : written(String(value)));

/** What was measured stands apart from what it was held against. */
function parted(input: Rule['input']): { actual: [string, string][]; limit: [string, string][] } {
  const actual: [string, string][] = [];
  const limit: [string, string][] = [];
  for (const [name, value] of Object.entries(input)) {
    const [, of, from] = LIMIT.exec(name) ?? [];
    if (of && from && /^(max|min|daily|cooldown|duplicate|news)/.test(of)) limit.push([`${titleOf(of)}, ${WHOSE[from]}`, valueOf(value)]);
    else if (name === 'limit' || /^(min|max)[A-Z]/.test(name)) limit.push([name === 'limit' ? 'Limit' : titleOf(name), valueOf(value)]);
    else actual.push([OF[name] ? `Of the ${OF[name]}` : titleOf(name), valueOf(value)]);
  }
  return { actual, limit };
}

const Pairs = ({ pairs }: { pairs: [string, string][] }) => (pairs.length === 0 ? <span className="quiet">—</span> : <dl className={css.pairs}>{pairs.map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{value}</dd></div>)}</dl>);

const WEIGHT: Record<Tone, number> = { danger: 0, doubt: 1, good: 2, off: 3 };

/**
 * Every rule that the gate looked at, with what it measured, the limit it was held against, and what came of it; refusals
 * first, else in the gate's order. What is off or was skipped is behind a disclosure: it held nothing.
 */
export function VerdictTable({ verdict, label = 'Rules of the gate' }: { verdict: Verdict; label?: string }) {
  const rows = verdict.rules.map((rule, place) => ({ rule, place, tone: toneOf(rule.outcome) })).sort((a, b) => WEIGHT[a.tone] - WEIGHT[b.tone] || a.place - b.place);
  const held = rows.filter(({ tone }) => tone !== 'off');
  const off = rows.filter(({ tone }) => tone === 'off');
  return (
    <div className="stack">
      <Rules rows={held.map(({ rule }) => rule)} label={label} />
      {off.length > 0 ? <details><summary>{off.length} rules are off or have nothing to say here</summary><Rules rows={off.map(({ rule }) => rule)} label={`${label} that are off`} /></details> : null}
    </div>
  );
}

function Rules({ rows, label }: { rows: readonly Rule[]; label: string }) {
  return (
    <div className={css.box} role="region" aria-label={label} tabIndex={0}>
      <table className={css.table}>
        <thead><tr><th scope="col">Rule</th><th scope="col">Outcome</th><th scope="col">Actual</th><th scope="col">Limit</th></tr></thead>
        <tbody>
          {rows.map((rule) => {
            const { actual, limit } = parted(rule.input);
            return (
              <tr key={rule.rule} className={css[toneOf(rule.outcome)]}>
                <th scope="row">{RULES[rule.rule] ?? titleOf(rule.rule)} <Code>{rule.rule}</Code></th>
                <td><Light tone={toneOf(rule.outcome)}>{OUTCOMES[rule.outcome] ?? rule.outcome ?? 'not said'}</Light><Reasons reasons={rule.reasons} /></td>
                <td><Pairs pairs={actual} /></td>
                <td><Pairs pairs={limit} /></td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}
