/** Which paths an event makes old, by its subject: `trade.closed` is one of `trade`. Said once, here. */
const OVERVIEW = '/api/v1/overview';
const TOUCHED: Record<string, readonly string[]> = {
  agent: ['/api/v1/agents', OVERVIEW],
  key: ['/api/v1/agents/{agentId}/keys'],
  account: ['/api/v1/accounts', '/api/v1/reports/curve-marks', OVERVIEW],
  user: ['/api/v1/users', '/api/v1/auth/audit'],
  command: ['/api/v1/commands', '/api/v1/kill-switch', '/api/v1/closures', '/api/v1/why', OVERVIEW],
  trade: ['/api/v1/trades', '/api/v1/positions', '/api/v1/risk/exposure', '/api/v1/reports', '/api/v1/why', OVERVIEW],
  position: ['/api/v1/positions', '/api/v1/trades', OVERVIEW],
  reservation: ['/api/v1/risk/exposure', OVERVIEW],
  closure: ['/api/v1/closures', '/api/v1/kill-switch', '/api/v1/why', OVERVIEW],
  halt: ['/api/v1/kill-switch', '/api/v1/agents', '/api/v1/reports/curve-marks', '/api/v1/why', OVERVIEW],
  circuit_breaker: ['/api/v1/circuit-breakers', '/api/v1/reports/curve-marks', OVERVIEW],
  incident: ['/api/v1/incidents', OVERVIEW],
  idea: ['/api/v1/trade-ideas', '/api/v1/why', OVERVIEW],
  decision: ['/api/v1/decisions', '/api/v1/why'],
  prediction: ['/api/v1/predictions', '/api/v1/why'],
  explanation: ['/api/v1/explanations', '/api/v1/trades', '/api/v1/why'],
  alert: ['/api/v1/alerts', '/api/v1/why', OVERVIEW],
  webhook_source: ['/api/v1/webhook-sources'],
  risk_config: ['/api/v1/risk-config', '/api/v1/limits/effective', '/api/v1/reports/curve-marks', OVERVIEW],
  limits: ['/api/v1/limits', '/api/v1/reports/curve-marks', OVERVIEW],
  strategy: ['/api/v1/strategies'],
  instrument: ['/api/v1/instruments'],
  snapshot: ['/api/v1/snapshots', '/api/v1/quotes'],
  notification: ['/api/v1/notifications'],
};

/** @param type such as `trade.closed`; what is not known here touches everything: better one look too many than an old figure */
export const touchedBy = (type: string): readonly string[] => TOUCHED[type.split('.')[0] ?? ''] ?? [''];
