import type { Facts, ServerFacts } from './facts.js';
import { PART_RULES, type PartLevel, type PartName, PARTS, type SeenPart } from './parts.js';

/** A statement that does nothing takes a millisecond; a hundred of them are felt by whoever waits. */
const LATENCY_WARNING_MS = 100;
const CONNECTIONS_WARNING = 0.8;
const CONNECTIONS_CRITICAL = 0.95;
/** Heard every ten seconds. */
const SERVER_SILENT_SECONDS = 35;
const LOOP_WARNING_MS = 250;
const LOOP_CRITICAL_MS = 2_000;
const EVENTS_WARNING_SECONDS = 30;
const EVENTS_CRITICAL_SECONDS = 120;
/** One or two that are silent have causes of their own; half of all of them at once have one. */
const AGENTS_TOGETHER = 3;
const DISK_WARNING_PERCENT = 10;
const DISK_CRITICAL_PERCENT = 3;

type Verdict = Omit<SeenPart, 'name'>;

const well: Verdict = { level: 'none', why: '' };
const warning = (why: string): Verdict => ({ level: 'warning', why });
const critical = (why: string): Verdict => ({ level: 'critical', why });
const notKnown = critical('not known: the database did not answer');

/** What each part looks like, from what one look found out. */
export const judge = (facts: Facts): SeenPart[] => PARTS.map((name) => ({ name, ...worst([...(OWN[name]?.(facts) ?? []), ...byIncidents(name, facts)]) }));

const OWN: Partial<Record<PartName, (facts: Facts) => Verdict[]>> = {
  // A full disk of another server is told by the incident that it opens of it: who looks now sees its own only, and next time it is another one.
  disk: ({ disk, incidents }) => [...(incidents?.['DISK_LOW'] ? [warning('an incident of DISK_LOW')] : []), ...disk.map(({ name, freePercent: free }) => {
    if (free === null || !Number.isFinite(free)) return warning(`how full the disk of ${name} is could not be read`);
    const why = `${free.toFixed(1)} % of the disk of ${name} is free`;
    return free < DISK_CRITICAL_PERCENT ? critical(why) : free < DISK_WARNING_PERCENT ? warning(why) : well;
  })],
  database: ({ latencyMs, databaseError, connections, servers }) => {
    if (latencyMs === null) return [critical(databaseError ?? 'no answer within a second')];
    return [
      latencyMs >= LATENCY_WARNING_MS ? warning(`an empty statement takes ${Math.round(latencyMs)} ms`) : well,
      ...waits(servers),
      taken(connections),
    ];
  },
  servers: ({ servers }) => {
    if (servers === null) return [notKnown];
    const gone = servers.filter(({ silentSeconds }) => silentSeconds > SERVER_SILENT_SECONDS);
    const told = gone.map(({ name, silentSeconds }) => `${name} has been silent for ${Math.round(silentSeconds)} s and did not say that it ends`);
    return [...told.map(gone.length > 1 && gone.length * 2 > servers.length ? critical : warning), ...present(servers).map(({ name, loopDelayMs }) => {
      const why = `${name} was busy for ${loopDelayMs} ms at a stretch`;
      return loopDelayMs >= LOOP_CRITICAL_MS ? critical(why) : loopDelayMs >= LOOP_WARNING_MS ? warning(why) : well;
    })];
  },
  schedules: ({ schedules }) => {
    if (schedules === null) return [notKnown];
    const told = schedules.map(({ name, quick, lastError }) => ({ quick, why: lastError === null ? `${name} is late` : `${name} failed: ${lastError.slice(0, 200)}` }));
    return told.map(({ quick, why }) => (quick ? critical(why) : warning(why)));
  },
  events: ({ servers }) => (servers === null ? [notKnown] : present(servers).map(({ name, eventsBehindSeconds: behind }) => {
    const why = `what happens reaches those who watch ${name} ${behind} s late`;
    return behind === null || behind < EVENTS_WARNING_SECONDS ? well : behind < EVENTS_CRITICAL_SECONDS ? warning(why) : critical(why);
  })),
  agents: ({ agents }) => {
    if (agents === null) return [];
    const { heard, silent } = agents;
    const why = `${silent} of ${heard} agents that were heard lately are silent`;
    return [silent >= AGENTS_TOGETHER && silent * 2 >= heard ? critical(why) : silent > 0 ? warning(why) : well];
  },
};

function taken(connections: Facts['connections']): Verdict {
  const share = connections === null ? NaN : connections.used / connections.most;
  if (connections === null || !Number.isFinite(share)) return warning('how many connections are taken is not known');
  const why = `${connections.used} of ${connections.most} connections are taken`;
  return share >= CONNECTIONS_CRITICAL ? critical(why) : share >= CONNECTIONS_WARNING ? warning(why) : well;
}

/** In two looks in a row: a pool that is too small, or that something holds. */
const waits = (servers: Facts['servers']): Verdict[] => present(servers ?? []).map(({ name, poolWaiting }) => (poolWaiting === 0 ? well : warning(`${poolWaiting} requests of ${name} wait for a connection`)));

const present = (servers: readonly ServerFacts[]): ServerFacts[] => servers.filter(({ silentSeconds }) => silentSeconds <= SERVER_SILENT_SECONDS);

function byIncidents(name: PartName, { incidents }: Facts): Verdict[] {
  const { incidents: kinds } = PART_RULES[name];
  if (incidents === null) return kinds.length === 0 ? [] : [warning('not known: the database did not answer')];
  return kinds.flatMap((kind) => {
    const found = incidents[kind];
    if (!found || found.severity === 'info') return [];
    return [(found.severity === 'critical' ? critical : warning)(`${found.count === 1 ? 'an incident' : `${found.count} incidents`} of ${kind}`)];
  });
}

/** The worst level, with all that is said at that level. */
function worst(verdicts: readonly Verdict[]): Verdict {
  for (const level of ['critical', 'warning'] as const satisfies PartLevel[]) {
    const at = verdicts.filter((verdict) => verdict.level === level);
    if (at.length > 0) return { level, why: at.map(({ why }) => why).join('; ').slice(0, 1_000) };
  }
  return well;
}
