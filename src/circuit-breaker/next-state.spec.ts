import { describe, expect, it } from '@jest/globals';
import type { State } from './breakers.js';
import type { Reset } from './breaker-settings.js';
import { nextState, type Trial } from './next-state.js';
import { resetsOf } from './resets.js';
import type { Verdict } from './verdict.js';

const NOW = '2026-11-20T10:00:00.000Z';
const MOMENT = { now: NOW, nextDayAt: '2026-11-21T00:00:00.000Z' };
const MANUAL: Reset = { rule: 'manual' };
const TIMED: Reset = { rule: 'timed', afterSeconds: 60 };
const STAGED: Reset = { rule: 'staged', afterSeconds: 60, testingTrades: 3, testingSizeFraction: '0.5' };
const NEXT_DAY: Reset = { rule: 'next_day' };
const NONE: Trial = { ended: 0, lost: 0 };

interface Given { reset?: Reset; resetsAt?: string | null; trial?: Trial; enabled?: boolean; lasts?: boolean }
const next = (state: State, verdict: Verdict, { reset = MANUAL, resetsAt = null, trial = NONE, enabled = true, lasts = false }: Given = {}) =>
  nextState({ state, resetsAt }, verdict, trial, { enabled, reset, lasts }, MOMENT);

describe('an active breaker', () => {
  it.each<[string, Reset, State, string | null]>([
    ['manual', MANUAL, 'tripped', null], ['timed', TIMED, 'tripped', '2026-11-20T10:01:00.000Z'], ['next day', NEXT_DAY, 'tripped', '2026-11-21T00:00:00.000Z'],
    ['staged', STAGED, 'cooling_down', '2026-11-20T10:01:00.000Z'],
  ])('trips, from warning too, and knows when its rule (%s) resets it', (_rule, reset, state, resetsAt) => {
    for (const from of ['active', 'warning'] as const) expect(next(from, 'tripped', { reset })).toMatchObject({ state, resetsAt, action: 'triggered', restarts: false });
  });

  it('warns once, and says when it is over; nothing known is nothing to warn of', () => {
    expect(next('active', 'warning')).toMatchObject({ state: 'warning', action: 'warned' });
    expect(next('warning', 'warning')).toBeNull();
    for (const verdict of ['fine', 'unknown'] as const) {
      expect(next('warning', verdict)).toMatchObject({ state: 'active', action: 'recovered', restarts: false });
      expect(next('active', verdict)).toBeNull();
    }
  });
});

describe('a breaker that has tripped', () => {
  it('stays so whatever the figure does, for ever without a time, and until its time', () => {
    for (const verdict of ['fine', 'unknown', 'warning', 'tripped'] as const) {
      expect(next('tripped', verdict)).toBeNull();
      expect(next('tripped', verdict, { reset: TIMED, resetsAt: '2026-11-20T10:00:00.001Z' })).toBeNull();
      expect(next('cooling_down', verdict, { reset: STAGED, resetsAt: '2026-11-20T10:00:00.001Z' })).toBeNull();
    }
  });

  it('recovers at its time, and counts from there', () => {
    for (const verdict of ['fine', 'unknown', 'tripped'] as const) expect(next('tripped', verdict, { reset: TIMED, resetsAt: NOW })).toMatchObject({ state: 'active', action: 'recovered', restarts: true });
  });

  it('stays tripped for another while where its cause lasts', () => {
    expect(next('tripped', 'tripped', { reset: TIMED, resetsAt: NOW, lasts: true })).toMatchObject({ state: 'tripped', resetsAt: '2026-11-20T10:01:00.000Z', action: null });
    expect(next('cooling_down', 'tripped', { reset: STAGED, resetsAt: NOW, lasts: true })).toMatchObject({ state: 'cooling_down', resetsAt: '2026-11-20T10:01:00.000Z' });
    expect(next('tripped', 'warning', { reset: TIMED, resetsAt: NOW, lasts: true })).toMatchObject({ state: 'active' });
  });

  it('recovers by its time also when it was disabled meanwhile, and without a test', () => {
    expect(next('tripped', 'unknown', { enabled: false, reset: TIMED, resetsAt: NOW })).toMatchObject({ state: 'active', action: 'recovered' });
    expect(next('cooling_down', 'unknown', { enabled: false, reset: STAGED, resetsAt: NOW })).toMatchObject({ state: 'active', action: 'recovered' });
  });

  it('is tested after it has cooled down', () => {
    expect(next('cooling_down', 'fine', { reset: STAGED, resetsAt: NOW })).toMatchObject({ state: 'testing', resetsAt: null, action: 'recovered', restarts: true });
  });
});

describe('a breaker in its test', () => {
  it('waits for its trades, and is held up by none that never ends', () => {
    expect(next('testing', 'fine', { reset: STAGED, trial: { ended: 2, lost: 0 } })).toBeNull();
    expect(next('testing', 'unknown', { reset: STAGED })).toBeNull();
  });

  it('has passed with the last of them', () => {
    expect(next('testing', 'fine', { reset: STAGED, trial: { ended: 3, lost: 0 } })).toMatchObject({ state: 'active', action: 'recovered', restarts: true });
  });

  it('trips again with one loss, also one among enough trades, and by its figure', () => {
    for (const trial of [{ ended: 1, lost: 1 }, { ended: 3, lost: 1 }]) expect(next('testing', 'fine', { reset: STAGED, trial })).toMatchObject({ state: 'cooling_down', action: 'triggered', resetsAt: '2026-11-20T10:01:00.000Z' });
    expect(next('testing', 'tripped', { reset: STAGED })).toMatchObject({ state: 'cooling_down', action: 'triggered' });
  });

  it('ends when it is disabled, or another rule holds', () => {
    expect(next('testing', 'unknown', { enabled: false, reset: STAGED, trial: { ended: 1, lost: 1 } })).toMatchObject({ state: 'active', action: 'recovered' });
    expect(next('testing', 'fine', { reset: MANUAL })).toMatchObject({ state: 'active' });
  });
});

describe('what would reset a breaker', () => {
  const of = (state: State, resetsAt: string | null, reset: Reset, ended = 0) => resetsOf(state, resetsAt, ended, { enabled: true, reset }, { lasts: true });

  it('is said of every state, in a sentence and in fields', () => {
    expect(of('active', null, MANUAL)).toMatchObject({ rule: null, at: null });
    expect(of('warning', null, MANUAL)).toMatchObject({ rule: 'figure' });
    expect(of('tripped', null, MANUAL)).toMatchObject({ rule: 'manual', at: null, sentence: expect.stringContaining('administrator') });
    expect(of('tripped', NOW, TIMED)).toMatchObject({ rule: 'timed', at: NOW, sentence: expect.stringContaining('if its cause is gone') });
    expect(of('tripped', NOW, NEXT_DAY)).toMatchObject({ rule: 'next_day', at: NOW });
    expect(of('cooling_down', NOW, STAGED)).toMatchObject({ rule: 'staged', at: NOW, sentence: expect.stringContaining('a test of 3 trades') });
    expect(of('testing', null, STAGED, 1)).toMatchObject({ rule: 'test', tradesLeft: 2 });
  });
});
