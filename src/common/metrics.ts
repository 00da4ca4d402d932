import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { Counter, type Metric, Registry } from 'prom-client';
import { counter, gauge } from './gauge.js';
import { ProcessMetrics } from './process-metrics.js';
import { RequestDurations } from './request-durations.js';

/** `leased` was handed out, `lost` was refused as COMMAND_LEASE_LOST; the others are how a lease ended, as in `command_attempts`. */
const LEASE_OUTCOMES = ['leased', 'succeeded', 'not_sent', 'rejected', 'unknown', 'lapsed', 'given_back', 'lost'] as const;
export type LeaseOutcome = (typeof LEASE_OUTCOMES)[number];

/** `duplicate` was answered with the first alert's id; the others are how a run of an alert ended. */
const ALERT_OUTCOMES = ['processed', 'ignored', 'expired', 'quarantined', 'failed', 'duplicate'] as const;
export type AlertOutcome = (typeof ALERT_OUTCOMES)[number];

/** `failed_attempt` is tried again; the others are how a message to people ended. */
const NOTIFICATION_OUTCOMES = ['sent', 'failed_attempt', 'given_up'] as const;
export type NotificationOutcome = (typeof NOTIFICATION_OUTCOMES)[number];
const NOTIFICATION_CHANNELS = ['telegram', 'email', 'webhook'] as const;

/**
 * What this application counts while it runs. The registry is its own: two applications in one process do not count
 * for each other. Labels are names from the code, never from a request and never an id. Counting on a hot path is a
 * look into a Map and an addition; prom-client takes 8 times as long for a counter, and names the labels at a scrape.
 */
@Injectable()
export class Metrics implements OnApplicationShutdown {
  readonly registry = new Registry();
  private readonly leases = new Map<LeaseOutcome, number>(LEASE_OUTCOMES.map((outcome) => [outcome, 0]));
  private readonly alerts = new Map<AlertOutcome, number>(ALERT_OUTCOMES.map((outcome) => [outcome, 0]));
  private readonly notifications = new Map<string, number>(NOTIFICATION_CHANNELS.flatMap((channel) => NOTIFICATION_OUTCOMES.map((outcome) => [`${channel} ${outcome}`, 0])));
  /** By `verdict code`. */
  private readonly verdicts = new Map<string, number>();
  private replays = 0;
  private readonly requests = new RequestDurations();
  private readonly process = new ProcessMetrics(this.registry);

  constructor() {
    const { leases, alerts, notifications, verdicts } = this;
    new Counter({
      name: 'tradewarden_lease_outcomes_total', labelNames: ['outcome'], registers: [this.registry],
      help: 'What happened to leases on this instance: leased = handed out; lost = a completion, failure or extension that came too late and was refused; the others are how a lease ended.',
      collect() {
        this.reset();
        for (const [outcome, count] of leases) this.inc({ outcome }, count);
      },
    });
    new Counter({
      name: 'tradewarden_alerts_total', labelNames: ['outcome'], registers: [this.registry],
      help: 'What became of alerts on this instance: duplicate = answered with the id of the first; the others are how a run of an alert ended, redriven ones again.',
      collect() {
        this.reset();
        for (const [outcome, count] of alerts) this.inc({ outcome }, count);
      },
    });
    new Counter({
      name: 'tradewarden_notifications_total', labelNames: ['channel', 'outcome'], registers: [this.registry],
      help: 'Messages of this instance to people: sent; failed_attempt = tried again; given_up = refused ten times.',
      collect() {
        this.reset();
        for (const [key, count] of notifications) this.inc({ channel: key.split(' ')[0] ?? '', outcome: key.split(' ')[1] ?? '' }, count);
      },
    });
    new Counter({
      name: 'tradewarden_gate_verdicts_total', labelNames: ['verdict', 'code'], registers: [this.registry],
      help: 'What the gate decided on this instance, by the first reason that it gave (NONE: it had none); an idea that waits is looked at more than once.',
      collect() {
        this.reset();
        for (const [key, count] of verdicts) this.inc({ verdict: key.split(' ')[0] ?? '', code: key.split(' ')[1] ?? '' }, count);
      },
    });
    this.counter('tradewarden_idempotent_replays_total', 'Requests that this instance answered with what the first one with their Idempotency-Key was answered.', () => this.replays);
    this.registry.registerMetric(this.requests as unknown as Metric);
  }

  /** After the commit of what happened; `count` leases at once. */
  leaseOutcome(outcome: LeaseOutcome, count = 1): void {
    this.leases.set(outcome, (this.leases.get(outcome) ?? 0) + count);
  }

  /** After the commit. */
  alertOutcome(outcome: AlertOutcome, count = 1): void {
    this.alerts.set(outcome, (this.alerts.get(outcome) ?? 0) + count);
  }

  /** After the commit. */
  notificationOutcome(channel: (typeof NOTIFICATION_CHANNELS)[number], outcome: NotificationOutcome): void {
    const key = `${channel} ${outcome}`;
    this.notifications.set(key, (this.notifications.get(key) ?? 0) + 1);
  }

  /** After the commit. @param code of the first reason, from the code's own list */
  verdict(verdict: string, code: string | null): void {
    const key = `${verdict} ${code ?? 'NONE'}`;
    this.verdicts.set(key, (this.verdicts.get(key) ?? 0) + 1);
  }

  replayed(): void {
    this.replays += 1;
  }

  /**
   * One request that is over.
   * @param route the pattern it was routed by, undefined when there is none; never its URL
   * @param status null when the client left before it was answered
   */
  request(method: string, route: string | undefined, status: number | null, seconds: number): void {
    this.requests.observe(method, route, status, seconds);
  }

  /** A figure that is read at each scrape; null where there is none to say. */
  gauge(name: string, help: string, read: () => number | null): void {
    gauge(this.registry, name, help, read);
  }

  /** A count that somebody keeps; null where there is none to say. */
  counter(name: string, help: string, read: () => number | null): void {
    counter(this.registry, name, help, read);
  }

  onApplicationShutdown(): void {
    this.process.stop();
  }
}
