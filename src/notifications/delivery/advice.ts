import type { IncidentKindName } from '../../incidents/incident-kinds.js';

/** What still holds, and what to do: for somebody who was woken and has one hand free. */
export const ADVICE: Record<IncidentKindName, string> = {
  INSTANCE_CONFLICT: 'The first copy goes on trading, the second gets nothing. Stop the one that should not run.',
  COMMAND_UNKNOWN: 'It is not sent again by itself. Look at the broker whether it was carried out, then settle the command.',
  CLOSE_REJECTED: 'It is still open and is tried again. Look why the broker refuses; close it at the broker if you must.',
  EXTERNAL_POSITION: 'It counts in exposure, and nothing here manages it. Close it at the broker, or let a trade claim it.',
  EXTERNAL_ORDER: 'It may fill at any time. Cancel it at the broker, or let a trade claim it.',
  UNGATED_TRADE: 'The trade is open, and its agent opens nothing more. Find out why it passed no gate before the halt is released.',
  OPENING_NOT_SHOWN: 'What was reserved is free again. Look at the broker whether the order is there after all.',
  POSITION_MISSING: 'The trade still counts as open. Look at the broker: closed there by hand, or its report is incomplete.',
  POSITION_MISMATCH: 'Limits count the larger size. Compare with the broker, and mend the trade or the position.',
  ACCOUNT_MISMATCH: 'The agent is paused. Put its terminal on the right account, then resume it.',
  NOT_IN_CONTROL: 'The halt cannot reach these positions. Start the agent, or close them at the broker.',
  UNEXPLAINED_BALANCE: 'Nothing is halted by it. Tell the cash flow, fill or trade that explains it.',
  CLOSURE_NOT_UNDER_CONTROL: 'They are still open, as far as anybody knows. Start the agent, or close them at the broker.',
  WIND_DOWN: 'The agent is silent, and its trades are being closed. Look whether it and its broker are there.',
  MARKS_STALE: 'Stops that this server watches cannot fire. Look at the feed of the agent; stops at the broker hold.',
  SPREAD_WIDE: 'Nothing was closed for it. Look at the market before you do.',
  STOP_MISSING: 'The position has no stop at the broker. Set one there, or close it.',
  BREAKER_TRIPPED: 'Nothing opens in its scope; what is open goes on. Its own rule resets it, or a person does.',
  SIGNAL_POSITION_MISMATCH: 'Nothing is turned by itself. Compare the source with the broker.',
  ALERT_QUARANTINED: 'They were not carried out. Mend the mapping, then redrive what is still worth it.',
  SIGNAL_SILENCE: 'Nothing is opened or closed by it. Look whether its alert is still active.',
  NOTIFICATION_FAILING: 'What is to be told there waits, for a day at most. Look at the settings of that channel, and test it.',
  SYSTEM_FAILING: 'Open positions are looked after as far as that goes. Mend the cause that is named first; what else fails most likely follows from it.',
  MIRROR_BEHIND: 'Nothing else is held up by it. Start the mirror, or look at what it says; until then nobody should go back to its files.',
};
