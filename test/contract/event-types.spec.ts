import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { BREAKER_ACTIONS } from '../../src/circuit-breaker/circuit-breaker-events.repository.js';
import { IDEA_STATUSES } from '../../src/trade-ideas/idea-status.js';
import { eventOf } from '../../src/trades/trade-change.js';
import { TRADE_STATUSES } from '../../src/trades/trade-state.js';

const SUBJECTS = 'agent|command|trade|prediction|circuit_breaker|key|account|user|incident|instrument|snapshot|position|strategy|risk_config|limits|decision|halt|closure|idea|reservation|explanation|alert|webhook_source|notification|import|backup|restore|retention|system';

/** `command.created` and the like, from "The types are `agent.` created, changed; `command.` …" */
function typesOfTheReadme(): string[] {
  const [, told = ''] = /^The types are (.*?)\.\n\n/ms.exec(readFileSync('README.md', 'utf8')) ?? [];
  return told.split(';').flatMap((part) => {
    const [, subject = '', names = ''] = /`(\w+)\.` (.*)/s.exec(part) ?? [];
    return names.split(',').map((name) => `${subject}.${name.trim()}`);
  });
}

/** Types that stand in the code as they are (old systems' names do not); those of trades and breakers are made from a status or an action. */
function typesOfTheCode(): string[] {
  const files = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((name) => /(?<!\.spec)\.ts$/.test(name) && !/^legacy\/(profiles|shapes)\//.test(name));
  const literal = new RegExp(`'((?:${SUBJECTS})\\.[a-z_]+)'`, 'g');
  return files.flatMap((name) => [...readFileSync(join('src', name), 'utf8').matchAll(literal)].map(([, type = '']) => type));
}

describe("the README's types of events", () => {
  it('are all there are', () => {
    const made = [
      ...TRADE_STATUSES.flatMap((to) => [eventOf(null, to), eventOf('closed', to)]), ...BREAKER_ACTIONS.map((action) => `circuit_breaker.${action}`),
      ...IDEA_STATUSES.map((status) => `idea.${status}`), 'reservation.converted',
      ...['failed_attempt', 'failed', 'unknown', 'dead', 'waiting_for_market', 'cancelled'].map((after) => `command.${after}`),
    ];
    expect(typesOfTheReadme().sort()).toEqual([...new Set([...typesOfTheCode(), ...made])].sort());
  });
});
