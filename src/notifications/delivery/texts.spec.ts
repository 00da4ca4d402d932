import { describe, expect, it } from '@jest/globals';
import { INCIDENT_KIND_NAMES } from '../../incidents/incident-kinds.js';
import { ADVICE } from './advice.js';
import type { Telling } from './telling.js';
import { contentOf, worstFirst } from './texts.js';

const telling = (more: Partial<Telling> = {}): Telling => ({
  incident_id: '01930000-0000-7000-8000-00000000beef', seq: 12, kind: 'STOP_MISSING', severity: 'critical', summary: 'EURUSD has no stop', subject_type: 'trade', subject_id: 't', opened_at: '2026-01-02T03:04:05.000Z',
  resolved_at: null, resolution: null, occurrences: 1, repeats: 0, mode: 'live', agent: 'scalper', account: 'Main', is_over: false, told: false, ...more,
});

describe('the words of a message', () => {
  it('say what happened, whose it is, since when, what to do and where to look', () => {
    expect(contentOf('telegram', [telling()], 'https://w.example.com')).toMatchObject({
      subject: 'CRITICAL: STOP_MISSING #12 (LIVE, account Main, agent scalper)',
      text: [
        'CRITICAL: STOP_MISSING #12 (LIVE, account Main, agent scalper)', 'EURUSD has no stop', 'Since 2026-01-02 03:04:05 UTC.', ADVICE.STOP_MISSING,
        'Told again every 5 minutes until it is acknowledged: /ack 12.', 'https://w.example.com/overview?incident=01930000-0000-7000-8000-00000000beef',
      ].join('\n'),
    });
  });

  it('have no link without PUBLIC_URL, and no command where none is heard', () => {
    const { text } = contentOf('email', [telling({ repeats: 2, occurrences: 7 })], undefined);
    expect(text).not.toMatch(/https?:|\/ack/);
    expect(text).toContain('Still open, told for the 3. time. Since 2026-01-02 03:04:05 UTC, seen 7 times.');
  });

  it('are single lines without control characters, and without what looks like a credential', () => {
    const { subject, text } = contentOf('email', [telling({ summary: 'a\r\nBcc: x\u202e\u0007 password=hunter2', agent: 'two\nlines' })], undefined);
    expect(subject).not.toMatch(/[\r\n]/);
    expect(text.split('\n')).toHaveLength(5);
    expect(text).toContain('a Bcc: x password=***');
  });

  it('of what is over say how long it was open', () => {
    const over = { is_over: true, resolved_at: '2026-01-02T03:14:05.000Z', resolution: 'it is shown again' };
    expect(contentOf('telegram', [telling({ ...over, told: true })], undefined).text).toContain('Open from 2026-01-02 03:04:05 UTC to 2026-01-02 03:14:05 UTC. it is shown again.');
    expect(contentOf('telegram', [telling(over)], undefined).subject).toMatch(/^Over: STOP_MISSING #12/);
  });

  it('of many fit into a message of Telegram, worst first, with what is over last', () => {
    const many = Array.from({ length: 500 }, (_, n) => telling({ seq: n, summary: '😀'.repeat(400), severity: (['info', 'warning', 'critical'] as const)[n % 3] ?? 'info', is_over: n % 5 === 0 }));
    const sorted = worstFirst(many);
    expect(sorted[0]).toMatchObject({ severity: 'critical', is_over: false });
    expect(sorted.at(-1)?.is_over).toBe(true);
    const { text, body } = contentOf('telegram', many, 'https://w.example.com');
    expect([...text].length).toBeLessThan(4_000);
    expect(text.isWellFormed()).toBe(true);
    expect(body['data']).toMatchObject({ count: 500 });
  });

  it('give advice for every kind', () => {
    expect(INCIDENT_KIND_NAMES.filter((kind) => !ADVICE[kind])).toEqual([]);
  });
});
