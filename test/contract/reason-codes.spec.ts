import { describe, it } from '@jest/globals';
import { RULES } from '../../src/risk/gate/assess.js';
import { REASON_CODES, type ReasonCode } from '../../src/risk/gate/reason-codes.js';
import { expectContract } from '../support/contract.js';

/** Given by no rule. */
const ELSEWHERE: Partial<Record<ReasonCode, string>> = { PRICE_MOVED: 'when approving', RULE_FAILED: 'any' };

const rulesOf = (code: ReasonCode): string => ELSEWHERE[code] ?? RULES.filter(({ codes }) => codes.includes(code)).map(({ name }) => `\`${name}\``).join(', ');

function table(): string {
  const rows = (Object.keys(REASON_CODES) as ReasonCode[]).map((code) => `| \`${code}\` | ${rulesOf(code)} | ${REASON_CODES[code]} |`);
  return `# Reason codes

Why an idea is not, or not yet, carried out. A decision's \`reasons\` are those of the first rule that refuses, else of all that ask for a person's approval, else of
the one that waits; its \`rules\` show what each rule looked at, in the order below.

The rules, in their order: ${RULES.map(({ name }) => `\`${name}\``).join(', ')}.

| code | rule | meaning |
|---|---|---|
${rows.join('\n')}
`;
}

describe('docs/reason-codes.md', () => {
  it('says every code, its rule and its meaning', () => expectContract('../../docs/reason-codes.md', table()));
});
