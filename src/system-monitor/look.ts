import { performance } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { OFFLINE_AFTER_SECONDS } from '../agents/liveness.js';
import { diskRoom } from '../common/disk-room.js';
import { NoAnswerInTime } from '../database/aside.js';
import { CLIENT_SESSIONS } from '../database/client-sessions.js';
import { plainReason } from '../database/sql-state.js';
import type { DiskFacts, Facts, ScheduleFacts, ServerFacts } from './facts.js';

const WITHIN_MS = 900;

/** Of a server that went without a word: by then a person has seen it, or it was replaced. */
const SERVER_TOLD_FOR = `interval '10 minutes'`;

const SERVERS = `select name, extract(epoch from app_clock() - seen_at)::float8 as "silentSeconds", loop_delay_ms as "loopDelayMs", pool_waiting as "poolWaiting", events_behind_seconds as "eventsBehindSeconds"
  from server_instances where seen_at > app_clock() - ${SERVER_TOLD_FOR} order by name, started_at`;

/** Those that have never run are no news on a server that began just now; the first round runs them. */
const UNWELL = `select k.name, k.quick, s.last_error as "lastError" from jsonb_to_recordset($1::jsonb) as k (name text, quick boolean, late int) join schedules s on s.name = k.name
  where s.last_error is not null or s.next_run_at < app_clock() - make_interval(secs => k.late) order by k.name`;

/**
 * Heard within the hour, or within the hour before the trouble that there is: those that stay silent do not make it well again by
 * being silent for longer. Not while servers have been well for less than agents take to be called offline: they were silent because nobody listened.
 */
const AGENTS = `select count(*)::int as heard, (count(*) filter (where s.last_seen_at < app_clock() - interval '${OFFLINE_AFTER_SECONDS} seconds'))::int as silent
  from agents a join agent_state s on s.agent_id = a.id
  where a.retired_at is null and a.run = 'running' and s.last_seen_at > coalesce((select least(trouble_since, app_clock()) from system_status), app_clock()) - interval '1 hour'
    and exists (select from server_health where well_since < app_clock() - interval '${OFFLINE_AFTER_SECONDS} seconds')
  having exists (select from server_health where well_since < app_clock() - interval '${OFFLINE_AFTER_SECONDS} seconds')`;

const INCIDENTS = `select kind, count(*)::int as count, (array['info','warning','critical'])[max(array_position(array['info','warning','critical'], severity))] as severity from incidents where resolved_at is null group by kind`;

const CONNECTIONS = `select (select count(*)::int from pg_stat_activity where ${CLIENT_SESSIONS} and pid <> pg_backend_pid()) as used,
  current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int as most`;

export interface Asked {
  /** On a connection that nobody else uses. */
  ask: (text: string, values?: unknown[]) => Promise<unknown>;
  /** What this version runs, and after how long each is late. */
  schedules: readonly { name: string; everySeconds: number; lateSeconds: number }[];
  /** Folders by what lies there. */
  folders: Readonly<Record<string, string>>;
}

/** 0.9 s at most. Never throws. */
export async function look({ ask, schedules, folders }: Asked): Promise<Facts> {
  const disk = await Promise.all(Object.entries(folders).map(([name, folder]) => freeOf(name, folder)));
  const enough = new AbortController();
  const late = pause(WITHIN_MS, undefined, { signal: enough.signal, ref: false }).then((): Promise<never> => Promise.reject(new NoAnswerInTime()));
  late.catch(() => undefined);
  try {
    return { ...(await Promise.race([seenBy(ask, schedules), late])), disk };
  } catch (error) {
    const databaseError = `it does not answer: ${error instanceof NoAnswerInTime ? 'no answer within a second' : plainReason(error)}`;
    return { latencyMs: null, databaseError, connections: null, servers: null, schedules: null, agents: null, incidents: null, disk };
  } finally {
    enough.abort();
  }
}

async function seenBy(ask: Asked['ask'], schedules: Asked['schedules']): Promise<Omit<Facts, 'disk'>> {
  const rows = async <Row extends object>(text: string, values: unknown[] = []) => (await ask(text, values)) as Row[];
  const started = performance.now();
  await rows('select 1');
  const latencyMs = performance.now() - started;
  const known = JSON.stringify(schedules.map(({ name, everySeconds, lateSeconds }) => ({ name, quick: everySeconds < 60, late: lateSeconds })));
  const [connections] = await rows<{ used: number; most: number }>(CONNECTIONS);
  const incidents = await rows<{ kind: string; count: number; severity: string }>(INCIDENTS);
  const [agents] = await rows<{ heard: number; silent: number }>(AGENTS);
  return {
    latencyMs, databaseError: null, connections: connections ?? null, servers: await rows<ServerFacts>(SERVERS), schedules: await rows<ScheduleFacts>(UNWELL, [known]), agents: agents ?? null,
    incidents: Object.fromEntries(incidents.map(({ kind, count, severity }) => [kind, { severity, count }])),
  };
}

const freeOf = async (name: string, folder: string): Promise<DiskFacts> => ({ name, freePercent: await diskRoom(folder).then(({ freePercent }) => freePercent, () => null) });
