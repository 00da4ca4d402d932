import { readdirSync, readFileSync } from 'node:fs';
import { median } from './percentiles.js';

/** Clock ticks of /proc, 100 to the second on every Linux that Node runs on. */
const MS_PER_TICK = 10;

interface Stat {
  parent: number;
  /** Of the process itself, in user and system mode. */
  ownMs: number;
  /** Of its children that have ended and been waited for. */
  endedMs: number;
}

/** Null when the process has ended, or where there is no /proc. */
function statOf(pid: number | string): Stat | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The name in brackets may hold blanks and brackets; state, parent and the rest come after the last one.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    const ticks = (n: number) => Number(fields[n]) * MS_PER_TICK;
    return { parent: Number(fields[1]), ownMs: ticks(11) + ticks(12), endedMs: ticks(13) + ticks(14) };
  } catch {
    return null;
  }
}

function treeMs(pid: number): number {
  const root = statOf(pid);
  if (!root) return NaN;
  const children = readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(statOf);
  return children.reduce((sum, stat) => sum + (stat?.parent === pid ? stat.ownMs : 0), root.ownMs + root.endedMs);
}

/** All processors together, all processes. Time that the host gave to other machines is not in it. */
function machineBusyMs(): number {
  try {
    const [, user, nice, system, , , irq, softirq] = (readFileSync('/proc/stat', 'latin1').split('\n', 1)[0] ?? '').split(/ +/).map(Number);
    return [user, nice, system, irq, softirq].reduce<number>((sum, ticks) => sum + (ticks ?? NaN), 0) * MS_PER_TICK;
  } catch {
    return NaN;
  }
}

/** Milliseconds of processor time so far. NaN where there is no /proc. */
export interface ProcessorTime {
  /** The Tradewarden process. */
  server: number;
  /** The database with all its backends. */
  postgres: number;
  /** This process: the load, and the peers that work in process. */
  client: number;
  /** Everybody, on all processors. */
  machine: number;
  at: number;
}

export function processorTime(serverPid: number | null, postmasterPid: number): ProcessorTime {
  const { user, system } = process.cpuUsage();
  return {
    server: serverPid === null ? 0 : (statOf(serverPid)?.ownMs ?? NaN), postgres: treeMs(postmasterPid), client: (user + system) / 1000,
    machine: machineBusyMs(), at: performance.now(),
  };
}

/** Percent of one core between two looks. */
export interface ProcessorShare {
  server: number;
  postgres: number;
  client: number;
  /** What is none of these: the less, the better the figures. */
  others: number;
}

export function shareBetween(before: ProcessorTime, after: ProcessorTime): ProcessorShare {
  const percent = (key: 'server' | 'postgres' | 'client' | 'machine') => (100 * (after[key] - before[key])) / (after.at - before.at);
  const [server, postgres, client] = [percent('server'), percent('postgres'), percent('client')];
  return { server, postgres, client, others: Math.max(0, percent('machine') - server - postgres - client) };
}

/** Milliseconds that programs other than this bench, its servers and its database have had so far. NaN where there is no /proc. */
export const othersMs = (postmasterPid: number): number => machineBusyMs() - treeMs(process.pid) - treeMs(postmasterPid);

/** The middle of each. */
export function medianShare(shares: readonly ProcessorShare[]): ProcessorShare {
  const of = (key: keyof ProcessorShare) => median(shares.map((share) => share[key]));
  return { server: of('server'), postgres: of('postgres'), client: of('client'), others: of('others') };
}

/** Resident set in bytes. */
export function residentBytes(pid: number): number {
  const line = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'));
  return Number(line?.[1] ?? NaN) * 1024;
}

/** How many files, and so connections, a process may open; null where there is no /proc. */
export function openFilesMost(pid: number): number | null {
  try {
    const most = /^Max open files\s+(\S+)/m.exec(readFileSync(`/proc/${pid}/limits`, 'latin1'))?.[1];
    return most === 'unlimited' ? Infinity : Number(most);
  } catch {
    return null;
  }
}
