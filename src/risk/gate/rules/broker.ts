import { passed, reason, rejected, type Rule, unknown } from '../finding.js';

export const broker: Rule = {
  name: 'broker',
  codes: ['BROKER_DISCONNECTED'],
  check(facts) {
    const { brokerConnected, tradeAllowed } = facts.input.executor;
    const input = { brokerConnected, tradeAllowed };
    if (brokerConnected === true && tradeAllowed === true) return passed(input);
    if (brokerConnected === false) return rejected(input, reason('BROKER_DISCONNECTED', 'The executor is not connected to its broker.', 'false', 'true'));
    if (tradeAllowed === false) return rejected(input, reason('BROKER_DISCONNECTED', "Trading is not allowed in the executor's terminal.", 'false', 'true'));
    return unknown(facts, input, reason('BROKER_DISCONNECTED', 'The executor does not say whether it is connected to its broker and may trade there.', null, 'true'));
  },
};
