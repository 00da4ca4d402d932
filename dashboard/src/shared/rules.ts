/** The gate's rules, in words; in the gate's order they stand in docs/reason-codes.md. */
export const RULES: Record<string, string> = {
  halt: 'No halt in force', trading: 'Trading is on', agent: 'Agent runs', lease: 'Trading lease held', instance: 'Copy of the agent is named', account: 'Account and mode agree', positions: 'Positions known',
  broker: 'Broker connected', strategy: 'Strategy active', instrument: 'Instrument known', closing: 'Instrument stays open', size: 'Size fits the instrument', price: 'Price known and fresh', stop: 'Stop loss', take_profit: 'Targets',
  confidence: 'Confidence', watchlist: 'Watchlist', session: 'In session', news: 'No news embargo', reward: 'Reward to risk', value: 'Worth and risk', lot_size: 'Largest size', gross_exposure: 'Gross exposure',
  net_exposure: 'Net exposure', open_risk: 'Open risk', concurrent_trades: 'Trades at once', trades_per_symbol: 'Trades of the symbol', trades_per_day: 'Trades of the day', daily_loss: 'Daily loss', daily_target: 'Daily target',
  drawdown: 'Drawdown', loss_headroom: 'Room to the loss floors', cooldown: 'Cooldown after a loss', duplicate: 'Not said twice', ownership: 'Instrument is its own', margin: 'Margin', approval: 'Approval', entry_range: 'Entry range',
};

export const OUTCOMES: Record<string, string> = {
  passed: 'passed', assumed: 'assumed to pass', off: 'off', skipped: 'skipped', needs_approval: 'asks a person', waiting: 'waits', rejected: 'refused', halted_by_risk: 'halted',
};

export const VERDICTS: Record<string, string> = {
  approved: 'The gate lets it through', needs_approval: 'The gate asks a person', waiting: 'The gate waits for the price', rejected: 'The gate refuses it', halted_by_risk: 'The gate refuses it: halted',
};
