import type { MarkRow } from './curve-marks.repository.js';

const CHARACTERS_MOST = 200;

/** What stands beside a mark: one line, the subject first. */
export function labelOf(kind: MarkRow['kind'], data: Record<string, unknown>): string {
  const said = (name: string) => (data[name] == null ? '' : String(data[name]));
  const of = said('scope') === 'global' ? 'everything' : `${said('scope')} ${said('name') || said('scopeId')}`;
  const because = said('reason') === '' ? '' : `: ${said('reason')}`;
  const texts: Record<MarkRow['kind'], () => string> = {
    agent_version: () => `${said('agent') || said('agentId')} ${said('version')}`,
    risk_config_changed: () => `limits for everybody, version ${said('version')}${because}`,
    limits_changed: () => `limits of ${of}, version ${said('version')}${because}`,
    halt_imposed: () => `${said('mode')} of ${of}${because}`,
    halt_released: () => (data['expired'] === true ? `${said('mode')} of ${of} expired` : `${said('mode')} of ${of} released${because}`),
    breaker_tripped: () => `${said('breaker')} of ${of} tripped${because}`,
    breaker_reset: () => `${said('breaker')} of ${of} reset${because}`,
    cash_flow: () => `${said('kind')} ${said('amount')} ${said('currency')}`,
  };
  const label = texts[kind]().replace(/[\p{Cc}\s]+/gu, ' ');
  return [...label].length > CHARACTERS_MOST ? `${[...label].slice(0, CHARACTERS_MOST - 1).join('')}…` : label;
}
