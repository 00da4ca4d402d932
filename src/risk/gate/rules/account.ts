import { reason, type Rule, verdictOf } from '../finding.js';
import type { Reason } from '../verdict.js';

/**
 * A live agent needs a live account. An agent that is not live may belong to a live account, where it sends nothing; one
 * whose terminal is logged in to a live account that is not its own shows up as a mismatch.
 */
export const account: Rule = {
  name: 'account',
  codes: ['ACCOUNT_MISMATCH', 'ACCOUNT_OTHER', 'MODE_MISMATCH'],
  check({ live, input: { executor, account: own, mode } }) {
    const reasons: Reason[] = [];
    const fields = executor.accountMismatch ?? [];
    if (fields.length > 0) reasons.push(reason('ACCOUNT_MISMATCH', `The executor's terminal shows another account than its own: ${fields.join(', ')} differ.`, fields.join(', ')));
    if (live && own.kind !== 'live') reasons.push(reason('ACCOUNT_MISMATCH', `A live agent cannot trade on a ${own.kind} account.`, own.kind, 'live'));
    if (executor.accountId !== own.id) reasons.push(reason('ACCOUNT_OTHER', 'The executor belongs to another account.', executor.accountId, own.id));
    if (executor.mode !== mode) reasons.push(reason('MODE_MISMATCH', `The executor is in mode ${executor.mode}, the idea is for ${mode}.`, executor.mode, mode));
    return verdictOf({ account: own.id, kind: own.kind, mode, executorMode: executor.mode, mismatch: fields.join(', ') }, reasons);
  },
};
