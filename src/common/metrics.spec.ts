import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Metrics } from './metrics.js';

const made: Metrics[] = [];
const create = (): Metrics => {
  const metrics = new Metrics();
  made.push(metrics);
  return metrics;
};
afterEach(() => made.splice(0).forEach((metrics) => metrics.onApplicationShutdown()));

const lines = async ({ registry }: Metrics, name: string) => (await registry.metrics()).split('\n').filter((line) => line.startsWith(name));
const NAME = 'tradewarden_http_request_duration_seconds';

describe('metrics', () => {
  it('count for one application each', async () => {
    const [one, other] = [create(), create()];
    one.leaseOutcome('leased', 3);
    one.leaseOutcome('leased');
    expect(await lines(one, 'tradewarden_lease_outcomes_total{outcome="leased"}')).toEqual(['tradewarden_lease_outcomes_total{outcome="leased"} 4']);
    expect(await lines(other, 'tradewarden_lease_outcomes_total{outcome="leased"}')).toEqual(['tradewarden_lease_outcomes_total{outcome="leased"} 0']);
    expect(await lines(other, NAME)).toEqual([]);
  });

  it('keep counting over scrapes', async () => {
    const metrics = create();
    for (let i = 1; i <= 3; i++) {
      metrics.leaseOutcome('lost');
      metrics.request('GET', '/x', 200, 0.1);
      expect(await lines(metrics, 'tradewarden_lease_outcomes_total{outcome="lost"}')).toEqual([`tradewarden_lease_outcomes_total{outcome="lost"} ${i}`]);
      expect(await lines(metrics, `${NAME}_count`)).toEqual([`${NAME}_count{method="GET",route="/x",status="2xx"} ${i}`]);
    }
  });

  it('put a duration that equals a bound into its bucket, and one beyond all bounds into the last', async () => {
    const metrics = create();
    for (const seconds of [0.005, 0.0051, 30, 30.1]) metrics.request('GET', '/x', 200, seconds);
    const counts = (await lines(metrics, `${NAME}_bucket`)).map((line) => [/le="([^"]+)"/.exec(line)?.[1], Number(line.split(' ').at(-1))]);
    expect(counts).toEqual([
      ['0.005', 1], ['0.01', 2], ['0.025', 2], ['0.05', 2], ['0.1', 2], ['0.25', 2], ['0.5', 2], ['1', 2], ['2.5', 2], ['5', 2], ['10', 2], ['30', 3], ['+Inf', 4],
    ]);
  });

  it('name a method that nobody offers, a missing route and a client that left', async () => {
    const metrics = create();
    metrics.request('PROPFIND', undefined, 404, 0);
    metrics.request('POST', '/x', null, 1);
    expect(await lines(metrics, `${NAME}_count`)).toEqual([`${NAME}_count{method="other",route="none",status="4xx"} 1`, `${NAME}_count{method="POST",route="/x",status="gone"} 1`]);
  });

  it('say nothing of an event loop that nobody has looked at, and never NaN', async () => {
    const metrics = create();
    await pause(100);
    expect(await lines(metrics, 'nodejs_eventloop_lag_max_seconds ')).toHaveLength(1);
    const again = await metrics.registry.metrics();
    expect(again).not.toMatch(/nan/i);
    expect(again).not.toMatch(/^nodejs_eventloop_lag_\w+ /m);
  });

  it('stop watching the process with their application', async () => {
    const metrics = create();
    metrics.onApplicationShutdown();
    await pause(100);
    expect(await lines(metrics, 'nodejs_eventloop_lag_max_seconds ')).toEqual([]);
  });
});
