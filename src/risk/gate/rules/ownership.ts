import { passed, reason, rejected, type Rule, skipped } from '../finding.js';

/** Where positions net, two agents in one instrument would close each other's. */
export const ownership: Rule = {
  name: 'ownership',
  codes: ['INSTRUMENT_OWNED'],
  check({ key, input: { account, book } }) {
    const input = { marginMode: account.marginMode, owner: book.instrumentOwner };
    if (account.marginMode === 'hedging') return skipped(input);
    if (book.instrumentOwner === null) return passed(input);
    return rejected(input, reason('INSTRUMENT_OWNED', `On this ${account.marginMode} account ${key} belongs to the agent ${book.instrumentOwner}.`, book.instrumentOwner));
  },
};
