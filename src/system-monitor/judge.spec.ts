import { describe, expect, it } from '@jest/globals';
import type { Facts } from './facts.js';
import { judge } from './judge.js';
import type { PartName } from './parts.js';

const server = { name: 'one', silentSeconds: 2, loopDelayMs: 5, poolWaiting: 0, eventsBehindSeconds: 0 };
const fine: Facts = {
  latencyMs: 1, databaseError: null, connections: { used: 10, most: 100 }, servers: [server], schedules: [], agents: { heard: 4, silent: 0 }, incidents: {}, disk: [{ name: 'data', freePercent: 60 }],
};
const of = (name: PartName, change: Partial<Facts>) => judge({ ...fine, ...change }).find((part) => part.name === name);

describe('a part of the system', () => {
  it('is well where nothing is wrong, each of them', () => expect(judge(fine).filter(({ level }) => level !== 'none')).toEqual([]));

  it.each<[string, PartName, Partial<Facts>, string]>([
    ['a database that does not answer', 'database', { latencyMs: null, databaseError: 'connection refused' }, 'critical connection refused'],
    ['a database that is slow', 'database', { latencyMs: 120 }, 'warning an empty statement takes 120 ms'],
    ['many connections', 'database', { connections: { used: 80, most: 100 } }, 'warning 80 of 100 connections are taken'],
    ['nearly no connection left', 'database', { connections: { used: 96, most: 100 } }, 'critical 96 of 100 connections are taken'],
    ['requests that wait for a connection', 'database', { servers: [{ ...server, poolWaiting: 4 }] }, 'warning 4 requests of one wait for a connection'],
    ['a disk that fills', 'disk', { disk: [{ name: 'data', freePercent: 9.9 }] }, 'warning 9.9 % of the disk of data is free'],
    ['a disk that is full', 'disk', { disk: [{ name: 'data', freePercent: 2 }] }, 'critical 2.0 % of the disk of data is free'],
    ['a disk that nobody can read', 'disk', { disk: [{ name: 'data', freePercent: null }] }, 'warning how full the disk of data is could not be read'],
    ['a disk whose room is no number', 'disk', { disk: [{ name: 'data', freePercent: NaN }] }, 'warning how full the disk of data is could not be read'],
    ['the full disk of another server', 'disk', { incidents: { DISK_LOW: { severity: 'critical', count: 1 } } }, 'warning an incident of DISK_LOW'],
    ['connections that were not counted', 'database', { connections: null }, 'warning how many connections are taken is not known'],
    ['one server of two that went without a word', 'servers', { servers: [server, { ...server, name: 'two', silentSeconds: 40 }] }, 'warning two has been silent for 40 s and did not say that it ends'],
    ['two servers of three', 'servers', { servers: [server, { ...server, silentSeconds: 40 }, { ...server, silentSeconds: 41 }] }, 'critical one has been silent for 40 s and did not say that it ends; one has been silent for 41 s and did not say that it ends'],
    ['a server that hangs for seconds', 'servers', { servers: [{ ...server, loopDelayMs: 2_500 }] }, 'critical one was busy for 2500 ms at a stretch'],
    ['servers that are not known', 'servers', { servers: null }, 'critical not known: the database did not answer'],
    ['a nightly schedule that failed', 'schedules', { schedules: [{ name: 'night', quick: false, lastError: 'no disk' }] }, 'warning night failed: no disk'],
    ['a schedule that watches over what is open, late', 'schedules', { schedules: [{ name: 'trades.watch', quick: true, lastError: null }] }, 'critical trades.watch is late'],
    ['events that come late', 'events', { servers: [{ ...server, eventsBehindSeconds: 130 }] }, 'critical what happens reaches those who watch one 130 s late'],
    ['events that nobody follows', 'events', { servers: [{ ...server, eventsBehindSeconds: null }] }, 'none '],
    ['one silent agent', 'agents', { agents: { heard: 4, silent: 1 } }, 'warning 1 of 4 agents that were heard lately are silent'],
    ['three of seven: not together', 'agents', { agents: { heard: 7, silent: 3 } }, 'warning 3 of 7 agents that were heard lately are silent'],
    ['half of all at once', 'agents', { agents: { heard: 6, silent: 3 } }, 'critical 3 of 6 agents that were heard lately are silent'],
    ['agents that a young server has not heard yet', 'agents', { agents: null }, 'none '],
    ['a critical incident that speaks for it', 'notifications', { incidents: { NOTIFICATION_FAILING: { severity: 'critical', count: 2 } } }, 'critical 2 incidents of NOTIFICATION_FAILING'],
    ['incidents that are not known', 'mirrors', { incidents: null }, 'warning not known: the database did not answer'],
  ])('is judged by %s', (_what, name, change, expected) => {
    const part = of(name, change);
    expect(`${part?.level} ${part?.why}`).toBe(expected);
  });
});
