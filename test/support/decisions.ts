import { randomUUID } from 'node:crypto';
import { DataSource } from 'typeorm';
import { inTransaction } from '../../src/database/transaction.js';
import type { NewDecision } from '../../src/decisions/decision.js';
import { DecisionVerifier, type VerifyAsk } from '../../src/decisions/decision-verifier.js';
import { DecisionsService } from '../../src/decisions/decisions.service.js';
import type { TestApp } from './app.js';

export const aDecision = (stream: string, more: Partial<NewDecision> = {}): NewDecision => ({
  type: 'ai_proposed', stream, ideaId: randomUUID(), riskCheckResult: { verdict: 'accepted', rules: [{ rule: 'lot_size', actual: '0.5', limit: '1' }] }, humanOverride: null, ...more,
});

/** Appends in one transaction; answers the ids. */
export function append(t: TestApp, ...decisions: NewDecision[]): Promise<string[]> {
  const service = t.app.get(DecisionsService, { strict: false });
  return inTransaction(t.app.get(DataSource), async (tx) => {
    const ids: string[] = [];
    for (const each of decisions) ids.push((await service.append(tx, null, each)).id);
    return ids;
  });
}

export const verified = (t: TestApp, ask: VerifyAsk = {}) => t.app.get(DecisionVerifier, { strict: false }).verify(ask);

export const numbersOf = async (t: TestApp, stream: string) =>
  (await t.db.query<{ number: string }>('select number from decision_history where stream = $1 order by seq', [stream])).map(({ number }) => Number(number));

/** As the superuser, with the triggers put out, which is how somebody would go about it. */
export async function tamper(t: TestApp, ...statements: string[]): Promise<void> {
  await t.db.query(`begin; set local session_replication_role = replica; ${statements.join('; ')}; commit`);
}
